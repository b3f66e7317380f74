"""Scaling of search in the database, excluding the embedding of the query: latency and recall.

    python -m benchmarks.scale --data DIR --data-dir DIR [--sizes 1000 … 1000000] [--queries 400]
        [--json FILE] [--plot FILE]

Namespaces of these sizes share the database with 2,000 others, which hold the chunks beyond 100,000 of a
million chunks of `benchmarks.real_text`. `--data` is the folder with the text; `--data-dir` keeps the
embedded Postgres and the vectors for later runs. For each namespace and mode the output has: p50 and p95 of
`luma_rag.retrieval.search.find` on a pooled connection, as in a request; the same statement, prepared on a
plain asyncpg connection; for dense search also the minimal statement; and the share of the first ten of an
exact search that was found (cosine and BM25 by numpy; results as good as the tenth count).
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import numpy as np
import uvloop
from pgvector.asyncpg import register_vector
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.bulk import Loader, Place
from benchmarks.exact import DEPTH, Exact, share_found
from benchmarks.real_text import DOCUMENT, LANGUAGE, RealText
from ingest.types import Vector
from luma_rag.access import Principal
from luma_rag.db import migrate
from luma_rag.db.embedded import as_superuser, running, stop
from luma_rag.db.session import connect, create_engine, reading
from luma_rag.documents import vector_index
from luma_rag.retrieval.search import find
from luma_rag.retrieval.search_query import SearchQuery, dense_weight, query_terms
from luma_rag.retrieval.statement import EF_SEARCH, EF_SEARCH_EXPONENT, EF_SEARCH_SIZE, search_statement
from luma_rag.retrieval.vector_source import VectorSource, namespace_profile

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
CHUNKS, OTHERS = 1_000_000, 2_000
WAYS = ("dense", "lexical", "hybrid")
_TABLES = """
SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid) FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND pg_total_relation_size(c.oid) > 1e6
ORDER BY 1
"""
_INDEXES = """
SELECT c.relname, pg_relation_size(c.oid) FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
WHERE i.indrelid = ANY (ARRAY['chunk_vector', 'lexical_posting', 'lexical_vector']::regclass[]) ORDER BY 1
"""


class Times(msgspec.Struct, frozen=True):
    """Milliseconds."""

    p50: float
    p95: float

    @classmethod
    def of(cls, taken: Sequence[float]) -> "Times":
        """Percentiles of times in seconds."""
        p50, p95 = np.percentile(np.array(taken) * 1000, (50, 95))
        return cls(round(float(p50), 3), round(float(p95), 3))


class Result(msgspec.Struct, frozen=True):
    """One search mode in one namespace.

    `plain` is the same statement without SQLAlchemy. `processor` is the server's CPU time for it, which other
    load changes little. `barest` is the minimal statement. `found` is the share of the first ten of an exact
    search; None for hybrid, which has no independent definition.
    """

    chunks: int
    way: str
    search: Times
    plain: Times
    processor: Times
    barest: Times | None
    found: float | None


class Report(msgspec.Struct, frozen=True):
    """All measurements. Sizes are in bytes: heap (with TOAST) and indexes by table, and size by index.

    `namespace_profile` is the query before a search, which runs while the question is embedded.
    """

    results: list[Result]
    namespace_profile: dict[int, Times]
    tables: dict[str, tuple[int, int]]
    indexes: dict[str, int]
    words: int
    missed: float


async def fill(
    url: str, source: RealText, sizes: Sequence[int], known: Sequence[Place], keep: Callable[[bytes], Any]
) -> tuple[dict[int, Place], Principal]:
    """Load the missing data."""
    done = {place.last: place for place in known}
    connection = await connect(as_superuser(url))
    loader = await Loader.open(connection, source)
    began = time.perf_counter()
    if not done:
        await loader.chunks(CHUNKS)
        _say(f"{CHUNKS:,} chunks", began)
        await loader.namespaces(others())
        _say(f"{OTHERS:,} namespaces", began)
    for size in sizes:
        if size not in done:
            (done[size],) = await loader.namespaces([(0, size)])
            keep(msgspec.json.encode(list(done.values())))
            _say(f"a namespace of {size:,}", began)
    if loader.wrote:
        await loader.finish()
        _say("vacuumed", began)
    await connection.close()
    engine = create_engine(url, pool_size=1)
    while await vector_index.maintain_hnsw(engine):
        _say("an index", began)
    await engine.dispose()
    return done, Principal(loader.owner, "user")


def others() -> list[tuple[int, int]]:
    """The chunks of the other namespaces: from 200 to several thousand, with many small ones."""
    first = SIZES[4]
    documents = (CHUNKS - first) // DOCUMENT
    shares = 1 / np.sqrt(np.arange(1, OTHERS + 1))
    ends = np.round(np.cumsum(shares / shares.sum()) * (documents - OTHERS)).astype(int)
    ends = (ends + np.arange(1, OTHERS + 1)) * DOCUMENT + first
    return [(int(a), int(b)) for a, b in zip([first, *ends[:-1]], ends, strict=True)]


async def measure(
    url: str, principal: Principal, place: Place, asked: tuple[list[str], Vector], exact: Exact
) -> tuple[list[Result], Times]:
    """Search a namespace in all modes."""
    engine = create_engine(url, pool_size=1)
    searching = reading(engine)
    connection = await connect(url)
    await register_vector(connection)
    about = place.namespace_id
    async with searching.connect() as reader:
        _, source = await namespace_profile(reader, principal, about)
    # The minimal statement uses the same search depth as the others.
    look = int(EF_SEARCH * max(1, (place.last / EF_SEARCH_SIZE) ** EF_SEARCH_EXPONENT))
    await connection.execute(f"SET hnsw.ef_search = {look}")
    nearest = await connection.prepare(
        f"SELECT id FROM chunk_vector WHERE namespace_id = {about} "  # noqa: S608 - numbers
        f"ORDER BY embedding <#> $1 LIMIT {DEPTH}"
    )

    async def barest(question: SearchQuery) -> Any:
        return await nearest.fetch(question.embedding)

    async def search(question: SearchQuery) -> list[int]:
        async with searching.connect() as reader:
            hits = await find(reader, principal, about, question, k=DEPTH, source=source)
        return [int(hit.vec_id) - place.vector for hit in hits]

    async def ask(_: SearchQuery) -> None:
        async with searching.connect() as reader:
            await namespace_profile(reader, principal, about)

    results = []
    for way in WAYS:
        questions = [
            SearchQuery(
                vector if way != "lexical" else None,
                query_terms(query, [LANGUAGE]) if way != "dense" else None,
                dense_weight(query, [LANGUAGE]),
            )
            for query, vector in zip(*asked, strict=True)
        ]

        plain = await _plain(connection, principal, about, questions[0], source)
        times, found = await _timed(search, questions)
        shares: list[float | None] = [None]
        if way != "hybrid":
            scores = [
                exact.cosines(q.embedding) if q.embedding is not None else exact.bm25(q.terms or {})
                for q in questions
            ]
            shares = [share_found(score, hits) for score, hits in zip(scores, found, strict=True)]
        counted = [share for share in shares if share is not None]
        results.append(
            Result(
                place.last,
                way,
                Times.of(times),
                Times.of((await _timed(plain, questions))[0]),
                Times.of(await computed(plain, questions, connection.get_server_pid())),
                Times.of((await _timed(barest, questions))[0]) if way == "dense" else None,
                round(statistics.fmean(counted), 4) if counted else None,
            )
        )
        _show(results[-1])

    outlined, _ = await _timed(ask, questions)
    await connection.close()
    await engine.dispose()
    return results, Times.of(outlined)


async def _timed(
    work: Callable[[SearchQuery], Awaitable[Any]], questions: Sequence[SearchQuery]
) -> tuple[list[float], list[Any]]:
    # Read all pages once; otherwise the first measurement would load them into memory for the later ones.
    for question in questions:
        await work(question)
    times, answers = [], []
    for question in questions:
        began = time.perf_counter()
        answers.append(await work(question))
        times.append(time.perf_counter() - began)
    return times, answers


async def computed(work: Callable[[Any], Awaitable[Any]], questions: Sequence[Any], pid: int) -> list[float]:
    """The CPU seconds of the server process for each question."""
    file = Path(f"/proc/{pid}/schedstat")
    times = []
    for question in questions:
        before = int(file.read_text().split()[0])  # noqa: ASYNC240 - no disk
        await work(question)
        times.append((int(file.read_text().split()[0]) - before) / 1e9)  # noqa: ASYNC240
    return times


async def _plain(
    connection: asyncpg.Connection,
    principal: Principal,
    namespace_id: int,
    example: SearchQuery,
    source: VectorSource,
) -> Callable[[SearchQuery], Awaitable[Any]]:
    """The statement without SQLAlchemy, prepared once."""

    def asked(question: SearchQuery) -> tuple[Any, dict[str, Any]]:
        return search_statement(principal, namespace_id, question, k=DEPTH, source=source)

    statement, values = asked(example)
    # SQLAlchemy assigns it no types.
    compiled = statement.compile(dialect=dialect())  # type: ignore[no-untyped-call]
    expanded = compiled.construct_expanded_state(values)
    prepared = await connection.prepare(expanded.statement)
    constant, places = expanded.parameters, expanded.positiontup or ()

    async def search(question: SearchQuery) -> Any:
        values = constant | asked(question)[1]
        async with connection.transaction():
            return await prepared.fetch(*(values[name] for name in places))

    return search


async def sizes_of(engine: AsyncEngine) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
    """The tables and the indexes of search."""
    async with engine.connect() as connection:
        tables = {name: (heap, indexes) for name, heap, indexes in await connection.execute(text(_TABLES))}
        found = await connection.execute(text(_INDEXES))
        return tables, dict(list(found))


async def run(
    url: str,
    source: RealText,
    arguments: argparse.Namespace,
    known: Sequence[Place],
    keep: Callable[[bytes], Any],
) -> Report:
    """Load the data that is not `known`, persist it, and measure."""
    engine = create_engine(url, pool_size=1)
    await migrate.upgrade(engine)
    asked = source.ask(arguments.queries)
    places, owner = await fill(url, source, arguments.sizes, known, keep)
    _show(None)
    results, outlines = [], {}
    for size in arguments.sizes:
        found, outlines[size] = await measure(url, owner, places[size], asked, Exact(source, size))
        results += found
    tables, indexes = await sizes_of(engine)
    await engine.dispose()
    return Report(results, outlines, tables, indexes, len(source.words), round(source.missed, 3))


def plot(report: Report, file: Path) -> None:
    """Plot latency and recall against size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for way, color in zip(WAYS, ("#4477aa", "#cc6677", "#117733"), strict=True):
        rows = [result for result in report.results if result.way == way]
        chunks = [row.chunks for row in rows]
        left.plot(
            chunks, [row.search.p50 for row in rows], "o-", color=color, label=f"{way}, p50", markersize=3
        )
        left.plot(chunks, [row.search.p95 for row in rows], ":", color=color, label="p95")
        if rows and rows[0].found is not None:
            label = "dense: recall@10" if way == "dense" else "lexical: overlap with exact BM25"
            right.plot(chunks, [row.found for row in rows], "o-", color=color, label=label, markersize=3)
    left.set(xscale="log", yscale="log", xlabel="chunks in the namespace", ylabel="ms")
    right.set(
        xscale="log",
        xlabel="chunks in the namespace",
        ylabel="share of the exact first ten",
        ylim=(0.7, 1.005),
    )
    for axes in (left, right):
        axes.legend(fontsize=7)
        axes.grid(alpha=0.3)
    figure.savefig(file)


