"""The numbers of the versions of documents, and when the text of each replaced that of the one before."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from luma_rag.db.base import utcnow
from luma_rag.db.models import ChunkVector, Document, DocumentVersion, Reread
from luma_rag.documents.storage import StoredFile


def number_of(document: Document) -> int:
    """The number of the version that a document's file is."""
    return int(document.file_metadata.get("version", 1))


async def add(session: AsyncSession, document: Document, stored: StoredFile) -> int:
    """Record that `stored` follows the present file of a document. Returns the number of its version."""
    number = number_of(document)
    metadata = document.file_metadata
    await session.execute(
        upsert(DocumentVersion)
        .values(
            doc_id=document.id,
            number=number,
            sha256=metadata["sha256"],
            size=metadata["size"],
            stored_at=document.uploaded_at,
        )
        .on_conflict_do_nothing()
    )
    session.add(
        DocumentVersion(
            doc_id=document.id,
            number=number + 1,
            sha256=stored.sha256,
            size=stored.size,
            stored_at=utcnow(),
        )
    )
    return number + 1


async def mark_read(session: AsyncSession, doc_id: int) -> int | None:
    """The text of the newest version replaces the one before, unless that version came during the reading.

    Returns the number of a version that is read for the first time, other than the first.
    Call this before the first of its vectors is stored; the document is locked.
    """
    # Taken from the sequence of the vectors, it lies between those before and those that follow.
    next_vector = func.nextval(func.pg_get_serial_sequence(ChunkVector.__tablename__, "id"))
    came_meanwhile = exists().where(Reread.doc_id == doc_id, ~Reread.is_queued)
    number: int | None = await session.scalar(
        update(DocumentVersion)
        .where(
            DocumentVersion.doc_id == doc_id,
            DocumentVersion.number == _newest(doc_id),
            DocumentVersion.vectors_after.is_(None),
            ~came_meanwhile,
        )
        .values(vectors_after=next_vector)
        .returning(DocumentVersion.number)
        .execution_options(synchronize_session=False)
    )
    return number


def is_unread(doc_id: InstrumentedAttribute[int] | int) -> ColumnElement[bool]:
    """Whether the text of a document is that of an earlier version than its file."""
    return exists().where(
        DocumentVersion.doc_id == doc_id,
        DocumentVersion.number > 1,
        DocumentVersion.number == _newest(doc_id),
        DocumentVersion.vectors_after.is_(None),
    )


async def earliest_vectors(session: AsyncSession, doc_ids: Collection[int]) -> dict[int, int]:
    """For each of these documents that has a second version: vectors with a smaller id are of an earlier one.

    Tells nothing about the documents but that.
    """
    rows = await session.execute(
        select(DocumentVersion.doc_id, func.max(DocumentVersion.vectors_after))
        .where(DocumentVersion.doc_id.in_(doc_ids), DocumentVersion.vectors_after.is_not(None))
        .group_by(DocumentVersion.doc_id)
    )
    return {doc_id: first for doc_id, first in rows if first is not None}


def _newest(doc_id: InstrumentedAttribute[int] | int) -> ScalarSelect[int]:
    other = aliased(DocumentVersion)
    return select(func.max(other.number)).where(other.doc_id == doc_id).scalar_subquery()
