"""What the models that are not packaged have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

from ingest.chunker import TokenCounter
from ingest.embedding.protocol import Embedder
from ingest.embedding.ranking import MINILM, Ranking
from ingest.embedding.spec import ModelError, ModelSpec
from ingest.types import EmbeddingModel, Vector

TextKind = Literal["query", "document"]


class NamedEmbedder(ABC):
    """A model that the settings name; see `Embedder`."""

    model: EmbeddingModel
    tokens: TokenCounter
    api_key: str | None = None

    def __init__(self, spec: ModelSpec, batch_size: int, threads: int | None) -> None:
        self.spec = spec
        self.batch_size = batch_size
        self.threads = threads

    @property
    def ranking(self) -> Ranking:
        """See `Embedder`."""
        return self.spec.ranking or MINILM

    def embed_documents(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vector:
        """See `Embedder`."""
        return self._embed("document", texts, on_batch)

    def embed_queries(self, texts: Sequence[str]) -> Vector:
        """See `Embedder`."""
        return self._embed("query", texts, None)

    def embed_query(self, text: str) -> Vector:
        """See `Embedder`."""
        vector: Vector = self.embed_queries([text])[0]
        return vector

    def loader(self, threads: int | None) -> Callable[[], Embedder]:
        """See `Embedder`."""
        from ingest.embedding.loading import load

        return partial(load, self.spec, batch_size=self.batch_size, threads=threads, api_key=self.api_key)

    def close(self) -> None:
        """See `Embedder`."""
        return

    @abstractmethod
    def _embed(self, kind: TextKind, texts: Sequence[str], on_batch: Callable[[int], None] | None) -> Vector:
        """Vectors of length 1."""


def prefixes(spec: ModelSpec, prompts: Mapping[str, str | None]) -> dict[TextKind, str]:
    """What precedes a query and a document: as specified, or else as in the model's own `prompts`."""
    query = prompts.get("query") or ""
    document = prompts.get("document") or prompts.get("passage") or ""
    return {
        "query": query if spec.query_prefix is None else spec.query_prefix,
        "document": document if spec.document_prefix is None else spec.document_prefix,
    }


def kept_dimensions(spec: ModelSpec, whole: int) -> int:
    """How many dimensions are kept of a model that has `whole`.

    Raises:
        ModelError: it has fewer than specified.
    """
    if spec.dimensions is not None and spec.dimensions > whole:
        raise ModelError(
            f"The model {spec.model or spec.name} has {whole} dimensions. LUMA_EMBEDDING_DIMENSIONS can't be "
            "more."
        )
    return spec.dimensions or whole
