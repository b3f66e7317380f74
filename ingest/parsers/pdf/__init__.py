"""Parses PDF files. See docs/decisions/0021-layout-of-pdf-pages.md."""

from typing import BinaryIO

from ingest.parsers.pdf.document import parse_pdf
from ingest.parsers.reading import Reading
from ingest.types import ParsedDocument

__all__ = ["parse_pdf", "read"]


def read(file: BinaryIO, how: Reading) -> ParsedDocument:
    """Read a PDF: see `parse_pdf`."""
    return parse_pdf(file, how.limits, attached=how.depth > 1, recognized=how.recognized)
