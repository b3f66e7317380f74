"""The base class of local rerankers: the model runs in its own thread, in small batches."""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from luma_rag.errors import RerankerError

BATCH = 8
"""Larger batches are no faster on a CPU. A smaller one ends sooner, which matters after a cancellation."""


def reranker_threads() -> int:
    """Half of the cores: on a busy machine, one thread per core would mostly wait for the others."""
    return max(1, (os.cpu_count() or 1) // 2)


class ThreadedReranker(ABC):
    """Scores pairs of query and passage by `_score`, which blocks."""

    def __init__(self, name: str, initializer: Callable[..., object] | None = None, *arguments: Any) -> None:
        """`initializer` is called in the thread before the first batch."""
        self._name = name
        self._thread = ThreadPoolExecutor(1, "rerank", initializer, arguments)
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        """The model's name or folder."""
        return self._name

    async def aclose(self) -> None:
        """Stop the thread; it may finish its current batch."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """A score for each passage; see `Reranker.scores`. Cancellation stops before the next batch.

        Raises:
            RerankerError: the model failed.
        """
        loop = asyncio.get_running_loop()
        # Batch passages of similar length: a batch is padded to its longest.
        order = sorted(range(len(passages)), key=lambda number: len(passages[number]))
        scores = [0.0] * len(passages)
        # One query at a time. Under overload, interleaving would make all of them late.
        async with self._turn:
            for start in range(0, len(order), BATCH):
                batch = order[start : start + BATCH]
                pairs = [(query, passages[number]) for number in batch]
                try:
                    found = await loop.run_in_executor(self._thread, self._score, pairs)
                except Exception as error:
                    # The libraries raise exceptions of any type, such as RuntimeError when out of memory.
                    raise RerankerError(f"The reranker {self._name} failed: {error}") from error
                for number, score in zip(batch, found, strict=True):
                    scores[number] = score
        return scores

    @abstractmethod
    def _score(self, pairs: list[tuple[str, str]]) -> list[float]:
        """The scores of at most `BATCH` pairs."""
