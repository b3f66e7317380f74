"""Loads embedding models."""

import msgspec

from ingest.embedding.base import NamedEmbedder
from ingest.embedding.protocol import Embedder
from ingest.embedding.spec import ModelError, ModelSpec
from ingest.errors import OutageError, TransientError
from ingest.types import EmbeddingProfile


def load(
    spec: ModelSpec, *, batch_size: int = 16, threads: int | None = None, api_key: str | None = None
) -> Embedder:
    """Load a model; blocks while it does.

    `batch_size` is the maximum number of texts per batch. `threads` is the number of threads per batch; None
    means all cores, which is best for documents. For queries 1 is best, because threads that share an input
    of a dozen tokens mostly wait for each other. `api_key` is for servers.

    Raises:
        ModelError: it can't be loaded.
    """
    if spec.kind == "packaged":
        # Imported here because each loads libraries that the others, and most commands, do not need.
        from ingest.embedding.packaged import PackagedEmbedder

        return PackagedEmbedder(batch_size, threads, _profile(spec))
    embedder = _named(spec, batch_size, threads, api_key)
    if spec.ranking is None:
        from ingest.embedding.measuring import measured

        try:
            embedder.spec = msgspec.structs.replace(spec, ranking=measured(embedder))
        except (OutageError, TransientError) as error:
            embedder.close()
            raise ModelError(str(error)) from error
    return embedder


def _named(spec: ModelSpec, batch_size: int, threads: int | None, api_key: str | None) -> NamedEmbedder:
    if spec.kind == "endpoint":
        from ingest.embedding.endpoint import EndpointEmbedder

        return EndpointEmbedder(spec, batch_size, api_key)
    if spec.kind == "sentence-transformers":
        from ingest.embedding.sentence_transformer import SentenceTransformerEmbedder

        return SentenceTransformerEmbedder(spec, batch_size, threads)
    from ingest.embedding.onnx_folder import OnnxEmbedder

    return OnnxEmbedder(spec, batch_size, threads)


def _profile(spec: ModelSpec) -> EmbeddingProfile:
    try:
        profile: EmbeddingProfile = msgspec.convert(spec.name, EmbeddingProfile)
    except msgspec.ValidationError:
        raise ModelError(
            f"This Luma has no embedding profile {spec.name}. Update Luma, or use another model."
        ) from None
    return profile
