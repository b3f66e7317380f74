"""Parses PDF files. See docs/decisions/0021-layout-of-pdf-pages.md."""

from ingest.parsers.pdf.document import parse_pdf

__all__ = ["parse_pdf"]
