"""The quality cost and the speedup of quantization, and the speedup of batching queries.

    python -m benchmarks.embedding FOLDER… [--documents 300] [--queries 100] [--json]

Each FOLDER holds a data set in BEIR format: corpus.jsonl, queries.jsonl, qrels.tsv. From a large set, the
benchmark samples queries, their relevant documents, and others up to `--documents`. Both profiles embed the
same texts in one thread and rank by cosine similarity.

Times are CPU times, which other load on the machine affects less than wall-clock times. For queries, one and
then eight callers use the service's encoder; no caller repeats a query.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
from ir_measures import Qrel, ScoredDoc, calc_aggregate, nDCG

from ingest.embedding import Embedder
from ingest.embedding.packaged import PackagedEmbedder
from ingest.types import EmbeddingProfile, Vector
from luma_rag.evaluation.dataset import read_dataset
from luma_rag.retrieval.query_encoder import QueryEncoder

PROFILES: tuple[EmbeddingProfile, ...] = ("float32", "int8-v1")
_DEPTH = 100


class DataSet(msgspec.Struct, frozen=True):
    """A sample of a data set; texts and ids in the same order."""

    name: str
    doc_ids: list[str]
    documents: list[str]
    query_ids: list[str]
    queries: list[str]
    qrels: list[tuple[str, str, int]]


class Result(msgspec.Struct, frozen=True):
    """Results of one profile on one data set. Times are CPU times; cosines are relative to the float32
    vectors.
    """

    dataset: str
    profile: str
    documents: int
    queries: int
    ndcg_at_10: float
    documents_per_second: float
    cosine_mean: float
    cosine_least: float


class Queries(msgspec.Struct, frozen=True):
    """Results of the encoder for a number of callers: the median wall-clock time and the CPU share."""

    profile: str
    callers: int
    p50_ms: float
    queries_per_second: float
    processor_ms: float


def read(folder: Path, documents: int, queries: int) -> DataSet:
    """A sample of a data set, the same in every run."""
    dataset = read_dataset(folder)
    texts = {entry.id: f"{entry.title} {entry.text}".strip() for entry in dataset.entries}
    questions = {question.id: question for question in dataset.questions}
    chance = np.random.default_rng(0)
    chosen = sorted(chance.choice(sorted(questions), min(queries, len(questions)), replace=False).tolist())
    qrels = [
        (key, p.document, p.grade) for key in chosen for p in questions[key].places if p.document in texts
    ]
    needed = {row[1] for row in qrels}
    others = sorted(texts.keys() - needed)
    count = min(max(documents - len(needed), 0), len(others))
    more = chance.choice(others, count, replace=False).tolist() if count else []
    doc_ids = sorted(needed | set(more))
    return DataSet(
        dataset.name, doc_ids, [texts[i] for i in doc_ids], chosen, [questions[i].text for i in chosen], qrels
    )


def compare(data: DataSet, embedders: Sequence[Embedder]) -> Iterator[Result]:
    """The results of each embedder; cosines are relative to the first."""
    exact: Vector | None = None
    for embedder in embedders:
        # Embed documents as queries, because they may exceed the model's limit.
        began = time.process_time()
        documents = embedder.embed_queries(data.documents)
        seconds = time.process_time() - began
        exact = documents if exact is None else exact
        cosine = (documents * exact).sum(axis=1)
        scores = embedder.embed_queries(data.queries) @ documents.T
        run = [
            ScoredDoc(query_id, data.doc_ids[i], float(row[i]))
            for query_id, row in zip(data.query_ids, scores, strict=True)
            for i in np.argsort(-row)[:_DEPTH]
        ]
        measured = calc_aggregate([nDCG @ 10], [Qrel(*row) for row in data.qrels], run)
        yield Result(
            data.name,
            embedder.model.profile,
            len(data.documents),
            len(data.queries),
            round(measured[nDCG @ 10], 4),
            round(len(data.documents) / seconds, 1),
            round(float(cosine.mean()), 4),
            round(float(cosine.min()), 4),
        )


async def ask(embedder: Embedder, texts: Sequence[str], callers: int) -> Queries:
    """Let concurrent callers embed queries; each waits for its result before the next query."""
    encoder = QueryEncoder(embedder)
    waiting = iter(texts)
    seconds: list[float] = []

    async def caller() -> None:
        for text in waiting:
            began = time.perf_counter()
            await encoder.encode(text, user_id=1)
            seconds.append(time.perf_counter() - began)

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(callers)))
    took, used = time.perf_counter() - began, time.process_time() - used
    encoder.close()
    return Queries(
        embedder.model.profile,
        callers,
        round(median(seconds) * 1000, 2),
        round(len(texts) / took, 1),
        round(used / len(texts) * 1000, 2),
    )


def _print(rows: Sequence[msgspec.Struct]) -> None:
    print("  ".join(f"{name:>20}" for name in msgspec.structs.asdict(rows[0])))
    for row in rows:
        print("  ".join(f"{value!s:>20}" for value in msgspec.structs.asdict(row).values()))


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Compare the profiles of the embedding model.")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument(
        "--documents", type=int, default=300, help="approximate documents per set (default: 300)"
    )
    parser.add_argument("--queries", type=int, default=100, help="queries per set (default: 100)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    embedders = [PackagedEmbedder(threads=1, profile=profile) for profile in PROFILES]
    sets = [read(folder, arguments.documents, arguments.queries) for folder in arguments.folders]
    results = [result for data in sets for result in compare(data, embedders)]
    texts = np.random.default_rng(0).permutation(sorted({q for data in sets for q in data.queries})).tolist()
    queries = [asyncio.run(ask(e, texts, callers)) for e in embedders for callers in (1, 8)]
    if arguments.json:
        print(msgspec.json.encode({"results": results, "queries": queries}).decode())
        return
    _print(results)
    print()
    _print(queries)


if __name__ == "__main__":
    main()
