"""The embeddings of the chunks of documents, by any model, stored once for all namespaces."""

import itertools
from collections.abc import Collection, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
from pgvector import HalfVector
from sqlalchemy import ColumnElement, bindparam, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.chunker import chunk, embedding_text
from ingest.embedding import Embedder
from ingest.settings import ChunkSettings
from ingest.types import ParsedDocument, Passage, Vector
from luma_rag.db.models import Chunk, ChunkEmbedding, Document
from luma_rag.db.models.generation import FIRST_MODEL
from luma_rag.db.session import Sessions


class DocumentText(msgspec.Struct, frozen=True):
    """What models read of a document: its title, and heading and text of each chunk, in order."""

    title: str
    chunks: list[tuple[str | None, str]]


class Embedders(Protocol):
    """Embeds documents with the models of the database, named by their ids."""

    async def embed(self, model_id: int, text: DocumentText) -> Vector:
        """Embed the chunks of a document; shape (len(text.chunks), dimensions)."""
        ...


def embed(embedder: Embedder, text: DocumentText) -> Vector:
    """Embed the chunks of a document; blocks. Shape (len(text.chunks), dimensions).

    They may have been cut for another model. What is too long for this one is embedded in parts, and gets the
    mean of their vectors.
    """
    count = embedder.tokens
    settings = ChunkSettings(max_tokens=count.max_tokens, overlap_tokens=0)
    inputs: list[str] = []
    ends = [0]
    for heading, content in text.chunks:
        parts = chunk(ParsedDocument("txt", [Passage(content, heading=heading)]), text.title, count, settings)
        inputs += [embedding_text(part) for part in parts]
        ends.append(len(inputs))
    found = embedder.embed_documents(inputs)
    means = np.stack([found[begin:end].mean(axis=0) for begin, end in itertools.pairwise(ends)])
    vectors: Vector = means / np.linalg.norm(means, axis=1, keepdims=True)
    return vectors


def embedding_by(model_id: int) -> ColumnElement[Any]:
    """The embedding by a model of the `Chunk` of the enclosing statement; NULL without one."""
    if model_id == FIRST_MODEL:
        return Chunk.embedding.expression
    return (
        select(ChunkEmbedding.embedding)
        .where(ChunkEmbedding.chunk_id == Chunk.id, ChunkEmbedding.model_id == model_id)
        .scalar_subquery()
    )


async def missing(session: AsyncSession, doc_id: int, model_ids: Collection[int]) -> list[int]:
    """Those of the models that have not embedded a stored document."""
    asked = sorted(model_ids)
    if not asked:
        return []
    lacks = [exists().where(Chunk.doc_id == doc_id, embedding_by(each).is_(None)) for each in asked]
    found = (await session.execute(select(*lacks))).one()
    return list(itertools.compress(asked, found))


async def embed_missing(
    sessions: Sessions, embedders: Embedders, doc_id: int, model_ids: Collection[int]
) -> None:
    """Embed a stored document with those of the models that have not, each in a transaction of its own."""
    async with sessions.begin() as session:
        lacking = await missing(session, doc_id, model_ids)
    for model_id in lacking:
        async with sessions.begin() as session:
            ids, text = await _read(session, doc_id)
        if not ids:
            return
        vectors = await embedders.embed(model_id, text)
        async with sessions.begin() as session:
            await session.scalar(select(Document.id).where(Document.id == doc_id).with_for_update())
            # The document may have been read again meanwhile, or embedded by another worker.
            if await _chunk_ids(session, doc_id) == ids and await missing(session, doc_id, [model_id]):
                await add(session, ids, model_id, vectors)


async def add_all(session: AsyncSession, doc_id: int, vectors: dict[int, Vector]) -> None:
    """Store the embeddings of a document by models that have not embedded it, named by their ids."""
    ids = await _chunk_ids(session, doc_id) if vectors else []
    for model_id, embedded in vectors.items():
        await add(session, ids, model_id, embedded)


async def add(session: AsyncSession, chunk_ids: Sequence[int], model_id: int, vectors: Vector) -> None:
    """Store the embeddings of chunks by a model that has not embedded them."""
    rows = [
        {"chunk": chunk_id, "vector": HalfVector(vector)}
        for chunk_id, vector in zip(chunk_ids, vectors, strict=True)
    ]
    if model_id == FIRST_MODEL:
        chunks: Any = Chunk.__table__
        statement: Any = update(chunks).where(chunks.c.id == bindparam("chunk"))
        await session.execute(statement.values(embedding=bindparam("vector")), rows)
    else:
        await session.execute(
            insert(ChunkEmbedding),
            [{"chunk_id": r["chunk"], "model_id": model_id, "embedding": r["vector"]} for r in rows],
        )


async def _chunk_ids(session: AsyncSession, doc_id: int) -> list[int]:
    return list(await session.scalars(select(Chunk.id).where(Chunk.doc_id == doc_id).order_by(Chunk.ordinal)))


async def _read(session: AsyncSession, doc_id: int) -> tuple[list[int], DocumentText]:
    title = await session.scalar(select(Document.title).where(Document.id == doc_id))
    rows = await session.execute(
        select(Chunk.id, Chunk.heading, Chunk.text).where(Chunk.doc_id == doc_id).order_by(Chunk.ordinal)
    )
    found = rows.all()
    chunks = [(heading, text) for _, heading, text in found]
    return [row.id for row in found], DocumentText(title or "", chunks)
