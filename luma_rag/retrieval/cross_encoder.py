"""A local reranker: a sentence-transformers CrossEncoder in its own thread."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from luma_rag.errors import ConfigurationError, RerankerError

_BATCH = 8
"""Larger batches are no faster on a CPU. A smaller one ends sooner, which matters after a cancellation."""


class CrossEncoderReranker:
    """Score with the CrossEncoder of this name on Hugging Face, or in this folder. Blocks while it loads.

    A named model is downloaded once, to `HF_HOME`.

    Raises:
        ConfigurationError: sentence-transformers is not installed, or this is not a loadable reranker.
    """

    def __init__(self, name: str) -> None:
        try:
            # Imported here: it is an extra that takes seconds and hundreds of megabytes.
            import torch
            from sentence_transformers import CrossEncoder
            from transformers.utils.logging import disable_progress_bar
        except ImportError:
            raise ConfigurationError(
                "LUMA_RERANKER names a CrossEncoder, which needs sentence-transformers, and that is not "
                "installed. Run: pip install 'luma-rag[reranker]'"
            ) from None
        disable_progress_bar()
        folder = Path(name).expanduser()
        try:
            model = CrossEncoder(str(folder) if folder.is_dir() else name)
        except Exception as error:
            # Its many dependencies raise exceptions of all kinds.
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ConfigurationError(
                f"LUMA_RERANKER: {name} can't be loaded as a CrossEncoder: {reason} Name one of Hugging "
                "Face, the folder of one, or the address of a /rerank endpoint."
            ) from error
        if not _is_trained(model):
            raise ConfigurationError(
                f"LUMA_RERANKER: {name} is a model of another kind: it was not trained to give one score "
                "for a query and a passage."
            )
        self._name = name
        self._model = model
        # With one thread per core on a busy machine, torch's threads mostly wait for each other.
        cores = max(1, (os.cpu_count() or 1) // 2)
        self._thread = ThreadPoolExecutor(1, "rerank", torch.set_num_threads, (cores,))
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
            for start in range(0, len(order), _BATCH):
                batch = order[start : start + _BATCH]
                pairs = [(query, passages[number]) for number in batch]
                try:
                    found = await loop.run_in_executor(self._thread, self._score, pairs)
                except Exception as error:
                    # torch raises exceptions of any type, such as RuntimeError when out of memory.
                    raise RerankerError(f"The reranker {self._name} failed: {error}") from error
                for number, score in zip(batch, found, strict=True):
                    scores[number] = score
        return scores

    def _score(self, pairs: list[tuple[str, str]]) -> list[float]:
        scores: list[float] = self._model.predict(pairs, batch_size=_BATCH, show_progress_bar=False).tolist()
        return scores


def _is_trained(model: Any) -> bool:
    """Whether the checkpoint holds all weights of a CrossEncoder with a single score.

    transformers initializes missing weights at random and only logs it: an embedding model would become a
    CrossEncoder with random scores.
    """
    inner = model.transformers_model
    written_as = getattr(inner.config, "architectures", None) or []
    return model.num_labels == 1 and type(inner).__name__ in written_as
