"""A reranker of our own: a CrossEncoder of sentence-transformers, in a thread of its own."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from luma_rag.errors import ConfigurationError, RerankerError

_BATCH = 8
"""As fast on a CPU as more, and soon done: so long the next query waits for one that was given up."""


class CrossEncoderReranker:
    """Scores with the CrossEncoder of this name on Hugging Face, or in this folder. Blocks while it loads.

    A name is downloaded once, to where `HF_HOME` says.

    Raises:
        ConfigurationError: sentence-transformers is not installed, or this is no reranker that it can load.
    """

    def __init__(self, name: str) -> None:
        try:
            # Here, as it takes seconds and hundreds of megabytes, and is an extra.
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
            # It raises whatever its many libraries do.
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
        # With a thread for each core, and others at work as well, torch's mostly wait for each other.
        cores = max(1, (os.cpu_count() or 1) // 2)
        self._thread = ThreadPoolExecutor(1, "rerank", torch.set_num_threads, (cores,))
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        """The model's name or folder."""
        return self._name

    async def aclose(self) -> None:
        """End the thread; it may still finish a batch."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """A score for each passage; see `Reranker.scores`. Cancelled, it does not begin another batch.

        Raises:
            RerankerError: the model failed.
        """
        loop = asyncio.get_running_loop()
        # Those of like length together: a batch is padded to its longest.
        order = sorted(range(len(passages)), key=lambda number: len(passages[number]))
        scores = [0.0] * len(passages)
        # One query after the other: where there are too many, taking turns would make all of them late.
        async with self._turn:
            for start in range(0, len(order), _BATCH):
                batch = order[start : start + _BATCH]
                pairs = [(query, passages[number]) for number in batch]
                try:
                    found = await loop.run_in_executor(self._thread, self._score, pairs)
                except Exception as error:
                    # torch raises anything, for instance RuntimeError where the memory is full.
                    raise RerankerError(f"The reranker {self._name} failed: {error}") from error
                for number, score in zip(batch, found, strict=True):
                    scores[number] = score
        return scores

    def _score(self, pairs: list[tuple[str, str]]) -> list[float]:
        scores: list[float] = self._model.predict(pairs, batch_size=_BATCH, show_progress_bar=False).tolist()
        return scores


def _is_trained(model: Any) -> bool:
    """Whether the files of a CrossEncoder hold all of it, and it gives one score.

    What they lack, transformers makes up at random with no more than a line in the log: a model for
    embeddings would become a CrossEncoder that knows nothing.
    """
    inner = model.transformers_model
    written_as = getattr(inner.config, "architectures", None) or []
    return model.num_labels == 1 and type(inner).__name__ in written_as
