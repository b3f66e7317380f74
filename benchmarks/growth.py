"""How the database grows: bytes a chunk by table and index, and search over a partitioned `chunk_vector`.

    python -m benchmarks.growth --data DIR --data-dir DIR [--chunks 100000] [--partitions 16 64]
        [--queries 200]

`--data` is the folder with the text of `benchmarks.real_text`; `--data-dir` keeps the embedded Postgres. The
text is real, the vectors are random: sizes don't depend on them. One namespace holds all chunks, and is
indexed as the worker does. Then `chunk_vector` is copied into tables with hash partitions by namespace, as a
large installation might have, and the same hybrid searches run on each of them in turn.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import uvloop

from benchmarks.bulk import Loader
from benchmarks.real_text import LANGUAGE, RealText
from benchmarks.scale import Times
from ingest.embedding.packaged import MODEL
from ingest.types import Vector
from luma_rag.access import Principal
from luma_rag.db import migrate
from luma_rag.db.embedded import as_superuser, running, stop
from luma_rag.db.session import connect, create_engine, reading
from luma_rag.documents import vector_index
from luma_rag.retrieval.search import find
from luma_rag.retrieval.search_query import SearchQuery, dense_weight, query_terms
from luma_rag.retrieval.vector_source import namespace_profile

_ROUNDS = 3
_SIZES = """
SELECT c.relname, pg_table_size(c.oid), NULL FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND pg_table_size(c.oid) > $1
UNION ALL
SELECT t.relname, pg_relation_size(c.oid), c.relname FROM pg_class c
JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relnamespace = 'public'::regnamespace AND pg_relation_size(c.oid) > $1
ORDER BY 1, 3 NULLS FIRST
"""
_COLUMNS = "id, namespace_id, doc_id, chunk_id, embedding"


class RandomVectors(RealText):
    """Real text with random vectors."""

    def vectors(self, first: int, last: int) -> Vector:
        """Random unit vectors, always the same."""
        made = np.random.default_rng(first).standard_normal((last - first, MODEL.dimensions), np.float32)
        vectors: Vector = made / np.linalg.norm(made, axis=1, keepdims=True)
        return vectors


class Report(msgspec.Struct, frozen=True):
    """`bytes` are those of a chunk: of each table with TOAST, and of each index. `seconds` are those of
    filling and of building the HNSW index. `searches` are times by number of partitions; 0 is one table.
    """

    chunks: int
    bytes: dict[str, float]
    seconds: dict[str, float]
    searches: dict[int, Times]


async def measure(url: str, source: RealText, chunks: int, partitions: Sequence[int], count: int) -> Report:
    """Fill the database and measure."""
    connection = await connect(as_superuser(url))
    loader = await Loader.open(connection, source)
    began = time.perf_counter()
    await loader.chunks(chunks)
    (place,) = await loader.namespaces([(0, chunks)])
    await loader.finish()
    filled = time.perf_counter()
    engine = create_engine(url, pool_size=1)
    while await vector_index.maintain_hnsw(engine):
        pass
    indexed = time.perf_counter()
    sizes = {
        index or table: round(size / chunks, 1)
        for table, size, index in await connection.fetch(_SIZES, chunks)
    }
    for number in partitions:
        await _partition(connection, number, place.namespace_id)
    questions = _questions(source, count)
    taken: dict[int, list[float]] = {number: [] for number in (0, *partitions)}
    for _ in range(_ROUNDS):
        for number in taken:
            await _use(connection, number)
            taken[number] += await _search(
                url, Principal(loader.owner, "user"), place.namespace_id, questions
            )
            await _put_back(connection, number)
    await connection.close()
    await engine.dispose()
    return Report(
        chunks,
        sizes,
        {"filling": round(filled - began, 1), "index": round(indexed - filled, 1)},
        {number: Times.of(times) for number, times in taken.items()},
    )


async def _partition(connection: Any, number: int, namespace_id: int) -> None:
    """Copy `chunk_vector` into a table with so many partitions, with the same indexes on each."""
    table = f"chunk_vector_{number}"
    await connection.execute(
        f"CREATE TABLE {table} (LIKE chunk_vector INCLUDING STORAGE, PRIMARY KEY (namespace_id, id)) "
        "PARTITION BY HASH (namespace_id)"
    )
    for i in range(number):
        await connection.execute(
            f"CREATE TABLE {table}_{i} PARTITION OF {table} FOR VALUES WITH (MODULUS {number}, REMAINDER {i})"
        )
    await connection.execute(f"INSERT INTO {table} ({_COLUMNS}) SELECT {_COLUMNS} FROM chunk_vector")  # noqa: S608
    await connection.execute(f"CREATE INDEX ON {table} (namespace_id, id) INCLUDE (doc_id, embedding)")
    await connection.execute(f"CREATE INDEX ON {table} (id)")
    await connection.execute(
        f"CREATE INDEX ON {table} USING hnsw (embedding halfvec_ip_ops) WITH ({vector_index.OPTIONS}) "
        f"WHERE namespace_id = {namespace_id}"
    )
    await connection.execute(f"GRANT SELECT ON {table} TO PUBLIC")
    await connection.execute(f"VACUUM ANALYZE {table}")


async def _use(connection: Any, number: int) -> None:
    """Give the table with so many partitions the name that the search uses."""
    if number:
        await connection.execute("ALTER TABLE chunk_vector RENAME TO chunk_vector_0")
        await connection.execute(f"ALTER TABLE chunk_vector_{number} RENAME TO chunk_vector")


async def _put_back(connection: Any, number: int) -> None:
    if number:
        await connection.execute(f"ALTER TABLE chunk_vector RENAME TO chunk_vector_{number}")
        await connection.execute("ALTER TABLE chunk_vector_0 RENAME TO chunk_vector")


def _questions(source: RealText, count: int) -> list[SearchQuery]:
    vectors = source.vectors(0, count)
    return [
        SearchQuery(vector, query_terms(query, [LANGUAGE]), dense_weight(query, [LANGUAGE]))
        for query, vector in zip(source.questions[:count], vectors, strict=True)
    ]


async def _search(
    url: str, principal: Principal, namespace_id: int, questions: Sequence[SearchQuery]
) -> list[float]:
    """The seconds of each search, after all of them have run once."""
    engine = create_engine(url, pool_size=1)
    async with reading(engine).connect() as reader:
        _, source = await namespace_profile(reader, principal, namespace_id)
    times = []
    for is_warm in (False, True):
        for question in questions:
            async with reading(engine).connect() as reader:
                began = time.perf_counter()
                await find(reader, principal, namespace_id, question, k=10, source=source)
                if is_warm:
                    times.append(time.perf_counter() - began)
    await engine.dispose()
    return times


def main() -> None:
    """Parse the command line, measure and print JSON."""
    parser = argparse.ArgumentParser(description="Measure how the database grows.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--partitions", type=int, nargs="*", default=[16, 64])
    parser.add_argument("--queries", type=int, default=200)
    arguments = parser.parse_args()
    source = RandomVectors(arguments.data, arguments.data_dir / "text", 0)
    with running(arguments.data_dir) as url:
        uvloop.run(_upgrade(url))
        found = uvloop.run(measure(url, source, arguments.chunks, arguments.partitions, arguments.queries))
    stop(arguments.data_dir)
    print(json.dumps(msgspec.to_builtins(found), indent=2))


async def _upgrade(url: str) -> None:
    engine = create_engine(url)
    await migrate.upgrade(engine)
    await engine.dispose()


if __name__ == "__main__":
    main()
