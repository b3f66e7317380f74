"""Real text in any amount for benchmarks: chunks, their terms, questions, and vectors.

The text comes from retrieval sets in BEIR format (`retrieval/*/corpus.jsonl`) and from PDF and DOCX files
(`docqa/documents`) below one folder; only English text is used. It is treated as one long sequence of words.
Chunks are windows of 150 words at equal distances, in order. Beyond `WINDOWS` chunks, each further one
combines 100 words of one place with 50 of another: such text is synthetic, but has real word frequencies.

Vectors of non-overlapping windows are real. A window between two of them gets the mean of both plus noise.
The noise has the magnitude of the measured error of such means, in the direction of the difference of two
other real vectors, because text embeddings are anisotropic. A chunk from two places gets the mean of both
vectors, weighted by length.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.embedding.packaged import PackagedEmbedder
from ingest.errors import IngestError
from ingest.parsers import parse
from ingest.settings import ParserLimits
from ingest.types import Vector
from ingest.words import detect_language, term_id, words

WINDOW = 150
WINDOWS = 100_000
DOCUMENT = 200
"""Chunks per document."""
LANGUAGE = "en"
_FIRST = 100
_PROBES = 400
_PIECE = 10_000
Numbers = NDArray[np.int32]


class Counts(msgspec.Struct, frozen=True):
    """The terms of a set of chunks: chunk i contains each of `terms[start[i]:start[i + 1]]`, ascending,
    `times` times.
    """

    start: NDArray[np.int64]
    terms: Numbers
    times: NDArray[np.int16]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of words of each chunk."""
        return np.add.reduceat(self.times.astype(np.int64), self.start[:-1])


