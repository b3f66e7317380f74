"""The pages of a document as lines, and their text once they are compared with each other."""

import itertools
import re

import msgspec

from ingest.parsers.pdf.hyphens import Joiner, joiner
from ingest.parsers.pdf.lines import LINE_HYPHEN, is_ideographic
from ingest.parsers.pdf.order import Line
from ingest.parsers.pdf.rows import Row
from ingest.parsers.pdf.table_text import cleaned, only_header, table_of
from ingest.parsers.pdf.tables import Grid
from ingest.parsers.text import clean
from ingest.types import MOST_CELLS, Table

# Heights of a line that may lie between a line and the next of the same text, or of the same paragraph.
_CONTINUING = 2.5
_SAME_PARAGRAPH = 1.0
_TOP_LINES = 3
_FIRST_WORD = re.compile(r"[^\W\d_][\w'\u2019]*")


class PageLine(msgspec.Struct):
    """A line of a page: its text, its box in points, and where its cells begin, if there are several.

    `main` is false for text that runs in another direction than most of the page. `row` is that of a table,
    `grid`.
    """

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    starts: tuple[int, ...] = ()
    main: bool = True
    row: Row | None = None
    grid: Grid | None = None


class Page(msgspec.Struct):
    """The lines of a page in reading order, and its lower and upper edge as most of them are read."""

    lines: list[PageLine]
    bottom: float
    top: float


class PageText(msgspec.Struct, frozen=True):
    """The text of a page as it is stored, and the tables in it."""

    text: str
    tables: tuple[Table, ...] = ()


def page_of(lines: list[Line], bottom: float, top: float) -> Page:
    """A page without what is only needed to find its lines."""
    return Page(
        [
            PageLine(
                line.text,
                line.x0,
                line.y0,
                line.x1,
                line.y1,
                tuple(round(cell.x0) for cell in line.cells) if len(line.cells) > 1 else (),
                line.main,
                line.row,
                line.grid,
            )
            for line in lines
        ],
        bottom,
        top,
    )


def texts_of(pages: list[Page | None]) -> list[PageText | None]:
    """The text of each page, with broken words whole; None for None."""
    words = joiner(_text(page.lines) for page in pages if page is not None)
    for page, following in itertools.pairwise(pages):
        if page is not None and following is not None:
            _complete_last_word(page, following, words)
    texts: list[PageText | None] = []
    left = MOST_CELLS
    for page in pages:
        text = None if page is None else _page_text(page, words, complete=left > 0)
        left -= sum(len(row) for table in text.tables for row in table.rows) if text else 0
        texts.append(text)
    return texts


def _page_text(page: Page, words: Joiner, *, complete: bool) -> PageText:
    text = ""
    tables: list[Table] = []
    for _, group in itertools.groupby(page.lines, key=lambda line: id(line.grid)):
        lines = list(group)
        grid = lines[0].grid
        if grid is None:
            text = _added(text, clean(words.text(_text(lines))))
            continue
        rows = [row for line in lines if line.row and (row := cleaned(line.row, words)).cells]
        start = len(text) + 1 if text else 0
        text = _added(text, "\n".join(row.text() for row in rows))
        table = table_of(grid, rows, words, start, len(text))
        tables.append(table if complete else only_header(table))
    return PageText(text, tuple(tables))


def _added(text: str, more: str) -> str:
    return f"{text}\n{more}" if text and more else text or more


def _text(lines: list[PageLine]) -> str:
    """Lines as text; without line ends within a paragraph of a script that has no spaces."""
    if not lines:
        return ""
    full = 0.75 * max(line.x1 - line.x0 for line in lines)
    parts = [lines[0].text]
    for before, line in itertools.pairwise(lines):
        if not _follows(before, line):
            parts[-1] = _without_mark(parts[-1])
        continues = (
            before.x1 - before.x0 >= full
            and is_ideographic(before.text[-1])
            and is_ideographic(line.text[0])
            and _follows(before, line, _SAME_PARAGRAPH)
        )
        parts += [line.text] if continues else ["\n", line.text]
    return _without_mark("".join(parts))


def _without_mark(text: str) -> str:
    return text[:-1] + "-" if text.endswith(LINE_HYPHEN) else text


def _follows(before: PageLine, line: PageLine, gap: float = _CONTINUING) -> bool:
    """Whether a line goes on with the one before: below within `gap` heights, or in the next column."""
    height = before.y1 - before.y0
    return line.main == before.main and (line.y0 > before.y0 or before.y0 - line.y1 < gap * height)


def _complete_last_word(page: Page, following: Page, words: Joiner) -> None:
    """Put the rest of a word that is broken at the end of a page where the word begins."""
    broken = _last_broken(page)
    if broken is None:
        return
    for line in following.lines[:_TOP_LINES]:
        if line.row is not None:
            return
        match = _FIRST_WORD.match(line.text)
        if match and match[0][0].islower():
            first = re.search(rf"\S*(?={LINE_HYPHEN}$)", broken.text)
            if first is None:
                return
            broken.text = broken.text[: first.start()] + words.joined(first[0], match[0])
            rest = line.text[match.end() :]
            # A full stop or comma behind the word stays with it.
            mark = re.match(r"[.,;:!?)»”]*", rest)
            broken.text += mark[0] if mark else ""
            line.text = rest[len(mark[0]) if mark else 0 :].lstrip()
            following.lines = [other for other in following.lines if other.text]
            return


def _last_broken(page: Page) -> PageLine | None:
    """The last line of the page's text if it ends within a word; lines below at a distance don't count."""
    for line, after in zip(reversed(page.lines), [None, *reversed(page.lines)], strict=False):
        if line.text.endswith(LINE_HYPHEN) and line.row is None:
            return line if after is None or not _follows(line, after) else None
        if after is not None and _follows(line, after):
            return None
    return None
