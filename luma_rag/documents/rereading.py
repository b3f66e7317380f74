"""Reading stored documents again, after an upgrade that reads more of them, or reads it better.

Requests wait in a table of their own until the queue is empty, so that uploads don't wait behind them. A
worker then queues one document at a time. Its old text is searched until one transaction replaces it.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlalchemy import ColumnElement, Integer, cast, delete, exists, func, literal, select, true, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, JSONPATH
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.parsers import READER_VERSION
from ingest.types import ReadingWarning
from luma_rag.access import Principal, readable_documents
from luma_rag.access.principal import Caller
from luma_rag.db.base import utcnow
from luma_rag.db.models import Chunk, Document, Ingestion, NamespaceDoc, Reread
from luma_rag.documents import version_rows
from luma_rag.documents.ingestion import CHANNEL, owner_of

Which = Literal["outdated", "incomplete", "all"]
"""Documents that an earlier version of the parsers read, documents with warnings, or all."""

# Recognized text would be recognized again, with the same result. Before version 0.3, warnings were texts.
_INCOMPLETE = '$[*] ? (@.type() == "string" || @.code != "recognized")'

KEPT = "not_read_again"
"""The code of the warning that reading a document again failed."""
EARLIER_VERSION = "new_version_not_read"
"""The code of the warning that the text is that of an earlier version of the file."""


_OF_FAILURES = (KEPT, EARLIER_VERSION)


class Requested(msgspec.Struct, frozen=True):
    """The documents that are now to be read again, and the number of all that wait, these included."""

    doc_ids: list[int]
    waiting: int


async def request(
    session: AsyncSession,
    principal: Principal,
    which: Which,
    *,
    namespace_id: int | None = None,
    doc_ids: Sequence[int] | None = None,
) -> Requested:
    """Have documents read again that the caller can change. A document that has not been read is left out.

    `namespace_id` and `doc_ids` narrow the choice. The caller may read the namespace.
    """
    wanted = (
        select(Document.id)
        .where(
            Document.id.in_(readable_documents(principal, "write")),
            exists().where(Chunk.doc_id == Document.id),
            _chosen(which),
        )
        .order_by(Document.id)
    )
    if namespace_id is not None:
        wanted = wanted.where(
            exists().where(NamespaceDoc.doc_id == Document.id, NamespaceDoc.namespace_id == namespace_id)
        )
    if doc_ids is not None:
        wanted = wanted.where(Document.id.in_(doc_ids))
    found = list(await session.scalars(wanted))
    if found:
        await session.execute(
            upsert(Reread)
            .from_select(["doc_id"], select(func.unnest(cast(literal(found), ARRAY(Integer)))))
            .on_conflict_do_nothing()
        )
        await session.execute(select(func.pg_notify(CHANNEL, "")))
    mine = Reread.doc_id.in_(readable_documents(principal, "write"))
    waiting = await session.scalar(select(func.count()).select_from(Reread).where(mine))
    return Requested(found, waiting or 0)


async def outdated(session: AsyncSession, principal: Caller) -> int:
    """The number of documents that an earlier version of the parsers read, of those the caller can change."""
    counted = await session.scalar(
        select(func.count())
        .select_from(Document)
        .where(
            Document.id.in_(readable_documents(principal, "write")),
            exists().where(Chunk.doc_id == Document.id),
            _chosen("outdated"),
        )
    )
    return counted or 0


async def queue_next(session: AsyncSession) -> bool:
    """Queue the document that has waited longest, for all its namespaces. Returns whether there was one.

    A document that is in the queue already waits for its end; one without a namespace, until it gets one.
    """
    is_active = exists().where(Ingestion.doc_id == Document.id, Ingestion.state.in_(("queued", "running")))
    doc_id = await session.scalar(
        select(Document.id)
        .join(Reread, Reread.doc_id == Document.id)
        .where(exists().where(NamespaceDoc.doc_id == Document.id), ~is_active)
        .order_by(Reread.requested_at, Document.id)
        .limit(1)
        .with_for_update(of=Document, skip_locked=True)
    )
    if doc_id is None:
        return False
    await session.execute(update(Reread).where(Reread.doc_id == doc_id).values(is_queued=True))
    await queue(session, doc_id, is_batch=True)
    return True


async def queue(session: AsyncSession, doc_id: int, *, is_batch: bool = False) -> None:
    """Queue a document for all its namespaces, also where it has failed. None of them is running.

    `is_batch` as for `ingestion.enqueue`.
    """
    newest = select(func.max(Ingestion.id)).where(Ingestion.doc_id == doc_id).group_by(Ingestion.namespace_id)
    await session.execute(
        update(Ingestion)
        .where(Ingestion.id.in_(newest))
        .values(
            state="queued",
            error=None,
            progress=0.0,
            attempts=0,
            deferrals=0,
            is_batch=is_batch,
            awaits_recognition=False,
            owner_id=owner_of(Ingestion.doc_id),
            next_attempt_at=func.localtimestamp(),
            updated_at=utcnow(),
        )
    )
    await session.execute(select(func.pg_notify(CHANNEL, "")))


async def queue_version(session: AsyncSession, doc_id: int) -> None:
    """Queue the version of a document that came while a worker read the one before, which has ended."""
    # If another namespace is being served, this is called again at its end.
    is_running = exists().where(Ingestion.doc_id == doc_id, Ingestion.state == "running")
    is_requested = exists().where(Reread.doc_id == doc_id, ~Reread.is_queued)
    waits = is_requested & version_rows.is_unread(doc_id) & ~is_running
    waiting = select(Document.id).where(Document.id == doc_id, waits).with_for_update()
    if await session.scalar(waiting) is not None:
        await session.execute(update(Reread).where(Reread.doc_id == doc_id).values(is_queued=True))
        await queue(session, doc_id)


async def keep_earlier_text(session: AsyncSession) -> None:
    """Let the earlier text of documents stand that could not be read again, with a warning that says why."""
    is_held = exists().where(
        NamespaceDoc.doc_id == Ingestion.doc_id, NamespaceDoc.namespace_id == Ingestion.namespace_id
    )
    failed = await session.execute(
        select(Ingestion.doc_id, func.min(Ingestion.error), version_rows.is_unread(Ingestion.doc_id))
        .join(Reread, Reread.doc_id == Ingestion.doc_id)
        .where(Ingestion.state == "failed", Reread.is_queued, is_held)
        .group_by(Ingestion.doc_id)
    )
    for doc_id, reason, is_version in failed.all():
        await session.execute(
            update(Ingestion)
            .where(Ingestion.doc_id == doc_id, Ingestion.state == "failed", is_held)
            .values(state="ready", error=None, progress=1.0, updated_at=utcnow())
        )
        if is_version:
            why = "The new version could not be read. Searches find the text of the earlier one: "
            warning = ReadingWarning(EARLIER_VERSION, f"{why}{reason}")
        else:
            why = "The document could not be read again, and keeps its text: "
            warning = ReadingWarning(KEPT, f"{why}{reason}")
        await _add_warning(session, doc_id, warning)
        # A newer version may have been requested meanwhile.
        await session.execute(delete(Reread).where(Reread.doc_id == doc_id, Reread.is_queued))


async def _add_warning(session: AsyncSession, doc_id: int, warning: ReadingWarning) -> None:
    warnings = await session.scalar(select(Document.file_metadata["warnings"]).where(Document.id == doc_id))
    others = [
        each for each in warnings or [] if not isinstance(each, dict) or each.get("code") not in _OF_FAILURES
    ]
    changed = {"warnings": [*others, msgspec.to_builtins(warning)]}
    await session.execute(
        update(Document)
        .where(Document.id == doc_id)
        .values(file_metadata=Document.file_metadata.op("||")(literal(changed, JSONB)))
    )


def _chosen(which: Which) -> ColumnElement[bool]:
    if which == "all":
        return true()
    if which == "incomplete":
        return func.jsonb_path_exists(Document.file_metadata["warnings"], cast(_INCOMPLETE, JSONPATH))
    return func.coalesce(Document.file_metadata["reader"].as_integer(), 0) < READER_VERSION
