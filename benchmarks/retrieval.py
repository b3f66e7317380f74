"""The quality of the first ten passages: dense, lexical, hybrid, and BM25 by the library bm25s.

    python -m benchmarks.retrieval --data DIR [SET ...] [--queries N] [--cache DIR] [--json]

DIR holds a folder for each set in BEIR format: `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl`
(`_id`, `text`) and `qrels.tsv`. Each text is one chunk, and each set has a namespace in an embedded database.
Text beyond the model's 256 tokens is not embedded, but is part of lexical search. The output has nDCG@10 for
each mode, the share of the reference's first ten that lexical search also finds, and the median time of a
search in the database. The reference uses the same terms. With `--cache` the embeddings are kept for the next
run.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import bm25s
import ir_measures
import msgspec
import numpy as np
from ir_measures import nDCG
from sqlalchemy import cast, select
from sqlalchemy.types import Text

from ingest.embedding import Embedder
from ingest.embedding.packaged import MODEL, PackagedEmbedder
from ingest.embedding.ranking import MINILM, Ranking
from ingest.types import Chunk, EmbeddedDocument, ParsedDocument, Passage, Vector
from ingest.words import detect_language, query_words, words
from luma_rag import namespaces
from luma_rag.access import Principal
from luma_rag.db import migrate
from luma_rag.db.base import utcnow
from luma_rag.db.embedded import running, stop
from luma_rag.db.models import Chunk as ChunkRow
from luma_rag.db.models import ChunkVector, Document, EmbeddingModel, User
from luma_rag.db.session import Sessions, create_engine, create_sessions
from luma_rag.documents import claims, ingestion, lexical_index, models
from luma_rag.documents.vectors import PostgresSink
from luma_rag.evaluation.dataset import read_dataset
from luma_rag.retrieval.search import find
from luma_rag.retrieval.search_query import SearchQuery, dense_weight, query_terms

DEPTH = 10
MODES = ("dense", "lexical", "hybrid")
Run = dict[str, dict[str, float]]


class TestSet(msgspec.Struct, frozen=True):
    """Texts, the queries with judgments, and the judgments: relevance by query and text."""

    name: str
    ids: list[str]
    texts: list[str]
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]


class Result(msgspec.Struct, frozen=True):
    """nDCG@10 of each mode, the overlap with the reference's first ten, and median milliseconds."""

    name: str
    texts: int
    queries: int
    dense: float
    lexical: float
    hybrid: float
    bm25s: float
    overlap: float
    milliseconds: dict[str, float]


def read(folder: Path, most_queries: int | None) -> TestSet:
    """A set in BEIR format, with its first `most_queries` queries."""
    dataset = read_dataset(folder)
    questions = dataset.questions[:most_queries]
    return TestSet(
        dataset.name,
        [entry.id for entry in dataset.entries],
        ["\n".join(filter(None, (entry.title, entry.text))) for entry in dataset.entries],
        {question.id: question.text for question in questions},
        {question.id: {place.document: place.grade for place in question.places} for question in questions},
    )


def embed(embedder: Embedder | None, texts: Sequence[str], cached: Path | None) -> Vector:
    """Vectors of texts, each truncated to the model's limit, from the cache if present."""
    if cached is not None and cached.exists():
        vectors: Vector = np.load(cached).astype(np.float32)
        if len(vectors) == len(texts):
            return vectors
    if embedder is None:
        raise SystemExit(f"{cached} has other vectors. Run without --cached-only.")
    vectors = np.array([embedder.embed_query(text) for text in texts], np.float32)
    if cached is not None:
        cached.parent.mkdir(parents=True, exist_ok=True)
        np.save(cached, vectors.astype(np.float16))
    return vectors


async def store(sessions: Sessions, data: TestSet, vectors: Vector) -> tuple[Principal, int, dict[str, str]]:
    """Store the texts in a new namespace. Returns a principal with access, the namespace id, and texts by
    vec_id.
    """
    async with sessions.begin() as session:
        if await models.current(session) is None:
            made_by = {"name": MODEL.name, "sha256": MODEL.sha256, "profile": MODEL.profile}
            session.add(EmbeddingModel(**made_by, dimensions=MODEL.dimensions, is_current=True))
        user = User(username=data.name, email=f"{data.name}@example.com", password="-", role="user")  # noqa: S106
        session.add(user)
        await session.flush()
        principal = Principal(user.id, user.role)
        namespace = await namespaces.create(session, principal, data.name, None, is_public=False)
        document = Document(
            user_id=user.id,
            title=data.name,
            file_path=data.name,
            file_metadata={"sha256": data.name},
            type="pdf",
            uploaded_at=utcnow(),
        )
        session.add(document)
        await session.flush()
        await ingestion.enqueue(session, document.id, namespace.id)
        await claims.claim(session, 1, [document.id])
    chunks = [Chunk(0, 0, len(text), text, "", 0) for text in data.texts]
    whole = EmbeddedDocument(ParsedDocument("pdf", [Passage("")]), chunks, vectors)
    await PostgresSink(sessions, 1).store(document.id, whole)
    async with sessions.begin() as session:
        rows = await session.execute(
            select(cast(ChunkVector.id, Text), ChunkRow.ordinal)
            .join(ChunkRow, ChunkRow.id == ChunkVector.chunk_id)
            .where(ChunkVector.namespace_id == namespace.id)
        )
        return principal, namespace.id, {vec_id: data.ids[ordinal] for vec_id, ordinal in rows}


