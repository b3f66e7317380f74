"""Plain text: its paragraphs, in passages of about the same length."""

import re
from typing import BinaryIO

from ingest.parsers.blocks import Block
from ingest.parsers.decoding import read_text
from ingest.parsers.reading import Reading
from ingest.parsers.sections import Sections
from ingest.types import ParsedDocument

_BETWEEN_PARAGRAPHS = re.compile(r"\n[ \t\f]*\n")


def read(file: BinaryIO, how: Reading) -> ParsedDocument:
    """Read a text in whatever encoding it is. It has no headings.

    Raises:
        NoTextError: it has no text.
        LimitError: it is longer than allowed.
        PermanentError: it is no text.
    """
    decoded = read_text(file, how.limits)
    sections = Sections(split=True)
    for paragraph in _BETWEEN_PARAGRAPHS.split(decoded.text.replace("\r\n", "\n").replace("\r", "\n")):
        if paragraph.strip():
            sections.add(Block(f"{paragraph}\n"))
    return sections.document("txt", warnings=decoded.warnings())
