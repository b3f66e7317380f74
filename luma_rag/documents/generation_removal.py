"""Removing a generation that is not live, in batches, so that no lock lasts long. See ADR 34."""

from typing import Any

from sqlalchemy import TextClause, delete, exists, select, text, update

from luma_rag.access import Principal, require_namespace
from luma_rag.access.principal import ADMINISTER
from luma_rag.db.models import EmbeddingModel, Generation, Namespace
from luma_rag.db.models.generation import FIRST_MODEL, MAX_COVERED
from luma_rag.db.session import Sessions

_BATCH = 5000
_INLINE = text(
    "WITH batch AS (SELECT id FROM chunk_vector WHERE namespace_id = :namespace_id AND id > :after "
    "ORDER BY id LIMIT :size), gone AS (UPDATE chunk_vector v SET embedding = NULL FROM batch "
    "WHERE v.id = batch.id AND v.embedding IS NOT NULL) SELECT max(id) FROM batch"
)
_VECTORS = """
WITH batch AS (
  SELECT id FROM generation_vector WHERE generation_id = :generation_id AND id > :after
  AND vector_dims(embedding) {comparison} {limit} ORDER BY id LIMIT :size
), gone AS (
  DELETE FROM generation_vector v USING batch WHERE v.id = batch.id AND v.generation_id = :generation_id
) SELECT max(id) FROM batch
"""
_EMBEDDINGS = text(
    "WITH batch AS (SELECT chunk_id FROM chunk_embedding WHERE model_id = :model_id AND chunk_id > :after "
    "ORDER BY chunk_id LIMIT :size), gone AS (DELETE FROM chunk_embedding e USING batch "
    "WHERE e.chunk_id = batch.chunk_id AND e.model_id = :model_id) SELECT max(chunk_id) FROM batch"
)


async def remove(sessions: Sessions, principal: Principal, namespace_id: int) -> bool:
    """Remove the generation that is not live, also if an earlier call was interrupted.

    Embeddings by a model that no namespace uses any more go with it. Returns whether there was a generation.
    """
    async with sessions.begin() as session:
        await require_namespace(session, principal, namespace_id, ADMINISTER)
        await session.execute(select(Namespace.id).where(Namespace.id == namespace_id).with_for_update())
        generation = await session.scalar(
            update(Generation)
            .where(Generation.namespace_id == namespace_id, Generation.state != "live")
            .values(state="removing")
            .returning(Generation)
        )
        if generation is None:
            return False
        dimensions = await session.scalar(
            select(EmbeddingModel.dimensions).where(EmbeddingModel.id == generation.model_id)
        )
    if generation.is_inline:
        await _in_batches(sessions, _INLINE, namespace_id=namespace_id)
    else:
        comparison = "<=" if (dimensions or 0) <= MAX_COVERED else ">"
        statement = text(_VECTORS.format(comparison=comparison, limit=MAX_COVERED))
        await _in_batches(sessions, statement, generation_id=generation.id)
    async with sessions.begin() as session:
        is_used = await session.scalar(
            select(
                exists().where(Generation.model_id == generation.model_id, Generation.id != generation.id)
                | exists().where(EmbeddingModel.id == generation.model_id, EmbeddingModel.is_current)
            )
        )
    # Those of the first model stay with their chunks.
    if not is_used and generation.model_id != FIRST_MODEL:
        await _in_batches(sessions, _EMBEDDINGS, model_id=generation.model_id)
    # Last, so that an interrupted removal is found again.
    async with sessions.begin() as session:
        await session.execute(delete(Generation).where(Generation.id == generation.id))
    return True


async def _in_batches(sessions: Sessions, statement: TextClause, **parameters: Any) -> None:
    last = 0
    while last is not None:
        async with sessions.begin() as session:
            last = await session.scalar(statement, parameters | {"after": last, "size": _BATCH})
