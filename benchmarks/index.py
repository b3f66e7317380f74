"""Recall and latency of an HNSW index on real vectors, by `ef_search`.

    python -m benchmarks.index --data DIR --data-dir DIR [--words 34] [--looks 40 100 …] [--queries 400]
        [--json]

The vectors are those of all adjacent, non-overlapping windows of `--words` words of `benchmarks.real_text`;
with 34 words there are 100,000. The index is built as in `luma_rag.documents.vector_index`, on a separate
table. For each `hnsw.ef_search` the output has the share of the ten nearest among the first 50 results, the
latency in milliseconds, and the server's CPU time in milliseconds; then the same without the index.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import msgspec
import numpy as np
import uvloop
from pgvector import HalfVector
from pgvector.asyncpg import register_vector

from benchmarks.exact import DEPTH, share_found
from benchmarks.real_text import RealText
from benchmarks.scale import Times, computed
from ingest.types import Vector
from luma_rag.db import migrate
from luma_rag.db.embedded import as_superuser, running, stop
from luma_rag.db.session import connect, create_engine
from luma_rag.documents.vector_index import OPTIONS
from luma_rag.retrieval.statement import CANDIDATES

_LOOKS = (40, 60, 80, 100, 150, 200, 300, 400)
_NEAREST = f"SELECT id FROM real_vector ORDER BY embedding <#> $1 LIMIT {CANDIDATES}"  # noqa: S608 - a number
_TABLE = """
DROP TABLE IF EXISTS real_vector;
CREATE TABLE real_vector (id integer, embedding halfvec(384));
ALTER TABLE real_vector ALTER COLUMN embedding SET STORAGE PLAIN;
"""


class Result(msgspec.Struct, frozen=True):
    """Results with one `ef_search`; None means without the index."""

    look: int | None
    found: float
    times: Times
    server: Times


async def measure(
    connection: asyncpg.Connection, vectors: Vector, questions: Vector, looks: Sequence[int]
) -> list[Result]:
    """Create the table and the index, and run all queries with each value of `looks`."""
    await connection.execute(_TABLE)
    rows = ((i, HalfVector(vector)) for i, vector in enumerate(vectors))
    await connection.copy_records_to_table("real_vector", records=rows)
    began = time.perf_counter()
    await connection.execute(
        f"CREATE INDEX ON real_vector USING hnsw (embedding halfvec_ip_ops) WITH ({OPTIONS})"
    )
    print(f"{len(vectors):,} vectors, built in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    await connection.execute("VACUUM ANALYZE real_vector")
    stored = vectors.astype(np.float16).astype(np.float32)
    scores = [stored @ query.astype(np.float16).astype(np.float32) for query in questions]
    queries = [HalfVector(query) for query in questions]
    results = []
    for look in [*looks, None]:
        if look is None:
            await connection.execute("SET enable_indexscan = off")
        else:
            await connection.execute(f"SET hnsw.ef_search = {look}")
        nearest = await connection.prepare(_NEAREST)
        seconds, shares = [], []
        for query, score in zip(queries, scores, strict=True):
            began = time.perf_counter()
            found = await nearest.fetch(query)
            seconds.append(time.perf_counter() - began)
            shares.append(share_found(score, [row["id"] for row in found[:DEPTH]]))
        server = await computed(nearest.fetch, queries, connection.get_server_pid())
        counted = [share for share in shares if share is not None]
        results.append(Result(look, round(statistics.fmean(counted), 4), Times.of(seconds), Times.of(server)))
    await connection.execute("DROP TABLE real_vector")
    return results


async def run(url: str, source: RealText, arguments: argparse.Namespace) -> list[Result]:
    """Measure in a migrated database."""
    engine = create_engine(url, pool_size=1)
    await migrate.upgrade(engine)
    await engine.dispose()
    connection = await connect(as_superuser(url))
    await register_vector(connection)
    try:
        _, questions = source.ask(arguments.queries)
        return await measure(connection, source.windows(arguments.words), questions, arguments.looks)
    finally:
        await connection.close()


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure HNSW on real vectors.")
    parser.add_argument("--data", type=Path, required=True, help="the folder with the text")
    parser.add_argument(
        "--data-dir", type=Path, required=True, help="keep the database and the vectors in this directory"
    )
    parser.add_argument("--words", type=int, default=34, help="words per chunk")
    parser.add_argument("--looks", type=int, nargs="+", default=_LOOKS, help="values of ef_search")
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    source = RealText(arguments.data, arguments.data_dir / "text", embedded=1)
    try:
        with running(arguments.data_dir) as url:
            results = uvloop.run(run(url, source, arguments))
    finally:
        stop(arguments.data_dir)
    if arguments.json:
        print(msgspec.json.encode(results).decode())
        return
    print(f"{'ef_search':>9} {'found':>7} {'p50':>7} {'p95':>7} {'server':>7}")
    for row in results:
        print(
            f"{row.look or 'exact':>9} {row.found:7.4f} {row.times.p50:7.2f} {row.times.p95:7.2f} "
            f"{row.server.p50:7.2f}"
        )


if __name__ == "__main__":
    main()
