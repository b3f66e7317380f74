"""Reranking of the first hits, within a time budget.

The reranker's scores are mixed with those of the search and do not replace them: on its own, a small model
trained on web search orders reports and manuals worse than the search does. See ADR 8.
"""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec
import numpy as np

from luma_rag.errors import RerankerError
from luma_rag.metrics import RERANKINGS
from luma_rag.retrieval.hits import Hit, ScoredChunk

CANDIDATES = 32
"""The number of hits to rerank, independent of `k`: a short result is then a prefix of a long one, and an
evaluation of 100 hits measures what chats use. It is also TEI's default for `--max-client-batch-size`.
"""

RERANKER_WEIGHT = 0.7
"""The weight of the reranker's score; that of the search has the rest."""

Outcome = Literal["off", "done", "late", "failed"]
"""The outcome of reranking: off (not requested or not configured), done, late (over budget), or failed."""

_WARNING_PAUSE = 60.0
logger = logging.getLogger(__name__)


class Reranker(Protocol):
    """A model that reads query and passage together and scores their relevance."""

    @property
    def name(self) -> str:
        """A human-readable name."""
        ...

    async def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """A score for each passage, in order: higher is better, on the model's own scale.

        Cancellation stops the work.

        Raises:
            RerankerError: no scores are available.
        """
        ...

    async def aclose(self) -> None:
        """Release resources."""
        ...


class Reranking:
    """A reranker with a time limit, so that it can neither fail nor delay a search for long.

    `budget` is in seconds and includes time spent in the reranker's queue.
    """

    def __init__(self, reranker: Reranker, budget: float) -> None:
        self._reranker = reranker
        self._budget = budget
        self._warned = -math.inf

    async def rerank(self, query: str, found: list[ScoredChunk]) -> tuple[Outcome, list[ScoredChunk]]:
        """The outcome, and `found` with its first hits reordered if it is `done`; the rest follow."""
        first, rest = found[:CANDIDATES], found[CANDIDATES:]
        outcome, scores = await self.scores(query, [_passage(hit) for hit in first])
        if outcome != "done":
            return outcome, found
        hits = [*_mixed(first, scores), *rest]
        return outcome, [msgspec.structs.replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1)]

    async def scores(self, query: str, passages: Sequence[str]) -> tuple[Outcome, list[float]]:
        """The outcome, and if it is `done`, a finite score for each passage; otherwise no scores."""
        if not passages:
            return "done", []
        outcome: Outcome = "done"
        scores: list[float] = []
        try:
            async with asyncio.timeout(self._budget):
                scores = await self._reranker.scores(query, passages)
            if len(scores) != len(passages) or not all(map(math.isfinite, scores)):
                raise RerankerError("It gave something that is no score for each passage.")
        except TimeoutError:
            outcome, scores = "late", []
            self._warn(f"no scores within {self._budget:g} s (LUMA_RERANKER_BUDGET_MS)")
        except RerankerError as error:
            outcome, scores = "failed", []
            self._warn(error.detail)
        RERANKINGS.labels(outcome).inc()
        return outcome, scores

    def _warn(self, why: str) -> None:
        """Log a warning, at most once a minute: every search would repeat it."""
        now = time.monotonic()
        if now - self._warned >= _WARNING_PAUSE:
            self._warned = now
            logger.warning("Searches continue without the reranker %s: %s", self._reranker.name, why)


def _mixed(found: list[ScoredChunk], scores: list[float]) -> list[ScoredChunk]:
    """The hits by the weighted mean of the reranker's scores and their own, best first."""
    own = _scaled([hit.score for hit in found])
    mixed = RERANKER_WEIGHT * _scaled(scores) + (1 - RERANKER_WEIGHT) * own
    scored = [
        msgspec.structs.replace(hit, score=score) for hit, score in zip(found, mixed.tolist(), strict=True)
    ]
    # The sort is stable: equal scores keep their order.
    return sorted(scored, key=lambda hit: -hit.score)


def _scaled(scores: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The scores from 0, the worst, to 1, the best; all 0 if they are equal or there are none."""
    array = np.array(scores, np.float64)
    if not array.size or array.min() == array.max():
        return np.zeros_like(array)
    scaled: np.ndarray[tuple[int], np.dtype[np.float64]] = (array - array.min()) / (array.max() - array.min())
    return scaled


def _passage(hit: Hit) -> str:
    """The reranker's input. As with embeddings, title and heading make a text more informative."""
    return "\n".join(part for part in (hit.title, hit.heading, hit.text) if part)
