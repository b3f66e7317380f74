"""The first searches after a start of Postgres, with and without prewarming.

    python -m benchmarks.first_searches --data DIR --data-dir DIR [--size 100000] [--mode hybrid] [--rounds 2]

`--data-dir` is one that `benchmarks.scale` has filled. Before each start, the files of the database are
removed from the page cache of the system. The output has the milliseconds of the first search, the median of
the first and of the next twenty, and the blocks that each of these read.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import uvloop
from sqlalchemy import text

from benchmarks.exact import DEPTH
from benchmarks.real_text import LANGUAGE, RealText
from luma_rag.access import Principal
from luma_rag.db.embedded import as_superuser, running, stop
from luma_rag.db.session import create_engine, reading
from luma_rag.documents.prewarming import prewarm
from luma_rag.retrieval.search import find
from luma_rag.retrieval.search_query import SearchQuery, query_terms
from luma_rag.retrieval.vector_source import namespace_profile

SEARCHES = 20
_NAMESPACE = (
    "SELECT namespace_id FROM lexical_segment GROUP BY 1 HAVING sum(chunks) = :size ORDER BY 1 LIMIT 1"
)
_READ = "SELECT sum(reads)::bigint FROM pg_stat_io WHERE backend_type = 'client backend'"


async def measure(url: str, size: int, questions: list[SearchQuery], *, warm: bool) -> None:
    """Search in the namespace with this number of chunks."""
    engine = create_engine(as_superuser(url), pool_size=1)
    searching = reading(engine)
    async with searching.connect() as reader:
        owner = Principal((await reader.execute(text("SELECT min(id) FROM users"))).scalar_one(), "user")
        namespace_id = (await reader.execute(text(_NAMESPACE), {"size": size})).scalar_one()
    began = time.perf_counter()
    if warm:
        await prewarm(engine)
    prewarmed = time.perf_counter() - began
    times, blocks = [], []
    async with searching.connect() as reader:
        _, source = await namespace_profile(reader, owner, namespace_id)
        for question in questions:
            before = (await reader.execute(text(_READ))).scalar_one()
            began = time.perf_counter()
            await find(reader, owner, namespace_id, question, k=DEPTH, source=source)
            times.append((time.perf_counter() - began) * 1000)
            await reader.execute(text("SELECT pg_stat_force_next_flush()"))
            blocks.append((await reader.execute(text(_READ))).scalar_one() - before)
    await engine.dispose()
    halves = [f"{statistics.median(taken):6.0f}" for each in (times, blocks) for taken in _halves(each)]
    print(
        f"{f'after {prewarmed:.0f} s' if warm else 'no':>10} {times[0]:6.0f} {' '.join(halves)}", flush=True
    )


def _halves(values: list[float]) -> tuple[list[float], list[float]]:
    return values[:SEARCHES], values[SEARCHES:]


def forget(folder: Path) -> None:
    """Remove the files below a folder from the page cache."""
    for file in folder.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure the first searches after a start.")
    parser.add_argument("--data", type=Path, required=True, help="the folder with the text")
    parser.add_argument("--data-dir", type=Path, required=True, help="the directory of benchmarks.scale")
    parser.add_argument("--size", type=int, default=100_000, help="chunks of the namespace")
    parser.add_argument("--mode", choices=("dense", "lexical", "hybrid"), default="hybrid")
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    source = RealText(arguments.data, arguments.data_dir / "text", embedded=1)
    texts, vectors = source.ask(2 * SEARCHES)
    questions = [
        SearchQuery(
            vector if arguments.mode != "lexical" else None,
            query_terms(query, [LANGUAGE]) if arguments.mode != "dense" else None,
        )
        for query, vector in zip(texts, vectors, strict=True)
    ]
    print(f"{'prewarmed':>10} {'first':>6} {'ms':>6} {'next':>6} {'blocks':>6} {'next':>6}")
    for _ in range(arguments.rounds):
        for warm in (False, True):
            stop(arguments.data_dir)
            forget(arguments.data_dir / "postgres")
            with running(arguments.data_dir) as url:
                uvloop.run(measure(url, arguments.size, questions, warm=warm))
    stop(arguments.data_dir)


if __name__ == "__main__":
    main()
