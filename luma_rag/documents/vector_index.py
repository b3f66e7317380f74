"""HNSW maintenance: one partial index per large namespace, built and dropped in the background.

Exact search reads every vector of a namespace, which is fastest for small ones and grows linearly. A single
index over all namespaces would have poor recall in a small one. So each large namespace gets a partial index.
Postgres uses it for searches that name the namespace id literally, once it is valid. Before that, and after
it is dropped, the same search is exact.
"""

import asyncio
import logging

from sqlalchemy import ColumnElement, Exists, column, exists, func, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.types import Boolean

logger = logging.getLogger(__name__)

OPTIONS = "m = 16, ef_construction = 128"
PROMOTE_AT = 10_000
DEMOTE_AT = 7_000
"""Vectors in a namespace. The gap prevents uploads and deletions from rebuilding an index again and again."""
_LOCK = 0x4C55_4D48
_LOCK_SECONDS = 1.0
INLINE_INDEX = "ix_chunk_vector_hnsw_"
"""The name of the index of a namespace whose vectors are in `chunk_vector`, without its id."""
GENERATION_INDEX = "ix_generation_vector_hnsw_"
"""The name of the index of a generation whose vectors are in `generation_vector`, without its id."""

# A generation that is being built gets its index at the end (`make`).
_WANTED = f"""
WITH held AS (
  SELECT namespace_id, sum(chunks) AS chunks FROM lexical_segment GROUP BY namespace_id
), kept AS (
  SELECT '{INLINE_INDEX}' || namespace_id AS name, chunks, true AS is_built FROM held
  WHERE NOT EXISTS (SELECT FROM generation g WHERE g.namespace_id = held.namespace_id)
  UNION ALL
  SELECT CASE WHEN is_inline THEN '{INLINE_INDEX}' || namespace_id ELSE '{GENERATION_INDEX}' || g.id END,
    chunks, state <> 'building'
  FROM generation g JOIN held USING (namespace_id) WHERE state <> 'removing'
), made AS (
  SELECT c.relname AS name, i.indisvalid AS is_valid
  FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname ~ '^({INLINE_INDEX}|{GENERATION_INDEX})[0-9]+$' AND n.nspname = current_schema()
)
SELECT name,
  CASE WHEN made.is_valid IS NULL THEN 'make' WHEN is_valid THEN 'drop' ELSE 'make again' END AS what
FROM kept FULL JOIN made USING (name)
WHERE (made.is_valid IS NULL AND chunks >= {PROMOTE_AT} AND is_built)
   OR (made.is_valid AND coalesce(chunks, 0) < {DEMOTE_AT})
   OR NOT made.is_valid
ORDER BY name LIMIT 1
"""  # noqa: S608 - of constants only
_OF_GENERATION = text(
    "SELECT m.dimensions FROM generation g JOIN embedding_model m ON m.id = g.model_id WHERE g.id = :id"
)


def is_valid(name: ColumnElement[str]) -> Exists:
    """Whether there is a complete index with this name."""
    index = table(
        "pg_index", column("indexrelid"), column("indisvalid", Boolean), column("indisready", Boolean)
    )
    return exists().where(
        index.c.indexrelid == func.to_regclass(name), index.c.indisvalid, index.c.indisready
    )


async def maintain_hnsw(engine: AsyncEngine) -> bool:
    """Build or drop one index, if one is due and no other worker is doing so. Returns whether it did.

    Building runs at some 4,000 vectors a second. Searches and uploads continue meanwhile.
    """
    async with engine.connect() as opened:
        # CREATE INDEX CONCURRENTLY can't run in a transaction.
        connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
        if (await connection.execute(text(_WANTED))).one_or_none() is None:
            return False
        if not await connection.scalar(select(func.pg_try_advisory_lock(_LOCK))):
            return False
        try:
            # The previous lock holder may have done this.
            wanted = (await connection.execute(text(_WANTED))).one_or_none()
            if wanted is not None:
                await _carry_out(connection, wanted.name, wanted.what)
        finally:
            # Closing the connection releases the lock, whatever state the connection is in.
            await opened.invalidate()
    return True


async def make(engine: AsyncEngine, generation_id: int) -> None:
    """Build the index of a generation outside of `chunk_vector`, if its namespace is large."""
    name = f"{GENERATION_INDEX}{int(generation_id)}"
    wanted = text(_WANTED.replace(" AND is_built", "").replace("LIMIT 1", ""))
    async with engine.connect() as opened:
        connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
        # Waiting in a statement would hold a snapshot, for which the holder's build would wait: a deadlock.
        while not await connection.scalar(select(func.pg_try_advisory_lock(_LOCK))):  # noqa: ASYNC110 - in Postgres
            await asyncio.sleep(_LOCK_SECONDS)
        try:
            for due in (await connection.execute(wanted)).all():
                if due.name == name:
                    await _carry_out(connection, name, due.what)
        finally:
            await opened.invalidate()


async def _carry_out(connection: AsyncConnection, name: str, what: str) -> None:
    if what != "make":
        await connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {name}"))
    if what != "drop" and (created := await _definition(connection, name)) is not None:
        await connection.execute(text(created))
    logger.info("HNSW index %s: %s", name, what)


async def _definition(connection: AsyncConnection, name: str) -> str | None:
    """The statement that makes an index; None if its generation is gone."""
    number = int(name.rpartition("_")[2])
    if name.startswith(INLINE_INDEX):
        column, of = "embedding", "namespace_id"
    else:
        dimensions = await connection.scalar(_OF_GENERATION, {"id": number})
        if dimensions is None:
            return None
        column, of = f"(embedding::halfvec({int(dimensions)}))", "generation_id"
    return (
        f"CREATE INDEX CONCURRENTLY {name} ON {name.removeprefix('ix_').partition('_hnsw_')[0]} "
        f"USING hnsw ({column} halfvec_ip_ops) WITH ({OPTIONS}) WHERE {of} = {number}"
    )
