"""Reranking: scores for the first of what was found, if they come in time."""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from typing import Literal, Protocol

from luma_rag.errors import RerankerError
from luma_rag.metrics import RERANKINGS

CANDIDATES = 32
"""So many of the first are reranked, whatever number is asked for: a short answer is the beginning of a long
one, and an evaluation of the first hundred measures what chats get. It is also what TEI takes in one request
unless it is told otherwise (`--max-client-batch-size`)."""

Outcome = Literal["off", "done", "late", "failed"]
"""What came of reranking: not wished or not configured; done; not done in time; failed."""

_WARNING_PAUSE = 60.0
logger = logging.getLogger(__name__)


class Reranker(Protocol):
    """A model that reads a query and a passage together, and says how well they fit."""

    @property
    def name(self) -> str:
        """What it is called, for people."""
        ...

    async def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """A score for each passage, in their order: higher is better, on a scale of the model's own.

        Cancelling it ends the work.

        Raises:
            RerankerError: there are no scores to be had.
        """
        ...

    async def aclose(self) -> None:
        """Give back what it holds."""
        ...


class Reranking:
    """A reranker with a time limit: a search must not fail, nor wait for long, because of it.

    `budget` is in seconds, and holds the time that others take who are before in the queue.
    """

    def __init__(self, reranker: Reranker, budget: float) -> None:
        self._reranker = reranker
        self._budget = budget
        self._warned = -math.inf

    async def scores(self, query: str, passages: Sequence[str]) -> tuple[Outcome, list[float]]:
        """What came of it, and if it is `done` a finite score for each passage; else none."""
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
        """Tell the operator, once a minute at most: every search would say the same."""
        now = time.monotonic()
        if now - self._warned >= _WARNING_PAUSE:
            self._warned = now
            logger.warning("Searches go on without the reranker %s: %s", self._reranker.name, why)
