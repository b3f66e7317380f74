"""Embedding models side by side: quality of search, and speed.

    python -m benchmarks.models MODEL ... --data DIR --sets SET ... [--queries N] [--docqa FOLDER]
        [--reranker MODEL] [--cache DIR] [--json]

A MODEL is `packaged`, or what LUMA_EMBEDDING_MODEL takes; its other settings come from the environment and
hold for every MODEL but `packaged`. DIR holds sets in BEIR format, and FOLDER what `benchmarks.docqa` takes.
Each set is stored in a database as in `benchmarks.retrieval`: nDCG@10 dense and hybrid, with the weights of
the model. Of the documents, the share of questions with the right page among the first 5 and 10 hits, with
and without the reranker.

For speed, the models take turns in one thread, round by round, on full chunks and on queries: CPU time, which
other load affects less, and the ratio to the first model in the same rounds. With `--cache` the embeddings
are kept for the next run.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from benchmarks import docqa, retrieval
from benchmarks.corpus import documents_in, open_corpus
from ingest.embedding import Embedder, load
from ingest.embedding.spec import packaged, spec_of
from ingest.types import Vector
from luma_rag import settings
from luma_rag.db import migrate
from luma_rag.db.embedded import running, stop
from luma_rag.db.session import Sessions, create_engine, create_sessions
from luma_rag.retrieval.reranking import Reranker
from luma_rag.runtime import create_reranker
from luma_rag.settings import Settings

_PACKAGED = "packaged"
_ROUNDS = 5
_AT_ONCE = 8
_CHUNK = 256
"""Tokens of a full chunk."""
_LONG = 250
"""Words of a text that fills a chunk."""


class Quality(msgspec.Struct, frozen=True):
    """nDCG@10 of a model on a set."""

    model: str
    set: str
    dense: float
    lexical: float
    hybrid: float


class Pages(msgspec.Struct, frozen=True):
    """The share of questions about documents with the right page among the first hits of hybrid search."""

    model: str
    reranked: bool
    page_at_5: float
    page_at_10: float


class Speed(msgspec.Struct, frozen=True):
    """Medians of rounds in which the models took turns; ratios to the first model."""

    model: str
    chunks_per_second: float
    chunks_ratio: float
    query_ms: float
    query_ratio: float


class Report(msgspec.Struct):
    """Everything that was measured."""

    quality: list[Quality]
    pages: list[Pages]
    speed: list[Speed]


def load_model(name: str) -> Embedder:
    """The model of this name, in one thread."""
    configured = settings.load()
    named = msgspec.structs.replace(configured.embedding, model=name)
    spec = packaged() if name == _PACKAGED else spec_of(named, "int8-v1")
    return load(spec, threads=1, api_key=configured.embedding.api_key)


def take_turns(models: dict[str, Embedder], texts: Sequence[str], queries: Sequence[str]) -> list[Speed]:
    """The speed of each model on chunks of the full length and on queries."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for number in range(_ROUNDS):
        part = texts[number * _AT_ONCE :][:_AT_ONCE]
        asked = queries[number * _AT_ONCE :][:_AT_ONCE]
        for name, embedder in models.items():
            chunks = _cpu_seconds(partial(_embed_documents, embedder, part))
            one_by_one = sum(_cpu_seconds(partial(embedder.embed_query, query)) for query in asked)
            seconds[name].append((chunks / len(part), one_by_one / len(asked)))
    first = next(iter(seconds.values()))
    return [
        Speed(
            name,
            round(1 / statistics.median(chunk for chunk, _ in taken), 1),
            round(_median_ratio([b[0] for b in first], [a[0] for a in taken]), 2),
            round(1000 * statistics.median(query for _, query in taken), 2),
            round(_median_ratio([a[1] for a in taken], [b[1] for b in first]), 2),
        )
        for name, taken in seconds.items()
    ]


def _cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _median_ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))


