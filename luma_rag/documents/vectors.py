"""The Postgres sink: a document's passages, chunks, terms and vectors, written atomically."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from pgvector import HalfVector
from sqlalchemy import (
    ColumnElement,
    Integer,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from ingest.chunker import embedding_text
from ingest.errors import OutageError
from ingest.parsers import READER_VERSION
from ingest.pipeline import digest
from ingest.types import EmbeddedDocument
from luma_rag.db.base import utcnow
from luma_rag.db.errors import outage
from luma_rag.db.models import (
    Chunk,
    ChunkDigest,
    ChunkVector,
    Document,
    Ingestion,
    LexicalDocument,
    Namespace,
    NamespaceDoc,
    Passage,
    Reread,
)
from luma_rag.db.session import Sessions
from luma_rag.documents import lexical_index, page_labels, version_rows
from luma_rag.documents.lexical_index import Terms


class PostgresSink:
    """Stores documents that `worker` has embedded, in every namespace it claimed them for."""

    def __init__(self, sessions: Sessions, worker: int) -> None:
        self._sessions = sessions
        self._worker = worker

    async def store(self, key: int, document: EmbeddedDocument) -> None:
        """Store a document in one transaction with `namespace_doc` and the ingestion's state.

        The text of a document that is read again is replaced. A document that was deleted meanwhile is
        silently dropped.

        Raises:
            OutageError: the database is unavailable, full or busy.
        """
        inputs = [embedding_text(chunk) for chunk in document.chunks]
        terms = await asyncio.to_thread(lexical_index.analyze, inputs)
        digests = await asyncio.to_thread(lambda: b"".join(map(digest, inputs)))
        with _outages():
            async with self._sessions.begin() as session:
                if await _lock(session, key):
                    await _lock_namespaces(session, key, self._worker)
                    await _write(session, key, document, terms, digests, self._worker)
                    await _link(session, key, self._worker)

    async def link(self, doc_id: int) -> None:
        """Add an embedded document to further namespaces by copying rows.

        Raises:
            OutageError: the database is unavailable, full or busy.
        """
        with _outages():
            async with self._sessions.begin() as session:
                if await _lock(session, doc_id):
                    await _lock_namespaces(session, doc_id, self._worker)
                    await _link(session, doc_id, self._worker)


async def unlink(session: AsyncSession, doc_id: int, namespace_id: int) -> bool:
    """Remove a document and its vectors from a namespace. Returns whether it was there."""
    await lexical_index.remove(session, namespace_id, doc_id)
    await session.execute(
        delete(ChunkVector).where(ChunkVector.namespace_id == namespace_id, ChunkVector.doc_id == doc_id)
    )
    removed = await session.scalar(
        delete(NamespaceDoc)
        .where(NamespaceDoc.namespace_id == namespace_id, NamespaceDoc.doc_id == doc_id)
        .returning(NamespaceDoc.id)
    )
    return removed is not None


async def place(session: AsyncSession, doc_id: int, namespace_id: int) -> int:
    """Copy the embeddings of a document's chunks into a namespace, replacing earlier vectors.

    Returns the number of chunks. The caller has locked the document.
    """
    await unlink(session, doc_id, namespace_id)
    copied = (
        insert(ChunkVector)
        .from_select(
            ["namespace_id", "doc_id", "chunk_id", "embedding"],
            select(literal(namespace_id, Integer), Chunk.doc_id, Chunk.id, Chunk.embedding)
            .where(Chunk.doc_id == doc_id)
            .order_by(Chunk.ordinal),
        )
        .returning(ChunkVector.id)
        .cte("copied")
    )
    ids = func.array_agg(aggregate_order_by(cast(copied.c.id, Text), copied.c.id))
    chunks = await session.scalar(
        insert(NamespaceDoc)
        .from_select(
            ["namespace_id", "doc_id", "vec_id"],
            select(literal(namespace_id, Integer), literal(doc_id, Integer), ids),
        )
        .returning(func.cardinality(NamespaceDoc.vec_id))
    )
    await lexical_index.index(session, namespace_id, [doc_id])
    return chunks or 0


@contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if reason := outage(error):
            raise OutageError(f"{reason}. Luma retries automatically.") from error
        raise


async def _lock(session: AsyncSession, doc_id: int) -> bool:
    found = await session.scalar(select(Document.id).where(Document.id == doc_id).with_for_update())
    return found is not None


async def _lock_namespaces(session: AsyncSession, doc_id: int, worker: int) -> None:
    # Before anything of them is locked: the deletion of a namespace uses the same order.
    await session.execute(
        select(Namespace.id)
        .where(Namespace.id.in_(select(Ingestion.namespace_id).where(*_claimed(doc_id, worker))))
        .order_by(Namespace.id)
        .with_for_update(read=True, key_share=True)
    )


def _claimed(doc_id: int, worker: int) -> tuple[ColumnElement[bool], ...]:
    return Ingestion.doc_id == doc_id, Ingestion.state == "running", Ingestion.worker == worker


async def _write(
    session: AsyncSession,
    doc_id: int,
    embedded: EmbeddedDocument,
    terms: Terms,
    digests: bytes,
    worker: int,
) -> None:
    if await session.scalar(select(exists().where(Chunk.doc_id == doc_id))):
        if not await _may_replace(session, doc_id, worker):
            return  # Another worker stored the same document first.
        await _remove(session, doc_id)
    parsed = embedded.document
    await session.execute(
        insert(Passage),
        [
            {"doc_id": doc_id, "ordinal": i, "page": p.page, "heading": p.heading, "text": p.text}
            for i, p in enumerate(parsed.passages)
        ],
    )
    await session.execute(
        insert(Chunk),
        [
            {
                "doc_id": doc_id,
                "ordinal": i,
                "passage": chunk.passage,
                "start_char": chunk.start,
                "end_char": chunk.end,
                "tokens": chunk.tokens,
                "page": chunk.page,
                "heading": chunk.heading,
                "text": chunk.text,
                "embedding": HalfVector(embedding),
            }
            for i, (chunk, embedding) in enumerate(zip(embedded.chunks, embedded.embeddings, strict=True))
        ],
    )
    session.add(ChunkDigest(doc_id=doc_id, digests=digests))
    version = await version_rows.mark_read(session, doc_id)
    await lexical_index.store(session, doc_id, terms)
    read: dict[str, Any] = {
        "pages": parsed.pages,
        "warnings": msgspec.to_builtins(parsed.reading_warnings),
        "reader": READER_VERSION,
    }
    if labels := page_labels.changes(parsed.passages):
        read["page_labels"] = labels
    if version is not None:
        read["text_version"] = version
    earlier = Document.file_metadata.op("-")("page_labels")
    await session.execute(
        update(Document)
        .where(Document.id == doc_id)
        .values(file_metadata=earlier.op("||")(literal(read, JSONB)))
    )


async def _may_replace(session: AsyncSession, doc_id: int, worker: int) -> bool:
    """Whether the document is to be read again, and `worker` has claimed it for all its namespaces."""
    claimed = select(Ingestion.namespace_id).where(*_claimed(doc_id, worker))
    elsewhere = exists().where(NamespaceDoc.doc_id == doc_id, NamespaceDoc.namespace_id.not_in(claimed))
    may = await session.scalar(select(exists().where(Reread.doc_id == doc_id, Reread.is_queued) & ~elsewhere))
    return bool(may)


async def _remove(session: AsyncSession, doc_id: int) -> None:
    """Remove the text of a document, with its vectors and terms."""
    held = await session.scalars(select(NamespaceDoc.namespace_id).where(NamespaceDoc.doc_id == doc_id))
    for namespace_id in held.all():
        await unlink(session, doc_id, namespace_id)
    for model in (Chunk, ChunkDigest, Passage, LexicalDocument, Reread):
        await session.execute(delete(model).where(model.doc_id == doc_id))


async def _link(session: AsyncSession, doc_id: int, worker: int) -> None:
    """Copy the chunks' embeddings into each namespace that `worker` claimed the document for."""
    ingestions = await session.scalars(
        select(Ingestion).where(*_claimed(doc_id, worker)).order_by(Ingestion.id).with_for_update()
    )
    for ingestion in ingestions.all():
        chunks = await place(session, doc_id, ingestion.namespace_id)
        ingestion.state = "ready"
        ingestion.stage = None
        ingestion.worker = None
        ingestion.progress = 1.0
        ingestion.chunks = chunks
        ingestion.updated_at = utcnow()
