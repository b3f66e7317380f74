"""Settings of the ingestion pipeline. The defaults were chosen by measurement."""

from typing import Annotated, Literal

import msgspec

from ingest.types import EmbeddingProfile

Backend = Literal["torch", "onnx", "openvino"]
"""What sentence-transformers computes with."""
Pooling = Literal["cls", "mean"]
"""How the vector of a text is made from those of its tokens: the first of them, or their mean."""
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Dimensions = Annotated[int, msgspec.Meta(ge=0, le=4000)]
"""The most that an index of the database takes."""


class ParserLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Resource limits for parsing one file. A file that exceeds one of them fails."""

    memory_mb: int = 1024
    """Memory, in MB, in addition to that of the parsers themselves."""
    seconds: int = 600
    """Processor time, in seconds. A file of 13,000 dense pages takes about 200."""
    elapsed_seconds: int = 3600
    """Elapsed time, in seconds, which also ends a parser that waits. A busy machine needs several times the
    processor time.
    """
    output_mb: int = 64
    """Size of the extracted text, in MB."""
    pages: int = 20_000
    """Number of pages."""
    recognized_pages: int = 2_000
    """Number of pages whose text is recognized (OCR). Further ones stay unread."""


class ChunkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Chunk sizes, in tokens of the embedding model.

    See docs/decisions/0004-chunking.md for the retrieval quality behind the defaults.
    """

    max_tokens: int = 256
    """Maximum length of a chunk, including context and special tokens."""
    overlap_tokens: int = 0
    """Tokens that adjacent chunks share."""
    context_tokens: int = 48
    """Maximum length of the title and heading that precede the text of a chunk."""


class IngestSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the ingestion pipeline."""

    comments: bool = False
    """Whether the comments of reviewers in a DOCX are read."""
    ocr: bool = True
    """Whether text in pictures of pages is recognized. Needs the extra `ocr`; without it, such pages are only
    named.
    """
    limits: ParserLimits = ParserLimits()
    chunk: ChunkSettings = ChunkSettings()
    batch_size: int = 16
    """Maximum number of texts per embedding batch."""
    profile: EmbeddingProfile = "int8-v1"
    """Embedding profile of a new database: `int8-v1` or `float32`. An existing database keeps its profile."""


class EmbeddingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The embedding model. The defaults are those of the model itself, where it states them."""

    model: str | None = None
    """Name or directory of a sentence-transformers model, directory with `model.onnx` and `tokenizer.json`,
    or base URL of an OpenAI-compatible server, including `/v1`. Unset: the packaged model.
    """
    server_model: str | None = None
    """Name of the model on that server."""
    api_key: str | None = None
    """API key, if the server requires one."""
    backend: Backend = "torch"
    """What sentence-transformers computes with: `torch`, `onnx`, or `openvino`."""
    pooling: Literal["auto", "cls", "mean"] = "auto"
    """How an ONNX model makes the vector of a text from those of its tokens. `auto`: as its files say."""
    dimensions: _Dimensions = 0
    """Number of dimensions to keep, for models trained for it (Matryoshka). 0 keeps all of them."""
    max_tokens: _Count = 0
    """Maximum length of a text, in tokens. 0: that of the model; 512 on a server."""
    query_prefix: str | None = None
    """Text that precedes every query. Unset: that of the model."""
    document_prefix: str | None = None
    """Text that precedes every chunk. Unset: that of the model."""
