"""What has to be known to load a model again."""

from pathlib import Path
from typing import Literal

import msgspec

from ingest.embedding.ranking import Ranking
from ingest.settings import Backend, EmbeddingSettings, Pooling
from ingest.types import EmbeddingProfile

Kind = Literal["packaged", "sentence-transformers", "onnx", "endpoint"]
"""Who computes: ONNX Runtime from Luma's own package, sentence-transformers, ONNX Runtime from a folder, or a
server over HTTP.
"""


class ModelError(Exception):
    """The model can't be loaded. The message names the fix."""


class ModelSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model and how to load it. Without secrets, so that it can be stored and shown.

    `name` is a profile of the packaged model, the name of a model on Hugging Face, a folder, or the base URL
    of a server, whose name for the model is `model`. `pooling` is for ONNX files. `dimensions` is where
    vectors are cut, which models survive that were trained for it (Matryoshka); None keeps them whole. None
    as a prefix or as `max_tokens` is what the model itself says. A server says nothing: no prefix, and
    `DEFAULT_MAX_TOKENS`. `ranking` is measured by `load` unless it is known.
    """

    kind: Kind = "packaged"
    name: str = "int8-v1"
    model: str | None = None
    backend: Backend = "torch"
    pooling: Pooling | None = None
    dimensions: int | None = None
    query_prefix: str | None = None
    document_prefix: str | None = None
    max_tokens: int | None = None
    ranking: Ranking | None = None


ONNX_GRAPH = "model.onnx"
"""The file that makes a folder an ONNX model."""
DEFAULT_MAX_TOKENS = 512
"""The longest input of a model that does not say so itself."""


def packaged(profile: EmbeddingProfile = "int8-v1") -> ModelSpec:
    """The packaged model with this profile."""
    return ModelSpec(name=profile)


def spec_of(settings: EmbeddingSettings, profile: EmbeddingProfile) -> ModelSpec:
    """The model that the settings name; without a name, the packaged model with `profile`."""
    name = (settings.model or "").strip()
    if not name:
        return packaged(profile)
    is_url = name.lower().startswith(("http://", "https://"))
    has_onnx = not is_url and (Path(name).expanduser() / ONNX_GRAPH).is_file()
    kind: Kind = "endpoint" if is_url else "onnx" if has_onnx else "sentence-transformers"
    return ModelSpec(
        kind=kind,
        name=name.rstrip("/") if is_url else name,
        model=settings.server_model if kind == "endpoint" else None,
        backend=settings.backend if kind == "sentence-transformers" else "torch",
        pooling=settings.pooling if kind == "onnx" and settings.pooling != "auto" else None,
        dimensions=settings.dimensions or None,
        query_prefix=settings.query_prefix,
        document_prefix=settings.document_prefix,
        max_tokens=settings.max_tokens or None,
    )
