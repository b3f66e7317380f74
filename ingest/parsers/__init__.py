"""Parses a file into a `ParsedDocument`. For untrusted files use `ingest.sandbox`, which calls this."""

from pathlib import Path
from typing import BinaryIO

from ingest.parsers.detect import detect_type, detect_type_of_file
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument

__all__ = ["READER_VERSION", "detect_type", "parse", "parse_file"]

READER_VERSION = 2
"""Raised whenever the parsers read more, or read it better: it tells which documents to read again."""


def parse(path: Path, limits: ParserLimits, *, comments: bool = False) -> ParsedDocument:
    """Parse a PDF or DOCX, detected by its bytes; with the comments of reviewers in a DOCX, if wanted.

    Checks sizes against `limits` but can't stop a parser that hangs or crashes;
    `ingest.sandbox.parse_in_sandbox` can.

    Raises:
        ingest.errors.PermanentError: the file can't be read; subclass and message say why.
        OSError: `path` can't be opened.
    """
    with path.open("rb") as file:
        return parse_file(file, limits, comments=comments)


def parse_file(file: BinaryIO, limits: ParserLimits, *, comments: bool = False) -> ParsedDocument:
    """Parse an open file as `parse` does. Opens no other."""
    # Imported here, because the server only detects types and should not load the parsers.
    if detect_type_of_file(file) == "pdf":
        from ingest.parsers.pdf import parse_pdf

        return parse_pdf(file, limits)
    from ingest.parsers.docx import parse_docx

    return parse_docx(file, limits, comments=comments)
