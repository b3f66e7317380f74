"""A local reranker: a sentence-transformers CrossEncoder."""

from pathlib import Path
from typing import Any

from luma_rag.errors import ConfigurationError
from luma_rag.retrieval.threaded_reranker import BATCH, ThreadedReranker, reranker_threads


class CrossEncoderReranker(ThreadedReranker):
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
        self._model = model
        super().__init__(name, torch.set_num_threads, reranker_threads())

    def _score(self, pairs: list[tuple[str, str]]) -> list[float]:
        scores: list[float] = self._model.predict(pairs, batch_size=BATCH, show_progress_bar=False).tolist()
        return scores


def _is_trained(model: Any) -> bool:
    """Whether the checkpoint holds all weights of a CrossEncoder with a single score.

    transformers initializes missing weights at random and only logs it: an embedding model would become a
    CrossEncoder with random scores.
    """
    inner = model.transformers_model
    written_as = getattr(inner.config, "architectures", None) or []
    return model.num_labels == 1 and type(inner).__name__ in written_as