async def quality(
    sessions: Sessions, models: dict[str, Embedder], folder: Path, arguments: argparse.Namespace
) -> list[Quality]:
    """nDCG@10 of each model on a set."""
    data = retrieval.read(folder, arguments.queries)
    asked = list(data.queries.values())
    results: list[Quality] = []
    for name, embedder in models.items():
        cached = arguments.cache / Path(name).name / data.name if arguments.cache else None
        texts = _cached(cached, "d", len(data.texts), partial(_embed_documents, embedder, data.texts))
        queries = _cached(cached, "q", len(asked), partial(embedder.embed_queries, asked))
        # A namespace of its own: names of users are unique.
        own = msgspec.structs.replace(data, name=f"{data.name} {len(results)}")
        found = await retrieval.measure(sessions, own, texts, queries, embedder.ranking)
        results.append(Quality(name, data.name, found.dense, found.lexical, found.hybrid))
    return results


async def pages(
    folder: Path, data_dir: Path, name: str, embedder: Embedder, reranker: Reranker | None
) -> list[Pages]:
    """How often a model finds the right page of the documents, with and without a reranker."""
    questions = docqa.read_questions(folder / "questions.jsonl")
    results = []
    async with open_corpus(data_dir, embedder) as corpus:
        await corpus.ingest(documents_in(folder / "documents"))
        for one in (None, reranker) if reranker is not None else (None,):
            shares = [
                docqa.summary(await docqa.measure(corpus, questions, k, "hybrid", one), k).page_hit_rate
                for k in (5, 10)
            ]
            results.append(Pages(name, one is not None, *shares))
    return results


def _embed_documents(embedder: Embedder, texts: Sequence[str]) -> Vector:
    """Vectors of texts, each cut where a chunk would end."""
    room = min(_CHUNK, embedder.tokens.max_tokens) - embedder.tokens.added_tokens
    cut = []
    for text in texts:
        offsets = embedder.tokens.offsets(text)
        cut.append(text if len(offsets) <= room else text[: offsets[room - 1][1]])
    return embedder.embed_documents(cut)


def _cached(folder: Path | None, part: str, count: int, embed: Callable[[], Vector]) -> Vector:
    if folder is None:
        return embed()
    path = folder.with_name(f"{folder.name}.{part}.npy")
    if path.exists():
        vectors: Vector = np.load(path).astype(np.float32)
        if len(vectors) == count:
            return vectors
    vectors = embed()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, vectors)
    return vectors


async def run(url: str, scratch: Path, arguments: argparse.Namespace) -> Report:
    """Measure everything that the command line asks for."""
    models = {name: load_model(name) for name in arguments.models}
    report = Report([], [], [])
    engine = create_engine(url, pool_size=2)
    await migrate.upgrade(engine)
    folders = [arguments.data / name for name in arguments.sets]
    for folder in folders:
        report.quality += await quality(create_sessions(engine), models, folder, arguments)
    await engine.dispose()
    if arguments.docqa:
        reranker = await asyncio.to_thread(create_reranker, Settings(reranker=arguments.reranker))
        for number, (name, embedder) in enumerate(models.items()):
            report.pages += await pages(arguments.docqa, scratch / str(number), name, embedder, reranker)
    sample = [retrieval.read(folder, arguments.queries) for folder in folders]
    long = [text for data in sample for text in data.texts if len(text.split()) > _LONG]
    report.speed = take_turns(models, long, [query for data in sample for query in data.queries.values()])
    return report


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Compare embedding models.")
    parser.add_argument("models", nargs="+", help=f"{_PACKAGED}, or what LUMA_EMBEDDING_MODEL takes")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", required=True, help="folder names below DIR")
    parser.add_argument("--queries", type=int, help="use the first N queries of each set")
    parser.add_argument("--docqa", type=Path, help="documents and questions, as for benchmarks.docqa")
    parser.add_argument("--reranker", help="a reranker for the documents, as in LUMA_RERANKER")
    parser.add_argument("--cache", type=Path, help="cache embeddings in this directory")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-") as temporary:
        folder = Path(temporary)
        try:
            with running(folder / "db") as url:
                report = asyncio.run(run(url, folder, arguments))
        finally:
            stop(folder / "db")
    if arguments.json:
        print(msgspec.json.encode(report).decode())
        return
    for rows in (report.quality, report.pages, report.speed):
        for row in rows:
            print("  ".join(f"{name} {value}" for name, value in msgspec.structs.asdict(row).items()))


if __name__ == "__main__":
    main()
