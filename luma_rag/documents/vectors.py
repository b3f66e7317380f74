"""The Postgres sink: a document's passages, chunks, terms and vectors, written atomically."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from pgvector import HalfVector
from sqlalchemy import (
    ColumnElement,
    delete,
    exists,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.chunker import embedding_text
from ingest.embedding import Embedder
from ingest.errors import OutageError
from ingest.parsers import READER_VERSION
from ingest.pipeline import digest
from ingest.types import EmbeddedDocument, Vector
from luma_rag.db.base import utcnow
from luma_rag.db.errors import outage
from luma_rag.db.models import (
    Chunk,
    ChunkDigest,
    Document,
    Ingestion,
    LexicalDocument,
    Namespace,
    NamespaceDoc,
    Passage,
    Reread,
)
from luma_rag.db.models.generation import FIRST_MODEL
from luma_rag.db.session import Sessions
from luma_rag.documents import embeddings, generations, lexical_index, page_labels, version_rows
from luma_rag.documents.embeddings import DocumentText
from luma_rag.documents.lexical_index import Terms
from luma_rag.documents.models import Models
from luma_rag.documents.search_rows import place, unlink


class PostgresSink:
    """Stores documents that `worker` has embedded, in every namespace it claimed them for."""

    def __init__(self, sessions: Sessions, worker: int, models: Models | None = None) -> None:
        """`models` are those of the database. Without them, all namespaces have the first model alone."""
        self._sessions = sessions
        self._worker = worker
        self._models = models
        # Documents in work, by another model than usual.
        self._embedded_by: dict[int, int] = {}

    async def model_for(self, doc_id: int) -> tuple[int, Embedder | None]:
        """The model to embed a claimed document with, and its id; None for the usual one.

        It is another one if no namespace of the document uses that.

        Raises:
            OutageError: the model can't be loaded, or the database is unavailable.
        """
        self._embedded_by.pop(doc_id, None)
        if self._models is None:
            return FIRST_MODEL, None
        with _outages():
            async with self._sessions.begin() as session:
                needed = await self._needed(session, doc_id, live_only=True)
        if not needed or self._models.own_id in needed:
            return self._models.own_id, None
        model_id = self._embedded_by[doc_id] = min(needed)
        return model_id, await self._models.get_or_wait(model_id)

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
        usual = FIRST_MODEL if self._models is None else self._models.own_id
        vectors = {self._embedded_by.pop(key, usual): document.embeddings}
        with _outages():
            is_new = await self._store(key, document, terms, digests, vectors)
        if not is_new:
            await self.link(key)

    async def link(self, doc_id: int) -> None:
        """Add an embedded document to further namespaces by copying rows.

        Raises:
            OutageError: the database is unavailable, full or busy.
        """
        with _outages():
            while True:
                if self._models is not None:
                    async with self._sessions.begin() as session:
                        needed = await self._needed(session, doc_id)
                    await embeddings.embed_missing(self._sessions, self._models, doc_id, needed)
                async with self._sessions.begin() as session:
                    if await _lock(session, doc_id):
                        await _lock_namespaces(session, doc_id, self._worker)
                        if self._models is not None:
                            needed = await self._needed(session, doc_id, live_only=True)
                            if await embeddings.missing(session, doc_id, needed):
                                continue  # Another generation has been made live meanwhile.
                        await _link(session, doc_id, self._worker)
                    return

    async def _store(
        self,
        doc_id: int,
        document: EmbeddedDocument,
        terms: Terms,
        digests: bytes,
        vectors: dict[int, Vector],
    ) -> bool:
        """Returns false if another worker has stored the document first."""
        while True:
            await self._embed_otherwise(doc_id, document, vectors)
            async with self._sessions.begin() as session:
                if not await _lock(session, doc_id):
                    return True
                await _lock_namespaces(session, doc_id, self._worker)
                if await self._needed(session, doc_id, live_only=True) - vectors.keys():
                    continue  # Another generation has been made live meanwhile.
                if not await _write(session, doc_id, document, terms, digests, self._worker, vectors):
                    return False
                await _link(session, doc_id, self._worker)
                return True

    async def _needed(self, session: AsyncSession, doc_id: int, *, live_only: bool = False) -> set[int]:
        """The models of all namespaces that the document is claimed for."""
        claimed = select(Ingestion.namespace_id).where(*_claimed(doc_id, self._worker))
        found = await session.scalars(claimed.order_by(Ingestion.namespace_id))
        return await generations.models_of(session, found.all(), live_only=live_only)

    async def _embed_otherwise(
        self, doc_id: int, document: EmbeddedDocument, vectors: dict[int, Vector]
    ) -> None:
        """Add the vectors of a document by other models of its namespaces."""
        async with self._sessions.begin() as session:
            needed = await self._needed(session, doc_id) - vectors.keys()
            title = await session.scalar(select(Document.title).where(Document.id == doc_id))
        if needed and self._models is None:
            raise RuntimeError("a sink without models, and a namespace with another than the first")
        if self._models is not None:
            chunks = [(each.heading, each.text) for each in document.chunks]
            text = DocumentText(document.document.title or title or "", chunks)
            vectors |= {each: await self._models.embed(each, text) for each in sorted(needed)}


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
    vectors: dict[int, Vector],
) -> bool:
    """Write what was read of a document. Returns false if another worker has done so."""
    if await session.scalar(select(exists().where(Chunk.doc_id == doc_id))):
        if not await _may_replace(session, doc_id, worker):
            return False
        await _remove(session, doc_id)
    else:
        # A version that came before any text was stored. There is nothing to be read again.
        await session.execute(delete(Reread).where(Reread.doc_id == doc_id, Reread.is_queued))
    parsed = embedded.document
    # Written with the chunks. Adding it afterwards would write each row twice.
    first = vectors.get(FIRST_MODEL)
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
                "embedding": None if first is None else HalfVector(first[i]),
            }
            for i, chunk in enumerate(embedded.chunks)
        ],
    )
    others = {model_id: found for model_id, found in vectors.items() if model_id != FIRST_MODEL}
    await embeddings.add_all(session, doc_id, others)
    session.add(ChunkDigest(doc_id=doc_id, digests=digests))
    # One that came during the reading still waits.
    await session.execute(delete(Reread).where(Reread.doc_id == doc_id, Reread.is_queued))
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
    return True


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
    for model in (Chunk, ChunkDigest, Passage, LexicalDocument):
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
