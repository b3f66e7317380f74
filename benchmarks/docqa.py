"""How often the page with the answer is among the retrieved passages.

    python -m benchmarks.docqa FOLDER [-k 5] [--mode hybrid] [--data-dir DIR] [--json] [--misses]
        [--reranker MODEL]

FOLDER contains `documents/` and `questions.jsonl` with one JSON object per line: `question`, `answerable`,
`document` (a file name), `page` (counted from 1) and, for answers in several places, `evidence`: a list of
objects with `document` and `page`. All documents are in one namespace and searched together. The benchmark
uses the answerable questions with a known page. A question counts as found if one of the first `k` hits is
one of its pages. With `--data-dir` the ingested documents are kept for the next run. `--reranker` takes what
LUMA_RERANKER does; its time is not limited.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, get_args

import msgspec
from sqlalchemy import select

from benchmarks.corpus import Corpus, documents_in, open_corpus
from ingest.embedding.packaged import PackagedEmbedder
from luma_rag.db.models import Document
from luma_rag.db.session import reading
from luma_rag.retrieval.hits import Hit
from luma_rag.retrieval.query_encoders import QueryEncoders
from luma_rag.retrieval.reranking import Reranker, Reranking
from luma_rag.retrieval.search import Mode, Retriever
from luma_rag.runtime import create_reranker, open_models
from luma_rag.settings import Settings

_UNLIMITED = 600.0
"""The reranker's budget in seconds."""


class Question(msgspec.Struct, frozen=True):
    """A question and the pages that hold its answer."""

    text: str
    source: str
    places: frozenset[tuple[str, int]]


class Outcome(msgspec.Struct, frozen=True):
    """The result for one question. `has_document` is true if at least the right document was found."""

    question: Question
    has_page: bool
    has_document: bool
    milliseconds: float


class Report(msgspec.Struct, frozen=True):
    """Shares of the questions, from 0 to 1. `by_source` is the share of pages found."""

    questions: int
    k: int
    page_hit_rate: float
    document_hit_rate: float
    median_milliseconds: float
    by_source: dict[str, float]


def read_questions(path: Path) -> list[Question]:
    """The answerable questions with a known page."""
    questions = []
    for line in path.read_text().splitlines():
        entry: dict[str, Any] = msgspec.json.decode(line)
        if not entry["answerable"] or entry.get("page") is None:
            continue
        places = {(entry["document"], entry["page"])}
        for place in entry.get("evidence") or []:
            if place.get("page") is not None:
                places.add((place.get("document", entry["document"]), place["page"]))
        questions.append(Question(entry["question"], entry["source"], frozenset(places)))
    return questions


async def measure(
    corpus: Corpus, questions: list[Question], k: int, mode: Mode, reranker: Reranker | None = None
) -> list[Outcome]:
    """Search for every question once."""
    async with corpus.store.sessions.begin() as session:
        rows = await session.execute(
            select(Document.id, Document.file_metadata["original_filename"].as_string().label("name"))
        )
        names = {row.id: row.name for row in rows}
    encoders = QueryEncoders(await open_models(corpus.store, corpus.embedder))
    reranking = Reranking(reranker, _UNLIMITED) if reranker is not None else None
    retriever = Retriever(reading(corpus.store.engine), encoders, reranking)
    outcomes = []
    for question in questions:
        result = await retriever.search(corpus.principal, corpus.namespace_id, question.text, k=k, mode=mode)
        outcomes.append(_outcome(question, result.hits, names, result.took_ms.total))
    encoders.close()
    return outcomes


def summary(outcomes: list[Outcome], k: int) -> Report:
    """Shares over all questions and by source."""
    sources: dict[str, list[bool]] = defaultdict(list)
    for outcome in outcomes:
        sources[outcome.question.source].append(outcome.has_page)
    return Report(
        questions=len(outcomes),
        k=k,
        page_hit_rate=_share([outcome.has_page for outcome in outcomes]),
        document_hit_rate=_share([outcome.has_document for outcome in outcomes]),
        median_milliseconds=round(statistics.median(outcome.milliseconds for outcome in outcomes), 2),
        by_source={source: _share(found) for source, found in sorted(sources.items())},
    )


def _outcome(question: Question, hits: list[Hit], names: dict[int, str], milliseconds: float) -> Outcome:
    documents = {document for document, _ in question.places}
    return Outcome(
        question,
        has_page=any((names[hit.doc_id], hit.page) in question.places for hit in hits),
        has_document=any(names[hit.doc_id] in documents for hit in hits),
        milliseconds=milliseconds,
    )


def _share(found: list[bool]) -> float:
    return round(sum(found) / len(found), 3)


async def run(folder: Path, data_dir: Path, k: int, mode: Mode, reranker: str | None = None) -> list[Outcome]:
    """Ingest the documents, unless they exist, and search."""
    loaded = await asyncio.to_thread(create_reranker, Settings(reranker=reranker))
    embedder = await asyncio.to_thread(PackagedEmbedder)
    async with open_corpus(data_dir, embedder) as corpus:
        await corpus.ingest(documents_in(folder / "documents"))
        return await measure(corpus, read_questions(folder / "questions.jsonl"), k, mode, loaded)


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure how often the right page is retrieved.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("-k", type=int, default=5, help="number of hits considered (default: 5)")
    parser.add_argument("--mode", choices=get_args(Mode), default="hybrid")
    parser.add_argument("--data-dir", type=Path, help="keep the ingested documents in this directory")
    parser.add_argument("--reranker", metavar="MODEL", help="rerank with this model or endpoint")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--misses", action="store_true", help="print the questions whose page was not found")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-") as temporary:
        data_dir = arguments.data_dir or Path(temporary)
        outcomes = asyncio.run(
            run(arguments.folder, data_dir, arguments.k, arguments.mode, arguments.reranker)
        )
    found = summary(outcomes, arguments.k)
    if arguments.json:
        print(msgspec.json.encode(found).decode())
    else:
        for name, value in msgspec.structs.asdict(found).items():
            print(f"{name.replace('_', ' '):20} {value}")
    if arguments.misses:
        for outcome in outcomes:
            if not outcome.has_page:
                print(f"missed: {outcome.question.text} {sorted(outcome.question.places)}")


if __name__ == "__main__":
    main()
