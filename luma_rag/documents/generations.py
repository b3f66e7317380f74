"""The generations of a namespace: its vectors, by one model each. See ADR 34.

Each search reads one generation, the live one. A document that enters the namespace enters all of them, so
that the others can be compared and made live at any time.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Integer, case, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db.models import Chunk, ChunkVector, EmbeddingModel, Generation, GenerationVector
from luma_rag.db.models.document import DIMENSIONS
from luma_rag.documents import embeddings


class KeptGeneration(msgspec.Struct, frozen=True):
    """A generation that is kept up to date, with the model of its vectors."""

    id: int
    model_id: int
    state: str
    is_inline: bool
    dimensions: int


async def kept(session: AsyncSession, namespace_id: int) -> list[KeptGeneration]:
    """The generations of a namespace that its documents belong to, the live one first.

    A namespace without any gets its first, by the current model.
    """
    found = await _kept(session, namespace_id)
    if not found:
        first = select(
            literal(namespace_id, Integer),
            EmbeddingModel.id,
            literal("live"),
            EmbeddingModel.dimensions == DIMENSIONS,
        ).where(EmbeddingModel.is_current)
        await session.execute(
            upsert(Generation)
            .from_select(["namespace_id", "model_id", "state", "is_inline"], first)
            # Another worker may store the first document at the same time.
            .on_conflict_do_nothing()
        )
        found = await _kept(session, namespace_id)
    if not found:
        raise RuntimeError("no embedding model is recorded")
    return found


async def models_of(
    session: AsyncSession, namespace_ids: Iterable[int], *, live_only: bool = False
) -> set[int]:
    """The models that embed documents of these namespaces."""
    return {
        generation.model_id
        for namespace_id in namespace_ids
        for generation in await kept(session, namespace_id)
        if generation.state == "live" or not live_only
    }


async def copy_document(
    session: AsyncSession, generation: KeptGeneration, namespace_id: int, doc_id: int
) -> None:
    """Copy the embeddings of a document that is in the namespace into one of its generations.

    Nothing happens if the model of the generation has not embedded the document.
    """
    embedding = embeddings.embedding_by(generation.model_id)
    here = (ChunkVector.namespace_id == namespace_id, ChunkVector.doc_id == doc_id)
    if generation.is_inline:
        await session.execute(
            update(ChunkVector)
            .where(*here, ChunkVector.embedding.is_(None), Chunk.id == ChunkVector.chunk_id)
            .values(embedding=embedding)
            .execution_options(synchronize_session=False)
        )
        return
    chosen = (
        select(ChunkVector.id, literal(generation.id, Integer), ChunkVector.doc_id, embedding)
        .join(Chunk, Chunk.id == ChunkVector.chunk_id)
        .where(*here, embedding.is_not(None))
    )
    await session.execute(
        upsert(GenerationVector)
        .from_select(["id", "generation_id", "doc_id", "embedding"], chosen)
        .on_conflict_do_nothing()
    )


async def _kept(session: AsyncSession, namespace_id: int) -> list[KeptGeneration]:
    rows = await session.execute(
        select(
            Generation.id,
            Generation.model_id,
            Generation.state,
            Generation.is_inline,
            EmbeddingModel.dimensions,
        )
        .join(EmbeddingModel, EmbeddingModel.id == Generation.model_id)
        .where(Generation.namespace_id == namespace_id, Generation.state != "removing")
        .order_by(case((Generation.state == "live", 0), else_=1))
        # Its state must not change before the documents that are stored by it.
        .with_for_update(read=True, of=Generation)
    )
    return [KeptGeneration(*row) for row in rows]
