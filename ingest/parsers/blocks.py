"""What a document is made of, in reading order."""

from collections.abc import Sequence
from typing import NamedTuple

from lxml import etree

from ingest.types import TableCell

TITLE_LEVEL = 0
"""The level of the document's own title: above heading 1."""


class Block(NamedTuple):
    """A paragraph, table, text box, chart or the like.

    `level` is the heading level, None for other text. A table has a line for each row, of which the first
    `header_lines` name the columns; `rows` and `header_rows` are those of `ingest.types.Table`; without
    them, the cells of a line are divided by " | ". `paragraph` is the element of a paragraph of a DOCX.
    """

    text: str
    level: int | None = None
    header_lines: int = 0
    is_table: bool = False
    paragraph: etree._Element | None = None
    rows: Sequence[list[TableCell]] = ()
    header_rows: int = 0


def one_line(text: str) -> str:
    """`text` without line breaks and repeated spaces."""
    return " ".join(text.split())
