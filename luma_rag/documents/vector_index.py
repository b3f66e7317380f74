"""HNSW maintenance: one partial index per large namespace, built and dropped in the background.

Exact search reads every vector of a namespace, which is fastest for small ones and grows linearly. A single
index over all namespaces would have poor recall in a small one. So each large namespace gets a partial index.
Postgres uses it for searches that name the namespace id literally, once it is valid. Before that, and after
it is dropped, the same search is exact.
"""

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
_NAME = "ix_chunk_vector_hnsw_"

_WANTED = f"""
WITH held AS (
  SELECT namespace_id, sum(chunks) AS chunks FROM lexical_segment GROUP BY namespace_id
), made AS (
  SELECT substr(c.relname, {len(_NAME) + 1})::integer AS namespace_id, i.indisvalid AS is_valid
  FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname ~ '^{_NAME}[0-9]+$' AND n.nspname = current_schema()
)
SELECT namespace_id,
  CASE WHEN made.is_valid IS NULL THEN 'make' WHEN is_valid THEN 'drop' ELSE 'make again' END AS what
FROM held FULL JOIN made USING (namespace_id)
WHERE (made.is_valid IS NULL AND chunks >= {PROMOTE_AT})
   OR (made.is_valid AND coalesce(chunks, 0) < {DEMOTE_AT})
   OR NOT made.is_valid
ORDER BY namespace_id LIMIT 1
"""  # noqa: S608 - of constants only


def is_indexed(namespace_id: ColumnElement[int]) -> Exists:
    """Whether the namespace has a valid index."""
    index = table(
        "pg_index", column("indexrelid"), column("indisvalid", Boolean), column("indisready", Boolean)
    )
    return exists().where(
        index.c.indexrelid == func.to_regclass(func.concat(_NAME, namespace_id)),
        index.c.indisvalid,
        index.c.indisready,
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
                await _carry_out(connection, wanted.namespace_id, wanted.what)
        finally:
            # Closing the connection releases the lock, whatever state the connection is in.
            await opened.invalidate()
    return True


async def _carry_out(connection: AsyncConnection, namespace_id: int, what: str) -> None:
    name = f"{_NAME}{int(namespace_id)}"
    if what != "make":
        await connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {name}"))
    if what != "drop":
        await connection.execute(
            text(
                f"CREATE INDEX CONCURRENTLY {name} ON chunk_vector USING hnsw (embedding halfvec_ip_ops) "
                f"WITH ({OPTIONS}) WHERE namespace_id = {int(namespace_id)}"
            )
        )
    logger.info("Namespace %s: HNSW index, %s", namespace_id, what)
