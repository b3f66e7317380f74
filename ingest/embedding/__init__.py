"""Embedding models: which one (`ModelSpec`), what they all do (`Embedder`), and how to `load` one."""

from ingest.embedding.loading import load
from ingest.embedding.protocol import Embedder
from ingest.embedding.ranking import Ranking
from ingest.embedding.spec import ModelError, ModelSpec

__all__ = ["Embedder", "ModelError", "ModelSpec", "Ranking", "load"]
