"""The effect of chunk size, overlap and context on retrieval.

    python -m benchmarks.chunking [--excerpts FOLDER] [--pages FOLDER] [--profile int8-v1] [--json]
                                  [SIZE/OVERLAP/CONTEXT ...]

`--excerpts` holds long texts in BEIR format whose queries have `references`: excerpts from `start_index` to
`end_index` in the text of document `corpus_id`. The best chunks within `--budget` tokens are compared with
the excerpts by characters: recall is the share of the excerpts that the chunks cover, precision is the share
of the chunks inside an excerpt, and IoU is the intersection over the union. Overlapping chunks count once.
The method follows Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", Chroma 2024, who count
tokens.

`--pages` is a folder in the format of `benchmarks.docqa`; the measure is how often the page of the answer is
among the first five chunks. Both use dense and lexical search, fused as in Luma, computed by numpy over all
chunks. Sizes are in tokens; a chunk's size includes its context.
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
from ingest.chunker import chunk, embedding_text
from ingest.embedding import Embedder
from ingest.embedding.packaged import PackagedEmbedder
from ingest.embedding.ranking import MINILM
from ingest.sandbox import parse_in_sandbox
from ingest.settings import ChunkSettings, ParserLimits
from ingest.types import Chunk, ParsedDocument, Passage
from ingest.words import detect_language, query_words, words
from luma_rag.documents.lexical_index import K1, B
from luma_rag.retrieval.deduplication import deduplicate
from luma_rag.retrieval.hits import ScoredChunk
from luma_rag.retrieval.statement import CANDIDATES

DEFAULT = "256/0/0 256/24/0 256/64/0 256/24/48 256/0/32 256/0/48 256/0/64 192/0/48 128/24/48"
_DENSE_WEIGHT = MINILM.weight_in("en")
Scores = NDArray[np.float64]
Files = dict[str, ParsedDocument]
Located = tuple[str, Chunk]


class Excerpt(msgspec.Struct, frozen=True):
    """A range of a text, in characters."""

    start: int = msgspec.field(name="start_index")
    end: int = msgspec.field(name="end_index")


class Question(msgspec.Struct, frozen=True):
    """A question about one text, with the excerpts that answer it."""

    text: str
    document: str = msgspec.field(name="corpus_id")
    references: list[Excerpt]


class Result(msgspec.Struct, frozen=True):
    """Means over the questions, from 0 to 1; None if not measured."""

    setting: str
    chunks: int
    recall: float | None = None
    precision: float | None = None
    iou: float | None = None
    page_hit_rate: float | None = None


class Index:
    """All chunks of a set of documents, in memory."""

    def __init__(self, files: Files, embedder: Embedder, setting: ChunkSettings) -> None:
        count = embedder.tokens
        self._embedder = embedder
        self.chunks: list[Located] = []
        terms: list[list[str]] = []
        self._languages: set[str] = set()
        self._numbers = {name: number for number, name in enumerate(files)}
        self._ordinals: list[int] = []
        for name, document in files.items():
            pieces = chunk(document, name, count, setting)
            texts = [embedding_text(piece) for piece in pieces]
            language = detect_language(texts)
            self._languages.add(language)
            terms += [words(text, language) for text in texts]
            self.chunks += [(name, piece) for piece in pieces]
            self._ordinals += range(len(pieces))
        self._vectors = embedder.embed_documents([embedding_text(piece) for _, piece in self.chunks])
        self._bm25 = bm25s.BM25(k1=K1, b=B, method="lucene")
        self._bm25.index(terms, show_progress=False)

    def ask(self, question: str, k: int) -> list[Located]:
        """The first `k` chunks of the fused candidates of both searches, as in Luma."""
        cosine = np.maximum(self._vectors @ self._embedder.embed_query(question), 0).astype(np.float64)
        query_terms = {word for language in self._languages for word in query_words(question, language)}
        indexed = [word for word in query_terms if word in self._bm25.vocab_dict]
        bm25 = self._bm25.get_scores(indexed).astype(np.float64) if indexed else np.zeros(len(cosine))
        either = np.union1d(_best(cosine), _best(bm25))
        score = _DENSE_WEIGHT * _share(cosine[either]) + (1 - _DENSE_WEIGHT) * _share(bm25[either])
        ranked = either[np.argsort(-score, kind="stable")]
        return [self.chunks[int(hit.vec_id)] for hit in deduplicate(map(self._found, ranked), k)]

    def _found(self, i: int) -> ScoredChunk:
        name, piece = self.chunks[i]
        place = (piece.passage, self._ordinals[i])
        return ScoredChunk(
            str(i), self._numbers[name], name, piece.page, None, piece.text, 0, 0, None, None, *place
        )


def _best(scores: Scores) -> NDArray[np.intp]:
    return np.argsort(-scores, kind="stable")[:CANDIDATES]


def _share(scores: Scores) -> Scores:
    return scores / (scores.max() or 1.0)


def of_excerpts(index: Index, questions: Sequence[Question], budget: int) -> tuple[float, float, float]:
    """Mean recall, precision and IoU by characters of the best chunks within `budget` tokens."""
    figures = []
    for question in questions:
        wanted = {
            (question.document, i)
            for excerpt in question.references
            for i in range(excerpt.start, excerpt.end)
        }
        given: set[tuple[str, int]] = set()
        left = budget
        for name, piece in index.ask(question.text, CANDIDATES):
            left -= piece.tokens
            if left < 0:
                break
            given.update((name, i) for i in range(piece.start, piece.end))
        common = len(wanted & given)
        figures.append((common / len(wanted), common / max(len(given), 1), common / len(wanted | given)))
    recall, precision, iou = np.array(figures).mean(axis=0).round(4).tolist()
    return recall, precision, iou


def of_pages(index: Index, folder: Path) -> float:
    """The share of questions whose answer page is among the first five chunks."""
    found = [
        any((name, piece.page) in question.places for name, piece in index.ask(question.text, 5))
        for question in read_questions(folder / "questions.jsonl")
    ]
    return round(float(np.mean(found)), 4)


def _texts(folder: Path) -> Files:
    lines = (folder / "corpus.jsonl").read_bytes().splitlines()
    entries = [msgspec.json.decode(line, type=dict[str, str]) for line in lines]
    return {entry["_id"]: ParsedDocument("docx", [Passage(entry["text"])]) for entry in entries}


def _questions(folder: Path) -> list[Question]:
    lines = (folder / "queries.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Question) for line in lines]


def _parsed(folder: Path) -> Files:
    return {path.name: parse_in_sandbox(path, ParserLimits()) for path in documents_in(folder / "documents")}


def measure(arguments: argparse.Namespace) -> Iterator[Result]:
    """Measure each setting."""
    embedder = PackagedEmbedder(profile=arguments.profile)
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
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure chunking settings.")
    parser.add_argument("settings", nargs="*", help="SIZE/OVERLAP/CONTEXT, such as 256/24/48")
    parser.add_argument("--excerpts", type=Path)
    parser.add_argument("--pages", type=Path)
    parser.add_argument("--budget", type=int, default=1536, help="total tokens of the chunks (default: 1536)")
    parser.add_argument("--profile", default="int8-v1")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    if arguments.excerpts is None and arguments.pages is None:
        parser.error("--excerpts or --pages is required")
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
