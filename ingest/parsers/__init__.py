"""Turns a file into a `ParsedDocument`. Hostile files belong in `ingest.sandbox`, which calls this."""

from pathlib import Path

from ingest.parsers.detect import detect_type
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument

__all__ = ["detect_type", "parse"]


def parse(path: Path, limits: ParserLimits) -> ParsedDocument:
    """Read a PDF or DOCX, told apart by its bytes.

    Checks sizes against `limits` as it goes but can't stop a parser that hangs or crashes: that is what
    `ingest.sandbox.parse_in_sandbox` is for.

    Raises:
        ingest.errors.PermanentError: the file can't be read; the subclass and the message say why.
        OSError: `path` can't be opened.
    """
    # Imported here: the server asks for types only and need not carry the parsers in its memory.
    if detect_type(path) == "pdf":
        from ingest.parsers.pdf import parse_pdf

        return parse_pdf(path, limits)
    from ingest.parsers.docx import parse_docx

    return parse_docx(path, limits)
