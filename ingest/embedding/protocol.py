"""What all embedding models can do."""

from collections.abc import Callable, Sequence
from typing import Protocol

from ingest.chunker import TokenCounter
from ingest.embedding.ranking import Ranking
from ingest.embedding.spec import ModelSpec
from ingest.types import EmbeddingModel, Vector


class Embedder(Protocol):
    """Embeds documents and queries. Blocks while it computes; thread-safe.

    All vectors have length 1. `tokens` counts the tokens of a text as the model does and knows how many it
    reads; chunks are cut by it.

    Embedding raises `OutageError` if the model is on a server that fails or can't be reached.
    """

    # Read-only, so that a class may have more precise types.
    @property
    def spec(self) -> ModelSpec:
        """The specification that loads the same model again."""
        ...

    @property
    def model(self) -> EmbeddingModel:
        """What made the vectors, to tell them from those of other models."""
        ...

    @property
    def ranking(self) -> Ranking:
        """How much the vectors count in search."""
        ...

    @property
    def tokens(self) -> TokenCounter:
        """Counts tokens."""
        ...

    @property
    def batch_size(self) -> int:
        """The maximum number of texts per batch."""
        ...

    @property
    def threads(self) -> int | None:
        """The number of threads per batch; None means all cores."""
        ...

    def embed_documents(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vector:
        """Embed `texts`; shape (len(texts), dimensions).

        `on_batch` is called with the number of texts done so far; an exception it raises stops the work.

        Raises:
            ValueError: a text exceeds the model's token limit, so that part of it would not be embedded.
        """
        ...

    def embed_queries(self, texts: Sequence[str]) -> Vector:
        """Embed queries; shape (len(texts), dimensions). Text beyond the model's limit is ignored."""
        ...

    def embed_query(self, text: str) -> Vector:
        """Embed one query; shape (dimensions,)."""
        ...

    def loader(self, threads: int | None) -> "Callable[[], Embedder]":
        """What loads the same model in another process; it can be pickled."""
        ...

    def close(self) -> None:
        """Release connections and threads."""
        ...
