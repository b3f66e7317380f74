"""One document from file to embedded chunks: parse, chunk, embed. All functions block."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np

from ingest import recognition
from ingest.chunker import TokenCounter, chunk, embedding_text
from ingest.embedding import Embedder
from ingest.errors import NoTextError
from ingest.settings import IngestSettings
from ingest.types import Chunk, EmbeddedDocument, ParsedDocument, Source, Vector

Stage = Literal["parsing", "recognizing", "chunking", "embedding"]
Progress = Callable[[Stage, float], None]
"""Called with a stage and its progress from 0 to 1. An exception it raises stops the work."""
Known = Mapping[bytes, Vector]
"""Embeddings that need not be computed, by the `digest` of the model's input."""
NOTHING_KNOWN: Known = MappingProxyType({})
DIGEST_BYTES = 16


def process(
    source: Source, embedder: Embedder, settings: IngestSettings, on_progress: Progress | None = None
) -> EmbeddedDocument:
    """Parse, chunk and embed `source`.

    Raises:
        PermanentError: the file can't be read or has no text.
        TransientError: a retry may succeed.
    """
    document, chunks = read(source, embedder.tokens, settings, on_progress)
    return embed(document, chunks, embedder, on_progress)


def read(
    source: Source, count: TokenCounter, settings: IngestSettings, on_progress: Progress | None = None
) -> tuple[ParsedDocument, list[Chunk]]:
    """Parse `source` in a sandbox and split it into at least one chunk. Needs no model.

    Raises:
        PermanentError: the file can't be read or has no text.
        TransientError: a retry may succeed.
    """
    report = on_progress or _ignore
    report("parsing", 0)
    document = recognition.read_document(source, settings, lambda done: report("recognizing", done))
    return document, split(document, source, count, settings, report)


def parse(source: Source, settings: IngestSettings, on_progress: Progress) -> ParsedDocument | list[int]:
    """Parse `source` in a sandbox. Returns the document, or the pages to be recognized first, if any.

    Raises:
        PermanentError: the file can't be read or has no text.
        TransientError: a retry may succeed.
    """
    on_progress("parsing", 0)
    return recognition.parse(source, settings)


def recognize(
    source: Source, pages: Sequence[int], settings: IngestSettings, on_progress: Progress
) -> ParsedDocument:
    """Recognize the text of pages, and parse `source` together with it.

    Raises:
        PermanentError: the file can't be read or has no text.
        TransientError: a retry may succeed.
    """
    return recognition.recognize(source, pages, settings, lambda done: on_progress("recognizing", done))


def split(
    document: ParsedDocument,
    source: Source,
    count: TokenCounter,
    settings: IngestSettings,
    on_progress: Progress,
) -> list[Chunk]:
    """Split `document` into at least one chunk.

    Raises:
        NoTextError: it has no text.
    """
    on_progress("chunking", 0)
    chunks = chunk(document, source.name, count, settings.chunk)
    if not chunks:
        raise NoTextError(
            "No text was found in this file. If its pages are pictures, run it through text recognition "
            "(OCR) and use the result."
        )
    return chunks


def embed(
    document: ParsedDocument,
    chunks: list[Chunk],
    embedder: Embedder,
    on_progress: Progress | None = None,
    known: Known = NOTHING_KNOWN,
) -> EmbeddedDocument:
    """Embed the chunks of `document` that are not `known`."""
    report = on_progress or _ignore
    report("embedding", 0)
    texts = [embedding_text(chunk) for chunk in chunks]
    if not known:
        vectors = embedder.embed_documents(texts, lambda done: report("embedding", done / len(texts)))
        return EmbeddedDocument(document, chunks, vectors)
    new = {key: text for text in texts if (key := digest(text)) not in known}
    found = dict(known)
    if new:
        computed = embedder.embed_documents(
            list(new.values()), lambda done: report("embedding", done / len(new))
        )
        found.update(zip(new, computed, strict=True))
    return EmbeddedDocument(document, chunks, np.stack([found[digest(text)] for text in texts]))


def digest(text: str) -> bytes:
    """A digest of a model's input, which tells inputs apart. It is stored: it must never change."""
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()


def _ignore(stage: Stage, fraction: float) -> None:
    pass
