"""Prewarming: after a start of Postgres, read what searches in large namespaces read.

Otherwise each of the first searches waits for a thousand pages or more from the disk. Reading imitates
searches: for the nearest neighbors of some chunks, and for their words. Postgres keeps these pages as it
keeps those of a search. See ADR 7.
"""

import logging
import time

from sqlalchemy import BigInteger, bindparam, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from luma_rag.documents.vector_index import INLINE_INDEX, is_valid

logger = logging.getLogger(__name__)

SINCE_MINUTES = 10
"""A Postgres that has been running for longer has read it already."""
MIN_CHUNKS = 10_000
CHUNK_BYTES = 3_000
"""What a search may read of a chunk: its vector, its terms, and its part of the indexes."""
MAX_BYTES = 1_000_000_000
"""Of a larger namespace, no more is read, because what is looked up does not grow with it."""
BUFFERS_SHARE = 0.5
"""The namespaces that are read fit together into this share of Postgres's buffers, except the largest."""
NEIGHBORS_OF, WORDS_OF, TERMS_OF = 100, 20, 500
"""Documents with a chunk whose neighbors are looked up, with one whose words are, and with vectors of terms
that are read.
"""
_LOCK = 0x4C55_4D50

_WANTED = f"""
SELECT namespace_id FROM (
  SELECT namespace_id, row_number() OVER largest AS rank,
    sum(least(sum(chunks) * {CHUNK_BYTES}, {MAX_BYTES})) OVER largest AS so_far
  FROM lexical_segment GROUP BY namespace_id HAVING sum(chunks) >= {MIN_CHUNKS}
  WINDOW largest AS (ORDER BY sum(chunks) DESC, namespace_id)
) held
WHERE now() - pg_postmaster_start_time() < interval '{SINCE_MINUTES} min'
  AND (rank = 1 OR so_far < {BUFFERS_SHARE} * pg_size_bytes(current_setting('shared_buffers')))
ORDER BY rank
"""  # noqa: S608 - of constants only
_SAMPLE = """
SELECT vectors[1] FROM lexical_member WHERE namespace_id = {namespace_id} ORDER BY doc_id DESC LIMIT :most
"""
_NEIGHBORS = """
SELECT count(*) FROM unnest(:ids) AS one (id) CROSS JOIN LATERAL (
  SELECT FROM chunk_vector WHERE namespace_id = {namespace_id}
  ORDER BY embedding <#> (SELECT embedding FROM chunk_vector mine WHERE mine.id = one.id) LIMIT 50
) nearest
"""
_WORDS = """
SELECT sum(cardinality(vectors) + cardinality(weights)) FROM lexical_posting
WHERE namespace_id = {namespace_id} AND term = ANY (ARRAY(
  SELECT DISTINCT unnest(terms) FROM chunk_vector JOIN lexical_chunk USING (chunk_id) WHERE id = ANY (:ids)))
"""
_TERMS = f"""
SELECT count(weights) FROM lexical_vector WHERE id = ANY (ARRAY(
  SELECT unnest(vectors) FROM (
    SELECT vectors FROM lexical_member WHERE namespace_id = {{namespace_id}}
    ORDER BY doc_id DESC LIMIT {TERMS_OF}
  ) latest))
"""  # noqa: S608 - of constants only
_SET_EF_SEARCH = "SELECT set_config('hnsw.ef_search', '200', true)"


async def prewarm(engine: AsyncEngine) -> int:
    """Read what searches read, if Postgres started a short time ago and no other worker does it.

    Returns the number of namespaces.
    """
    async with engine.connect() as connection:
        if not await connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return 0
        await connection.execute(text(_SET_EF_SEARCH))
        started = time.perf_counter()
        namespaces = (await connection.scalars(text(_WANTED))).all()
        for namespace_id in namespaces:
            await _read(connection, int(namespace_id))
        await connection.rollback()
    if namespaces:
        logger.info(
            "Read the indexes of %s namespaces into memory in %.1f s",
            len(namespaces),
            time.perf_counter() - started,
        )
    return len(namespaces)


async def _read(connection: AsyncConnection, namespace_id: int) -> None:
    # The id is a literal: only that proves that the partial index of the namespace applies.
    def about(statement: str) -> str:
        return statement.format(namespace_id=namespace_id)

    sample = (await connection.scalars(text(about(_SAMPLE)), {"most": NEIGHBORS_OF})).all()
    has_index = await connection.scalar(select(is_valid(literal(f"{INLINE_INDEX}{namespace_id}"))))
    ids = bindparam("ids", type_=ARRAY(BigInteger))
    # Without its index, one search reads all vectors.
    near = list(sample if has_index else sample[:1])
    await connection.execute(text(about(_NEIGHBORS)).bindparams(ids), {"ids": near})
    await connection.execute(text(about(_WORDS)).bindparams(ids), {"ids": list(sample[:WORDS_OF])})
    await connection.execute(text(about(_TERMS)))
