"""Reranking of the first hits, within a time budget."""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from typing import Literal, Protocol

from luma_rag.errors import RerankerError
from luma_rag.metrics import RERANKINGS

CANDIDATES = 32
"""The number of hits to rerank, independent of `k`: a short result is then a prefix of a long one, and an
evaluation of 100 hits measures what chats use. It is also TEI's default for `--max-client-batch-size`.
"""

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
