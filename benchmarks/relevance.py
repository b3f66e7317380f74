"""How well a search recognizes that nothing is relevant.

    python -m benchmarks.relevance --data DIR [SET ...] [--queries 200] [--cache DIR] [--json]

DIR, its sets and the cache are those of `benchmarks.retrieval`. Each set is searched with its own questions,
few of which should be reported as having no relevant results, and with as many questions of all other sets,
most of which should be. Some of the latter do have an answer: both scifact and nfcorpus are medical. Sets
whose names share the part before a hyphen are not searched with each other's questions.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.retrieval import TestSet, embed, read, store
from ingest.embedding.packaged import PackagedEmbedder
from ingest.types import Vector
from luma_rag.db import migrate
from luma_rag.db.embedded import running, stop
from luma_rag.db.session import Sessions, create_engine, create_sessions
from luma_rag.retrieval.relevance import is_relevant
from luma_rag.retrieval.search import Mode, find
from luma_rag.retrieval.search_query import SearchQuery, dense_weight, query_terms
from luma_rag.retrieval.vector_source import namespace_profile

MODES: tuple[Mode, ...] = ("hybrid", "dense")
Questions = list[tuple[str, Vector]]


class Result(msgspec.Struct, frozen=True):
    """Shares of the questions reported as having no relevant results, from 0 to 1; None if undecidable."""

    name: str
    mode: Mode
    own: float | None
    others: float | None


async def rejection_rates(
    sessions: Sessions, data: TestSet, texts: Vector, question_sets: Sequence[Questions]
) -> list[Result]:
    """Search one set with its own questions and with those of others, the second item of `question_sets`."""
    principal, namespace_id, _ = await store(sessions, data, texts)
    results = []
    for mode in MODES:
        shares = []
        for questions in question_sets:
            decisions = []
            for query, embedding in questions:
                async with sessions.begin() as session:
                    languages, _ = await namespace_profile(session, principal, namespace_id)
                    terms = None if mode == "dense" else query_terms(query, languages)
                    question = SearchQuery(embedding, terms, dense_weight(query, languages))
                    found = await find(session, principal, namespace_id, question, k=5)
                decisions.append(is_relevant(query, found))
            decided = [fit for fit in decisions if fit is not None]
            shares.append(round(1 - sum(decided) / len(decided), 4) if decided else None)
        results.append(Result(data.name, mode, *shares))
    return results


async def run(url: str, arguments: argparse.Namespace, folders: Sequence[Path]) -> list[Result]:
    """Measure each set in the database at this URL."""
    engine = create_engine(url, pool_size=2)
    await migrate.upgrade(engine)
    embedder = PackagedEmbedder()
    random = np.random.default_rng(7)
    sets = [read(folder, None) for folder in folders]
    question_sets: dict[str, Questions] = {}
    for data in sets:
        cached = arguments.cache / f"{data.name}.q.npy" if arguments.cache else None
        vectors = embed(embedder, list(data.queries.values()), cached)
        every = list(zip(data.queries.values(), vectors, strict=True))
        chosen = random.permutation(len(every))[: arguments.queries]
        question_sets[data.name] = [every[i] for i in chosen]
    results = []
    for data in sets:
        kind = data.name.split("-")[0]
        others = [
            question
            for name, some in question_sets.items()
            if name.split("-")[0] != kind
            for question in some
        ]
        some = [others[i] for i in random.permutation(len(others))[: arguments.queries]]
        cached = arguments.cache / f"{data.name}.d.npy" if arguments.cache else None
        texts = embed(embedder, data.texts, cached)
        results += await rejection_rates(
            create_sessions(engine), data, texts, (question_sets[data.name], some)
        )
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
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(
        description="Measure how well a search recognizes that nothing is relevant."
    )
    parser.add_argument("sets", nargs="*", help="folder names below DIR (default: all in BEIR format)")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=200, help="questions of each kind (default: 200)")
    parser.add_argument("--cache", type=Path, help="cache embeddings in this directory")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    names = arguments.sets or sorted(path.parent.name for path in arguments.data.glob("*/qrels.tsv"))
    if not arguments.json:
        print(f"{'reported as not relevant':24} {'own':>6} {'others':>6}")
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
