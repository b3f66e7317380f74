"""How well a search tells whether anything is relevant.

    python -m benchmarks.relevance --data DIR [SET ...] [--queries 200] [--cache DIR] [--json]

DIR and its sets are those of `benchmarks.retrieval`, and so is the cache. Each set is asked its own
questions, of which as few as possible should be told that nothing is relevant, and as many of all the other
sets together, of which as many as possible should be. Some of these have an answer after all: both scifact
and nfcorpus are medicine. Two sets with the same beginning up to a hyphen are not asked each other's.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.retrieval import TestSet, embed, read, store
from ingest.embedder import Embedder
from ingest.types import Vector
from luma_rag.db import migrate
from luma_rag.db.embedded import running, stop
from luma_rag.db.session import Sessions, create_engine, create_sessions
from luma_rag.retrieval.relevance import is_relevant
from luma_rag.retrieval.search import Mode, find, namespace_profile
from luma_rag.retrieval.search_query import SearchQuery, dense_weight, query_terms

MODES: tuple[Mode, ...] = ("hybrid", "dense")
Asked = list[tuple[str, Vector]]


class Result(msgspec.Struct, frozen=True):
    """Shares of the questions, from 0 to 1, that are told so; None where it can't be told."""

    name: str
    mode: Mode
    own: float | None
    others: float | None


async def refused(sessions: Sessions, data: TestSet, texts: Vector, asked: Sequence[Asked]) -> list[Result]:
    """Ask one set its own questions and those of others, which are the second of `asked`."""
    principal, namespace_id, _ = await store(sessions, data, texts)
    results = []
    for mode in MODES:
        shares = []
        for questions in asked:
            told = []
            for query, embedding in questions:
                async with sessions.begin() as session:
                    languages, _ = await namespace_profile(session, principal, namespace_id)
                    terms = None if mode == "dense" else query_terms(query, languages)
                    question = SearchQuery(embedding, terms, dense_weight(query, languages))
                    found = await find(session, principal, namespace_id, question, k=5)
                told.append(is_relevant(query, found))
            known = [fit for fit in told if fit is not None]
            shares.append(round(1 - sum(known) / len(known), 4) if known else None)
        results.append(Result(data.name, mode, *shares))
    return results


async def run(url: str, arguments: argparse.Namespace, folders: Sequence[Path]) -> list[Result]:
    """Measure each set on the database of this URL."""
    engine = create_engine(url, pool_size=2)
    await migrate.upgrade(engine)
    embedder = Embedder()
    random = np.random.default_rng(7)
    sets = [read(folder, None) for folder in folders]
    asked: dict[str, Asked] = {}
    for data in sets:
        cached = arguments.cache / f"{data.name}.q.npy" if arguments.cache else None
        vectors = embed(embedder, list(data.queries.values()), cached)
        every = list(zip(data.queries.values(), vectors, strict=True))
        chosen = random.permutation(len(every))[: arguments.queries]
        asked[data.name] = [every[i] for i in chosen]
    results = []
    for data in sets:
        kind = data.name.split("-")[0]
        others = [each for name, some in asked.items() if name.split("-")[0] != kind for each in some]
        some = [others[i] for i in random.permutation(len(others))[: arguments.queries]]
        cached = arguments.cache / f"{data.name}.d.npy" if arguments.cache else None
        texts = embed(embedder, data.texts, cached)
        results += await refused(create_sessions(engine), data, texts, (asked[data.name], some))
        if not arguments.json:
            for result in results[-len(MODES) :]:
                _print(result)
    await engine.dispose()
    return results


def _print(result: Result) -> None:
    own, others = (
        f"{share:6.1%}" if share is not None else "     —" for share in (result.own, result.others)
    )
    print(f"{result.name:16} {result.mode:7} {own} {others}", flush=True)


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description="Measure how well a search tells that nothing is relevant.")
    parser.add_argument("sets", nargs="*", help="names of folders below DIR; all that are in BEIR's form")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=200, help="so many of each kind (200)")
    parser.add_argument("--cache", type=Path, help="keep embeddings here")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    names = arguments.sets or sorted(path.parent.name for path in arguments.data.glob("*/qrels.tsv"))
    if not arguments.json:
        print(f"{'told that nothing is relevant':24} {'own':>6} {'others':>6}")
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        try:
            with running(Path(folder)) as url:
                results = asyncio.run(run(url, arguments, [arguments.data / name for name in names]))
        finally:
            stop(Path(folder))
    if arguments.json:
        print(msgspec.json.encode(results).decode())


if __name__ == "__main__":
    main()
