"""What the size of chunks, their overlap and the context before them do for retrieval.

    python -m benchmarks.chunking [--excerpts FOLDER] [--pages FOLDER] [--profile int8-v1] [--json]
                                  [SIZE/OVERLAP/CONTEXT ...]

`--excerpts` holds long texts in BEIR's form whose queries have `references`: excerpts, from `start_index` to
`end_index` in the text of the document `corpus_id`. Of the best chunks that fit `--budget` tokens together,
recall is the share of the excerpts' characters that they cover, precision the share of their own characters
that lies in an excerpt, and IoU the intersection over the union; where chunks overlap, they count once. After
Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", Chroma 2024, who count tokens.

`--pages` is a folder as `benchmarks.docqa` takes it; measured is how often the page of the answer is among
the first five chunks. Both are searched by dense and lexical search, fused as in Luma, by numpy over all
chunks. Sizes are in tokens; that of a chunk includes its context.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import bm25s
import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.corpus import documents_in
from benchmarks.docqa import read_questions
from ingest.chunker import TokenCounter, chunk, embedding_text
from ingest.embedder import Embedder
from ingest.sandbox import parse_in_sandbox
from ingest.settings import ChunkSettings, ParserLimits
from ingest.types import Chunk, ParsedDocument, Passage
from ingest.words import detect_language, query_words, words
from luma_rag.documents.lexical_index import K1, B
from luma_rag.retrieval.deduplication import deduplicate
from luma_rag.retrieval.hits import ScoredChunk
from luma_rag.retrieval.search_query import DENSE_WEIGHT_ENGLISH
from luma_rag.retrieval.statement import CANDIDATES

DEFAULT = "256/0/0 256/24/0 256/64/0 256/24/48 256/0/32 256/0/48 256/0/64 192/0/48 128/24/48"
Scores = NDArray[np.float64]
Files = dict[str, ParsedDocument]
Located = tuple[str, Chunk]


class Excerpt(msgspec.Struct, frozen=True):
    """A stretch of a text, in characters."""

    start: int = msgspec.field(name="start_index")
    end: int = msgspec.field(name="end_index")


class Asked(msgspec.Struct, frozen=True):
    """A question about one text, and the excerpts that answer it."""

    text: str
    document: str = msgspec.field(name="corpus_id")
    references: list[Excerpt]


class Result(msgspec.Struct, frozen=True):
    """Means over the questions, from 0 to 1; None where it was not asked for."""

    setting: str
    chunks: int
    recall: float | None = None
    precision: float | None = None
    iou: float | None = None
    page_hit_rate: float | None = None


class Index:
    """All chunks of some documents, in memory."""

    def __init__(self, files: Files, embedder: Embedder, setting: ChunkSettings) -> None:
        count = TokenCounter(embedder.tokenizer)
        self._embedder = embedder
        self.chunks: list[Located] = []
        terms: list[list[str]] = []
        self._languages: set[str] = set()
        self._numbers = {name: number for number, name in enumerate(files)}
        self._ordinals: list[int] = []
        for name, document in files.items():
            made = chunk(document, name, count, setting)
            texts = [embedding_text(each) for each in made]
            language = detect_language(texts)
            self._languages.add(language)
            terms += [words(text, language) for text in texts]
            self.chunks += [(name, each) for each in made]
            self._ordinals += range(len(made))
        self._vectors = embedder.embed_documents([embedding_text(each) for _, each in self.chunks])
        self._bm25 = bm25s.BM25(k1=K1, b=B, method="lucene")
        self._bm25.index(terms, show_progress=False)

    def ask(self, question: str, k: int) -> list[Located]:
        """The first `k` of the chunks that either half has among its candidates, as Luma does."""
        cosine = np.maximum(self._vectors @ self._embedder.embed_query(question), 0).astype(np.float64)
        asked = {word for language in self._languages for word in query_words(question, language)}
        known = [word for word in asked if word in self._bm25.vocab_dict]
        bm25 = self._bm25.get_scores(known).astype(np.float64) if known else np.zeros(len(cosine))
        either = np.union1d(_best(cosine), _best(bm25))
        score = DENSE_WEIGHT_ENGLISH * _share(cosine[either]) + (1 - DENSE_WEIGHT_ENGLISH) * _share(
            bm25[either]
        )
        ranked = either[np.argsort(-score, kind="stable")]
        return [self.chunks[int(hit.vec_id)] for hit in deduplicate(map(self._found, ranked), k)]

    def _found(self, i: int) -> ScoredChunk:
        name, each = self.chunks[i]
        place = (each.passage, self._ordinals[i])
        return ScoredChunk(
            str(i), self._numbers[name], name, each.page, None, each.text, 0, 0, None, None, *place
        )


def _best(scores: Scores) -> NDArray[np.intp]:
    return np.argsort(-scores, kind="stable")[:CANDIDATES]


def _share(scores: Scores) -> Scores:
    return scores / (scores.max() or 1.0)


def of_excerpts(index: Index, questions: Sequence[Asked], budget: int) -> tuple[float, float, float]:
    """Mean recall, precision and IoU of the characters in the best chunks of `budget` tokens."""
    figures = []
    for question in questions:
        wanted = {(question.document, i) for each in question.references for i in range(each.start, each.end)}
        given: set[tuple[str, int]] = set()
        left = budget
        for name, each in index.ask(question.text, CANDIDATES):
            left -= each.tokens
            if left < 0:
                break
            given.update((name, i) for i in range(each.start, each.end))
        common = len(wanted & given)
        figures.append((common / len(wanted), common / max(len(given), 1), common / len(wanted | given)))
    recall, precision, iou = np.array(figures).mean(axis=0).round(4).tolist()
    return recall, precision, iou


def of_pages(index: Index, folder: Path) -> float:
    """How often the page of the answer is among the first five chunks."""
    found = [
        any((name, each.page) in question.places for name, each in index.ask(question.text, 5))
        for question in read_questions(folder / "questions.jsonl")
    ]
    return round(float(np.mean(found)), 4)


def _texts(folder: Path) -> Files:
    lines = (folder / "corpus.jsonl").read_bytes().splitlines()
    entries = [msgspec.json.decode(line, type=dict[str, str]) for line in lines]
    return {entry["_id"]: ParsedDocument("docx", [Passage(entry["text"])]) for entry in entries}


def _questions(folder: Path) -> list[Asked]:
    lines = (folder / "queries.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Asked) for line in lines]


def _parsed(folder: Path) -> Files:
    return {path.name: parse_in_sandbox(path, ParserLimits()) for path in documents_in(folder / "documents")}


def measure(arguments: argparse.Namespace) -> Iterator[Result]:
    """Measure each setting."""
    embedder = Embedder(profile=arguments.profile)
    texts = _texts(arguments.excerpts) if arguments.excerpts else None
    files = _parsed(arguments.pages) if arguments.pages else None
    for name in arguments.settings or DEFAULT.split():
        setting = ChunkSettings(*map(int, name.split("/")))
        result = Result(name, 0)
        if texts is not None:
            index = Index(texts, embedder, setting)
            recall, precision, iou = of_excerpts(index, _questions(arguments.excerpts), arguments.budget)
            result = Result(name, len(index.chunks), recall, precision, iou)
        if files is not None:
            index = Index(files, embedder, setting)
            rate = of_pages(index, arguments.pages)
            chunks = result.chunks + len(index.chunks)
            result = msgspec.structs.replace(result, chunks=chunks, page_hit_rate=rate)
        yield result


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description="Measure ways to cut documents.")
    parser.add_argument("settings", nargs="*", help="SIZE/OVERLAP/CONTEXT, for instance 256/24/48")
    parser.add_argument("--excerpts", type=Path)
    parser.add_argument("--pages", type=Path)
    parser.add_argument("--budget", type=int, default=1536, help="tokens of the chunks together (1536)")
    parser.add_argument("--profile", default="int8-v1")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    if arguments.excerpts is None and arguments.pages is None:
        parser.error("give --excerpts, --pages or both")
    if not arguments.json:
        print(f"{'setting':12} {'chunks':>7}  recall  precision  IoU    page@5")
    results = []
    for result in measure(arguments):
        results.append(result)
        if not arguments.json:
            figures = (result.recall, result.precision, result.iou, result.page_hit_rate)
            shown = "   ".join("  —  " if figure is None else f"{figure:.3f}" for figure in figures)
            print(f"{result.setting:12} {result.chunks:7}  {shown}", flush=True)
    if arguments.json:
        print(msgspec.json.encode(results).decode())


if __name__ == "__main__":
    main()
