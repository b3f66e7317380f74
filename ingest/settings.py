"""Settings of the ingestion pipeline. The defaults were chosen by measurement."""

import msgspec

from ingest.types import EmbeddingProfile


class ParserLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits for parsing one file."""

    memory_mb: int = 1024
    seconds: int = 30
    output_mb: int = 64
    pages: int = 20_000


class ChunkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sizes in tokens of the embedding model; `max_tokens` includes context and special tokens.

    Chosen by retrieval quality, see docs/decisions/chunking.md.
    """

    max_tokens: int = 256
    overlap_tokens: int = 0
    context_tokens: int = 48


class IngestSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of `ingest`. `profile` applies to new databases; an existing one keeps its profile."""

    limits: ParserLimits = ParserLimits()
    chunk: ChunkSettings = ChunkSettings()
    batch_size: int = 16
    profile: EmbeddingProfile = "int8-v1"
