"""Embedding models that take no time: a vector says only which text it is of."""

from collections.abc import Callable, Sequence

import numpy as np

from ingest.chunker import TokenCounter
from ingest.embedding import ModelSpec
from ingest.embedding.packaged import load_tokenizer
from ingest.embedding.ranking import MINILM
from ingest.types import EmbeddingModel, Vector
from luma_rag.db.models.document import DIMENSIONS


def vectors(texts: Sequence[str], dimensions: int = DIMENSIONS) -> Vector:
    """Unit vectors, deterministic by text; shape (len(texts), dimensions)."""
    made = [np.random.default_rng(list(text.encode())).standard_normal(dimensions) for text in texts]
    return np.array([vector / np.linalg.norm(vector) for vector in made], np.float32)


class SyntheticModel:
    """A model with any number of dimensions. It reads the last line of a text, without title and headings."""

    ranking = MINILM
    batch_size = 16
    threads = None

    def __init__(self, dimensions: int = DIMENSIONS, max_tokens: int = 256) -> None:
        name = f"synthetic-{dimensions}"
        self.spec = ModelSpec(kind="endpoint", name=name, dimensions=dimensions, max_tokens=max_tokens)
        self.model = EmbeddingModel(name, str(dimensions), dimensions, max_tokens, "synthetic")
        self.tokens = TokenCounter(load_tokenizer(), max_tokens)

    def embed_documents(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vector:
        return self.embed_queries(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vector:
        return vectors([text.rpartition("\n")[2] for text in texts], self.model.dimensions)

    def embed_query(self, text: str) -> Vector:
        vector: Vector = self.embed_queries([text])[0]
        return vector

    def close(self) -> None:
        pass


def load_synthetic(spec: ModelSpec) -> SyntheticModel:
    """The model with this number of dimensions."""
    assert spec.dimensions is not None
    return SyntheticModel(spec.dimensions, spec.max_tokens or 256)
