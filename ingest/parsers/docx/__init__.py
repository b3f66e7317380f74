"""DOCX text: opened with python-docx, and read from its lxml elements where python-docx has no more.

python-docx has the parts with their relationships, styles, numbering and properties. It has nothing for text
boxes, content controls, notes, tracked changes, equations, fields, charts, SmartArt and documents inside.
"""

from typing import BinaryIO

from ingest.parsers.docx.document import parse_docx
from ingest.parsers.reading import Reading
from ingest.types import ParsedDocument

__all__ = ["parse_docx", "read"]


def read(file: BinaryIO, how: Reading) -> ParsedDocument:
    """Read a DOCX: see `parse_docx`."""
    return parse_docx(file, how.limits, comments=how.comments)
