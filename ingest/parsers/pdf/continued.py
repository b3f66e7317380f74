"""What stands over the rows of a table: its caption, and its header where it goes on over a page end."""

import re
from collections.abc import Sequence

from ingest.parsers.pdf.pages import Page, PageLine
from ingest.parsers.pdf.tables import Grid

_NUMBERED = re.compile(
    r"(?:Table|Tab\.|Exhibit|Schedule|Tabelle|Tableau|Tabla|Tabella|Tabela)\s*\.?\s*[\dA-Z]", re.I
)
_ENDS_SENTENCE = re.compile(r"[.!?;,]$")
_MOST_LINES = 3
_LONGEST_LINE = 100
_LONGEST = 200
_NEAR = 1.5
_SLACK = 6.0
# Running headers above the rest of a table, and lines of a footer below its first part.
_BETWEEN = 3


def find_captions(page: Page) -> None:
    """Give each table of a page the lines over it."""
    for at, line in enumerate(page.lines):
        if line.grid is not None and (at == 0 or page.lines[at - 1].grid is not line.grid):
            line.grid.caption = _caption(page.lines[:at], line)


def continue_tables(pages: list[Page | None]) -> None:
    """Give tables without a header that of the table before, if they go on with it.

    That is one on the same page with the same columns, or the last one of the page before.
    """
    last: Grid | None = None
    lines_since = 0
    for page in pages:
        if page is None:
            last = None
            continue
        for line in page.lines:
            if line.grid is None:
                lines_since += 1
            elif line.grid is not last:
                if last is not None and lines_since <= _BETWEEN and _goes_on(line.grid, last):
                    _continue(line.grid, last)
                last = line.grid
            if line.grid is not None:
                lines_since = 0


def _goes_on(grid: Grid, last: Grid) -> bool:
    """Whether a table has the columns of the one before, and no other header."""
    names = [row.text() for row in grid.header]
    if names and names != [row.text() for row in last.header]:
        return False
    return len(grid.columns) == len(last.columns) and all(
        x0 <= other_x1 + _SLACK and other_x0 <= x1 + _SLACK
        for (x0, x1), (other_x0, other_x1) in zip(grid.columns, last.columns, strict=True)
    )


def _continue(grid: Grid, last: Grid) -> None:
    if not grid.header:
        grid.above = last.header or last.above
    grid.caption = last.caption or grid.caption


def _caption(lines: Sequence[PageLine], table: PageLine) -> str:
    """The line above a table that names it, or short lines directly above it that are no sentences."""
    near: list[str] = []
    below = table
    for line in reversed(lines[-_MOST_LINES:]):
        if line.grid is not None or not line.main or line.y0 - below.y1 > _NEAR * (line.y1 - line.y0):
            break
        near.insert(0, line.text)
        below = line
        if _NUMBERED.match(line.text):
            return " ".join(near)[:_LONGEST]
    short: list[str] = []
    for text in reversed(near):
        if len(text) > _LONGEST_LINE or _ENDS_SENTENCE.search(text) or text[0].islower():
            break
        short.insert(0, text)
    return " ".join(short)[:_LONGEST]
