"""Exact search in numpy, the ground truth for recall."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_text import RealText
from ingest.types import Vector
from luma_rag.documents.lexical_index import K1, B

DEPTH = 10
"""The number of best results considered."""


class Exact:
    """The best chunks of a namespace, by exact search in numpy."""

    def __init__(self, source: RealText, chunks: int) -> None:
        self._vectors = source.vectors(0, chunks).astype(np.float16)
        counts = source.counts(0, chunks)
        self._chunks = chunks
        lengths = counts.lengths
        self._norms = (K1 * (1 - B + B * lengths / np.float32(lengths.mean()))).astype(np.float32)
        chunk = np.repeat(np.arange(chunks, dtype=np.int32), np.diff(counts.start))
        order = np.argsort(counts.terms, kind="stable")
        self._terms, self._chunk, self._times = counts.terms[order], chunk[order], counts.times[order]

    def cosines(self, query: Vector) -> NDArray[np.float32]:
        """Cosine similarities of all chunks."""
        rounded = query.astype(np.float16).astype(np.float32)
        step = 50_000
        parts = [
            self._vectors[i : i + step].astype(np.float32) @ rounded for i in range(0, self._chunks, step)
        ]
        return np.concatenate(parts)

    def bm25(self, terms: Mapping[int, float]) -> NDArray[np.float32]:
        """BM25 scores of all chunks, in Lucene's variant."""
        scores = np.zeros(self._chunks, np.float32)
        for term, times in terms.items():
            begin, end = np.searchsorted(self._terms, (term, term + 1))
            chunks, found = self._chunk[begin:end], self._times[begin:end]
            idf = np.log(1 + (self._chunks - len(chunks) + 0.5) / (len(chunks) + 0.5))
            scores[chunks] += times * idf * found / (found + self._norms[chunks])
        return scores


def share_found(scores: NDArray[np.float32], found: Sequence[int]) -> float | None:
    """The share of the ten best that was found; None if there is nothing to find."""
    best = np.partition(scores, -DEPTH)[-DEPTH:]
    best = best[best > 0]
    if not len(best):
        return None
    # Scores are summed in a different order there, and results with equal scores are interchangeable.
    enough = best.min() * (1 - 1e-5)
    return min(int((scores[found] >= enough).sum()), len(best)) / len(best)