def _show(result: Result | None) -> None:
    if result is None:
        columns = " ".join(f"{name:>7}" for name in ("p50", "p95", "plain", "server", "barest", "found"))
        print(f"{'chunks':>9} {'way':8} {columns}")
        return
    bare = f"{result.barest.p50:7.2f}" if result.barest else " " * 7
    found = f"{result.found:.4f}" if result.found is not None else ""
    print(
        f"{result.chunks:9,} {result.way:8} {result.search.p50:7.2f} {result.search.p95:7.2f} "
        f"{result.plain.p50:7.2f} {result.processor.p50:7.2f} {bare} {found:>7}",
        flush=True,
    )


def _say(what: str, began: float) -> None:
    print(f"{time.perf_counter() - began:6.0f} s: {what}", file=sys.stderr, flush=True)


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure search in large namespaces.")
    parser.add_argument("--data", type=Path, required=True, help="the folder with the text")
    parser.add_argument(
        "--data-dir", type=Path, required=True, help="keep the database and the vectors in this directory"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="chunks per namespace")
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument(
        "--embedded", type=int, default=18_000, help="maximum number of windows with real vectors"
    )
    parser.add_argument("--json", type=Path, help="write all results to this file")
    parser.add_argument("--plot", type=Path, help="plot the curves to this file")
    arguments = parser.parse_args()
    source = RealText(arguments.data, arguments.data_dir / "text", arguments.embedded)
    state = arguments.data_dir / "places.json"
    known = msgspec.json.decode(state.read_bytes(), type=list[Place]) if state.exists() else []
    try:
        with running(arguments.data_dir) as url:
            report = uvloop.run(run(url, source, arguments, known, state.write_bytes))
    finally:
        stop(arguments.data_dir)
    if arguments.json:
        arguments.json.write_text(json.dumps(msgspec.to_builtins(report, str_keys=True), indent=1) + "\n")
    if arguments.plot:
        plot(report, arguments.plot)


if __name__ == "__main__":
    main()
