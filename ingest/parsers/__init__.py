"""Parses a file into a `ParsedDocument`. For untrusted files use `ingest.sandbox`, which calls this."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from ingest.parsers.detect import detect_type, detect_type_of_file
from ingest.parsers.formats import FORMATS
from ingest.settings import ParserLimits
from ingest.types import DocumentType, ParsedDocument, RecognizedPage

if TYPE_CHECKING:
    from ingest.parsers.reading import Reader

__all__ = ["READER_VERSION", "detect_type", "parse", "parse_file", "reader_of"]

READER_VERSION = 2
"""Raised whenever the parsers read more, or read it better: it tells which documents to read again."""


def parse(
    path: Path,
    limits: ParserLimits,
    *,
    comments: bool = False,
    kind: DocumentType | None = None,
    recognized: Mapping[int, RecognizedPage] | None = None,
) -> ParsedDocument:
    """Parse a file of `kind`, or of the type detected by its bytes and name.

    The comments of reviewers are read if they are wanted. `recognized` are pages of a PDF, by their numbers,
    whose text was recognized. Checks sizes against `limits` but can't stop a
    parser that hangs or crashes; `ingest.sandbox.parse_in_sandbox` can.

    Raises:
        ingest.errors.PermanentError: the file can't be read; subclass and message say why.
        OSError: `path` can't be opened.
    """
    with path.open("rb") as file:
        return parse_file(file, limits, comments=comments, kind=kind, name=path.name, recognized=recognized)


def parse_file(
    file: BinaryIO,
    limits: ParserLimits,
    *,
    comments: bool = False,
    kind: DocumentType | None = None,
    name: str = "",
    depth: int = 1,
    recognized: Mapping[int, RecognizedPage] | None = None,
) -> ParsedDocument:
    """Parse an open file as `parse` does. Opens no other. `depth` is 1 for a file in no other."""
    from ingest.parsers.reading import Reading

    kind = kind or detect_type_of_file(file, name)
    file.seek(0)
    return reader_of(kind).read(file, Reading(limits, comments, depth, recognized))


def reader_of(kind: DocumentType) -> "Reader":
    """The reader of a type. Imported here, because the server only detects types and loads no parser."""
    return cast("Reader", importlib.import_module(FORMATS[kind].reader))
