"""What flows through the pipeline: a source becomes passages, these become chunks, chunks get embeddings."""

from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

DocumentType = Literal["pdf", "docx"]
EmbeddingProfile = Literal["float32", "int8-v1"]
"""How a model computes: as its weights were published, or in whole numbers of 8 bits."""
Vector = NDArray[np.float32]
"""Shape (dimensions,), or (n, dimensions) where several are meant; every row has Euclidean length 1."""


class Source(msgspec.Struct, frozen=True):
    """A file to be read. `name` is what people call it (title or file name); it is never used as a path."""

    path: Path
    name: str


class Passage(msgspec.Struct, frozen=True):
    """A stretch of a document as it was parsed: one page of a PDF, one section of a DOCX.

    `page` counts from 1 and is None for formats without pages. `heading` is the path of headings above the
    text, outermost first, joined with " > "; None where there is none.
    """

    text: str
    page: int | None = None
    heading: str | None = None


class ParsedDocument(msgspec.Struct, frozen=True):
    """All the text of one document, in reading order.

    `title` is what the document itself says its title is; None where it says nothing usable. `pages` is the
    number of pages, None for formats without. `warnings` tell in plain words what could not be read (for
    instance pages without text); the document is usable all the same.
    """

    type: DocumentType
    passages: list[Passage]
    title: str | None = None
    pages: int | None = None
    warnings: list[str] = []


class Chunk(msgspec.Struct, frozen=True):
    """A piece of a passage that fits the embedding model whole.

    `text` is `passages[passage].text[start:end]`, offsets in characters. `context` (title and heading) is put
    before the text when it is embedded and is not part of what is quoted. `tokens` counts what the model
    sees: context, text and its special tokens; never more than the model's limit.
    """

    passage: int
    start: int
    end: int
    text: str
    context: str
    tokens: int
    page: int | None = None
    heading: str | None = None


class EmbeddedDocument(msgspec.Struct, frozen=True):
    """What goes into a sink: `embeddings[i]` belongs to `chunks[i]`; shape (len(chunks), dimensions)."""

    document: ParsedDocument
    chunks: list[Chunk]
    embeddings: Vector


class EmbeddingModel(msgspec.Struct, frozen=True):
    """Which model made an embedding, and how. Vectors of different models can't be compared.

    Those of one model by different profiles can, but their order is a little off; nobody should mix them.
    `sha256` is that of the weights; `dimensions` the length of a vector; `max_tokens` the longest input the
    model reads, special tokens included.
    """

    name: str
    sha256: str
    dimensions: int
    max_tokens: int
    profile: EmbeddingProfile