class RealText:
    """Chunks of the text below a folder. Expensive results are cached in another folder."""

    def __init__(self, data: Path, cache: Path, embedded: int) -> None:
        """Read the text. `embedded` is the maximum number of windows with real vectors."""
        cache.mkdir(parents=True, exist_ok=True)
        self.words = _cached_words(data, cache / "words.txt")
        self.questions = questions(data)
        self._cache = cache
        self._embedded = embedded

    def texts(self, first: int, last: int) -> Iterator[str]:
        """The text of each chunk."""
        for a, b in self._places(first, last):
            if b < 0:
                yield " ".join(self.words[a : a + WINDOW])
            else:
                yield " ".join((*self.words[a : a + _FIRST], *self.words[b : b + WINDOW - _FIRST]))

    def counts(self, first: int, last: int) -> Counts:
        """The terms of each chunk, as computed by `ingest.words`."""
        terms, start = self._terms
        parts = []
        for begin in range(first, last, _PIECE):
            places = self._places(begin, min(begin + _PIECE, last))
            lengths = np.where(places[:, 1] < 0, WINDOW, _FIRST)
            keys = [
                _spread(i, terms, start, a, a + n)
                for i, ((a, _), n) in enumerate(zip(places, lengths, strict=True))
            ]
            keys += [
                _spread(i, terms, start, b, b + WINDOW - _FIRST) for i, (_, b) in enumerate(places) if b >= 0
            ]
            found, times = np.unique(np.concatenate(keys), return_counts=True)
            sizes = np.bincount(found >> 32, minlength=len(places))
            parts.append((sizes, (found & 0xFFFFFFFF).astype(np.int32), times.astype(np.int16)))
        sizes = np.concatenate([part[0] for part in parts])
        terms = np.concatenate([part[1] for part in parts])
        return Counts(
            np.concatenate(([0], np.cumsum(sizes))), terms, np.concatenate([part[2] for part in parts])
        )

    def vectors(self, first: int, last: int) -> Vector:
        """Vectors of shape (last - first, dimensions), rounded to the stored precision."""
        result = np.empty((last - first, self._real.shape[1]), np.float16)
        for begin in range(first, last, _PIECE):
            end = min(begin + _PIECE, last)
            places = self._places(begin, end)
            random = np.random.default_rng(begin)
            vectors = self._between(places[:, 0], random)
            mixed = places[:, 1] >= 0
            share = _FIRST / WINDOW
            vectors[mixed] = share * vectors[mixed] + (1 - share) * self._between(places[mixed, 1], random)
            result[begin - first : end - first] = _unit(vectors)
        return result.astype(np.float32)

    def ask(self, count: int) -> tuple[list[str], Vector]:
        """Real questions from all sets, with their real vectors."""
        questions = self.questions[:count]
        return questions, self._cached("questions", questions)

    def windows(self, words: int) -> Vector:
        """Real vectors of all adjacent, non-overlapping windows of a number of words."""
        starts = range(0, len(self.words) - words, words)
        return self._cached(f"windows-of-{words}", [" ".join(self.words[i : i + words]) for i in starts])

    def _places(self, first: int, last: int) -> NDArray[np.int64]:
        """Chunk positions: the offset in the sequence of words, and a second offset or -1; shape (last -
        first, 2).
        """
        room = len(self.words) - WINDOW
        numbers = np.arange(first, last)
        windows = numbers * room // WINDOWS
        # Deterministic for each term_id, however many are requested together, by multiplicative mixing.
        random = (numbers[:, None].astype(np.uint64) + 1) * np.array(
            [[0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F]], np.uint64
        )
        random = (random ^ (random >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        random = ((random ^ (random >> np.uint64(32))) % np.uint64(room)).astype(np.int64)
        # Neighbors in a document still come from the same text.
        random[:, 0] = (windows + numbers // WINDOWS * (room // WINDOWS // 3 + 1)) % room
        is_window = numbers < WINDOWS
        return np.stack(
            (np.where(is_window, windows, random[:, 0]), np.where(is_window, -1, random[:, 1])), axis=1
        )

    @cached_property
    def _terms(self) -> tuple[Numbers, NDArray[np.int64]]:
        """The terms of word i are `terms[start[i]:start[i + 1]]`, usually one."""
        terms_of: dict[str, list[int]] = {}
        terms: list[int] = []
        start = [0]
        for word in self.words:
            found = terms_of.get(word)
            if found is None:
                found = terms_of[word] = [term_id(term) for term in words(word, LANGUAGE)]
            terms += found
            start.append(len(terms))
        return np.array(terms, np.int32), np.array(start)

    @cached_property
    def _stride(self) -> int:
        return max(WINDOW, (len(self.words) - WINDOW) // self._embedded + 1)

    @cached_property
    def _real(self) -> Vector:
        """Vectors of the windows at 0, `_stride`, …"""
        starts = range(0, len(self.words) - WINDOW, self._stride)
        return self._cached("windows", [" ".join(self.words[i : i + WINDOW]) for i in starts])

    @cached_property
    def missed(self) -> float:
        """The mean distance between a real vector and the mean of its two neighbors."""
        probes = np.linspace(0, len(self._real) - 2, _PROBES).astype(int)
        starts = probes * self._stride + self._stride // 2
        real = self._cached("halfway", [" ".join(self.words[i : i + WINDOW]) for i in starts])
        mean = _unit(self._real[probes] + self._real[probes + 1])
        along = np.einsum("ij,ij->i", real, mean)
        return float(np.sqrt(np.mean(1 / along**2 - 1)))

    def _between(self, starts: NDArray[np.int64], random: np.random.Generator) -> Vector:
        real, last = self._real, len(self._real) - 2
        before = np.minimum(starts // self._stride, last)
        share = np.minimum((starts - before * self._stride) / self._stride, 1)[:, None]
        mean = _unit((1 - share) * real[before] + share * real[before + 1])
        one, other = random.integers(0, last, (2, len(starts)))
        noise = _unit(real[one] - real[(other + (one == other))])
        return _unit(mean + self.missed * np.sin(np.pi * share) * noise)

    def _cached(self, name: str, texts: Sequence[str]) -> Vector:
        """Vectors of texts, cached."""
        file = self._cache / f"{name}-{len(texts)}.npy"
        if not file.exists():
            embedder = PackagedEmbedder(profile="int8-v1")
            np.save(file, embedder.embed_queries(texts))
        vectors: Vector = np.load(file)
        return vectors


def questions(data: Path) -> list[str]:
    """English questions from all sets, mixed, in a fixed order."""
    questions: list[str] = []
    for file in sorted(data.glob("retrieval/*/queries.jsonl")):
        found = [line["text"] for line in _lines(file)]
        if detect_language(found) == LANGUAGE:
            questions += found
    questions += [line["question"] for line in _lines(data / "docqa" / "questions.jsonl")]
    order = np.random.default_rng(1).permutation(len(questions))
    return [questions[i] for i in order]


def _cached_words(data: Path, file: Path) -> list[str]:
    if not file.exists():
        texts = [text for text in _read(data) if detect_language([text]) == LANGUAGE]
        # NUL can't be stored.
        file.write_text("\n".join(" ".join(text.replace("\0", " ").split()) for text in texts))
    return file.read_text().split()


def _read(data: Path) -> Iterator[str]:
    seen: set[int] = set()
    for file in sorted(data.glob("retrieval/*/corpus.jsonl")):
        for line in _lines(file):
            text = f"{line.get('title', '')}\n{line['text']}"
            if hash(text) not in seen:
                seen.add(hash(text))
                yield text
    files = sorted(path for path in (data / "docqa" / "documents").iterdir() if path.suffix != ".md")
    with ProcessPoolExecutor(2) as pool:
        yield from pool.map(_parsed, files)


def _parsed(path: Path) -> str:
    try:
        return "\n".join(passage.text for passage in parse(path, ParserLimits()).passages)
    except IngestError:
        return ""


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in file.read_text().splitlines())


def _spread(chunk: int, terms: Numbers, start: NDArray[np.int64], first: int, last: int) -> NDArray[np.int64]:
    return terms[start[first] : start[last]].astype(np.int64) | (chunk << 32)


def _unit(vectors: Vector) -> Vector:
    unit: Vector = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