def reference(data: TestSet, language: str) -> Run:
    """The results of bm25s with the same terms."""
    model = bm25s.BM25(k1=lexical_index.K1, b=lexical_index.B, method="lucene")
    model.index([words(text, language) for text in data.texts], show_progress=False)
    found: Run = {}
    for name, query in data.queries.items():
        indexed = [word for word in query_words(query, language) if word in model.vocab_dict]
        scores = model.get_scores(indexed) if indexed else np.zeros(len(data.ids))
        best = np.argsort(-scores, kind="stable")[:DEPTH]
        found[name] = {data.ids[i]: float(scores[i]) for i in best if scores[i] > 0}
    return found


async def measure(
    sessions: Sessions, data: TestSet, texts: Vector, queries: Vector, ranking: Ranking = MINILM
) -> Result:
    """Run every query in each mode."""
    principal, namespace_id, names = await store(sessions, data, texts)
    language = detect_language(data.texts)
    runs: dict[str, Run] = {mode: {} for mode in MODES}
    times: dict[str, list[float]] = {mode: [] for mode in MODES}
    for (name, query), embedding in zip(data.queries.items(), queries, strict=True):
        for mode in MODES:
            question = SearchQuery(
                embedding if mode != "lexical" else None,
                query_terms(query, [language]) if mode != "dense" else None,
                dense_weight(query, [language], ranking),
            )
            began = time.perf_counter()
            async with sessions.begin() as session:
                hits = await find(session, principal, namespace_id, question, k=DEPTH)
            times[mode].append((time.perf_counter() - began) * 1000)
            runs[mode][name] = {names[hit.vec_id]: hit.score for hit in hits}
    expected = reference(data, language)
    shared = [
        len(runs["lexical"][name].keys() & found.keys()) / len(found)
        for name, found in expected.items()
        if found
    ]
    quality = {mode: _ndcg(data, run) for mode, run in (*runs.items(), ("bm25s", expected))}
    return Result(
        data.name,
        len(data.ids),
        len(data.queries),
        **quality,
        overlap=round(statistics.fmean(shared), 4),
        milliseconds={mode: round(statistics.median(taken), 2) for mode, taken in times.items()},
    )


def _ndcg(data: TestSet, run: Run) -> float:
    return round(float(ir_measures.calc_aggregate([nDCG @ DEPTH], data.qrels, run)[nDCG @ DEPTH]), 4)


async def run(url: str, arguments: argparse.Namespace, sets: Sequence[Path]) -> list[Result]:
    """Measure each set in the database at this URL."""
    engine = create_engine(url, pool_size=2)
    await migrate.upgrade(engine)
    embedder = None if arguments.cached_only else PackagedEmbedder()
    results = []
    for folder in sets:
        data = read(folder, arguments.queries)
        cached = [arguments.cache / f"{data.name}.{part}.npy" if arguments.cache else None for part in "dq"]
        texts = embed(embedder, data.texts, cached[0])
        queries = embed(embedder, list(data.queries.values()), cached[1])
        results.append(await measure(create_sessions(engine), data, texts, queries))
        if not arguments.json:
            _print(results[-1])
    await engine.dispose()
    return results


def _print(result: Result) -> None:
    times = ", ".join(f"{mode} {taken}" for mode, taken in result.milliseconds.items())
    print(
        f"{result.name:16} {result.texts:6} {result.queries:7}   {result.dense:.4f}   {result.lexical:.4f}   "
        f"{result.hybrid:.4f}   {result.bm25s:.4f}   {result.overlap:.3f}   {times}",
        flush=True,
    )


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure the quality of search.")
    parser.add_argument("sets", nargs="*", help="folder names below DIR (default: all in BEIR format)")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--queries", type=int, help="use the first N queries of each set")
    parser.add_argument("--cache", type=Path, help="cache embeddings in this directory")
    parser.add_argument("--cached-only", action="store_true", help="fail instead of loading the model")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    names = arguments.sets or sorted(path.parent.name for path in arguments.data.glob("*/qrels.tsv"))
    if not arguments.json:
        print(
            f"{'set':16} {'texts':>6} {'queries':>7}   {'dense':6}   lexical  {'hybrid':6}   {'bm25s':6}   "
            "overlap ms"
        )
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
