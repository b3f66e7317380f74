"""What tells a table from other text in which words stand below each other."""

import re
from collections.abc import Sequence

from ingest.parsers.pdf.columns import Column, covered
from ingest.parsers.pdf.lines import Fragment
from ingest.parsers.pdf.rows import Row, is_value

Lines = Sequence[Sequence[Fragment]]
"""Lines of cells, from top to bottom and from left to right."""

_NUMBERING = re.compile(  # or a bullet
    r"(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.):]|\d{1,2}(?:\.\d{1,2})+\.?|[•●○▪■◦\u2013\u2014\-*·►✓□☐☒o])"
)
_BOX = re.compile(r"[☐☑☒□■✓✔¨xX]|\[[ xX]?\]")
_EQUATION_NUMBER = re.compile(r"\(\w{1,3}(?:\.\d{1,3})?\)")
_PAGE_NUMBER = re.compile(r"(?:\.\s?)*(?:[\divxlIVX]{1,5}|[A-Z]-\d+)")
_LEADERS = re.compile(r"(?:\.\s?){4,}|…{2,}|_{5,}")
_PROSE_WORDS = 6
_LONG = 40
_ALIGNED = 0.6
_SAME_PLACE = 4.0


def may_be_table(lines: Lines, columns: Sequence[Column]) -> bool:
    """Whether lines of several cells look like rows of these columns."""
    is_other = _is_list(lines) or _is_contents(lines) or _is_form(lines)
    return not is_other and _is_aligned(lines, columns)


def is_table(rows: Sequence[Row], columns: int) -> bool:
    """Whether rows look like those of a table with this number of columns."""
    return len(rows) > 1 and not _is_prose(rows, columns) and not _is_figure(rows, columns)


def _is_aligned(lines: Lines, columns: Sequence[Column]) -> bool:
    cells = [cell for line in lines for cell in line]
    across = sum(len(covered(columns, cell)) > 1 for cell in cells)
    if across > 0.25 * len(cells) or len(cells) < 0.4 * len(lines) * len(columns):
        return False
    edges: list[list[tuple[float, float]]] = [[] for _ in columns]
    for cell in cells:
        under = covered(columns, cell)
        if len(under) == 1:
            edges[under[0]].append((cell.x0, cell.x1))
    # The first column of any text is aligned.
    return sum(map(_aligned, edges[1:])) >= _ALIGNED * sum(map(len, edges[1:]))


def _aligned(edges: Sequence[tuple[float, float]]) -> int:
    """How many cells of a column are aligned: at their left, their right, or their middle."""
    most = 1
    for places in (
        [x0 for x0, _ in edges],
        [x1 for _, x1 in edges],
        [(x0 + x1) / 2 for x0, x1 in edges],
    ):
        places.sort()
        start = 0
        for end, place in enumerate(places):
            while place - places[start] > _SAME_PLACE:
                start += 1
            most = max(most, end - start + 1)
    return most if most > 1 else 0


def _is_list(lines: Lines) -> bool:
    """Whether the lines are items of a list, or numbered equations."""
    numbered = sum(
        len(cells) == 2
        and bool(
            _NUMBERING.fullmatch(cells[0].text.strip())
            or (cells[0].text.strip().isdecimal() and cells[1].text.count(" ") >= _PROSE_WORDS)
        )
        for cells in lines
    )
    equations = sum(bool(_EQUATION_NUMBER.fullmatch(cells[-1].text.strip())) for cells in lines)
    return max(numbered, equations) > 0.5 * len(lines)


def _is_form(lines: Lines) -> bool:
    """Whether the lines are labels with their values, or boxes to check."""
    labeled = sum(cells[0].text.rstrip().endswith(":") and len(cells) == 2 for cells in lines)
    boxes = sum(any(_BOX.fullmatch(cell.text.strip()) for cell in cells) for cells in lines)
    return max(labeled, boxes) >= 0.5 * len(lines)


def _is_contents(lines: Lines) -> bool:
    """Whether the lines are those of a table of contents: titles with their pages."""
    led = sum(any(_LEADERS.search(cell.text) for cell in cells) for cells in lines)
    if led >= 0.3 * len(lines):
        return True
    last = [cells[-1].text.strip() for cells in lines]
    pages = [int(text) for text in last if text.isdecimal() and len(text) < 5]
    numbered = sum(bool(_PAGE_NUMBER.fullmatch(text)) for text in last)
    others = [cell.text for cells in lines for cell in cells[1:-1]]
    return (
        numbered >= 0.8 * len(lines)
        and len(pages) >= 0.5 * len(lines)
        and pages == sorted(pages)
        and not any(map(is_value, others))
    )


def _is_prose(rows: Sequence[Row], columns: int) -> bool:
    """Whether the cells are pieces of running text."""
    cells = [cell for row in rows for cell in row.cells]
    if not cells:
        return True
    broken = 0
    long = 0
    for row in rows:
        for cell in row.cells:
            if len(cell.text) >= _LONG and cell.text.count(" ") + 1 >= _PROSE_WORDS:
                long += 1
                broken += cell.text[0].islower() or cell.text[-1] not in ".;:!?)"
    return (
        long > 0.3 * len(cells)
        and broken > 0.5 * long
        and columns < 4
        and not any(row.has_values() for row in rows)
    )


def _is_figure(rows: Sequence[Row], columns: int) -> bool:
    """Whether the rows are those of a drawing: numbers of an axis alone, or too few cells for a table."""
    alone = sum(len(row.cells) == 1 and is_value(row.cells[0].text) for row in rows)
    if alone >= 2 and alone >= 0.25 * len(rows):
        return True
    filled = sum(cell.last - cell.first + 1 for row in rows for cell in row.cells)
    return len(rows) < 3 and filled < 0.8 * len(rows) * columns
