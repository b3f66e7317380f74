"""Finds tables among the lines of a page: runs of lines whose cells stand in columns."""

import re
import statistics
from collections.abc import Sequence

import msgspec

from ingest.parsers.pdf.columns import Column, columns_of
from ingest.parsers.pdf.evidence import Lines, is_table, may_be_table
from ingest.parsers.pdf.lines import Fragment
from ingest.parsers.pdf.rows import Row, header_rows_of, is_value, rows_of
from ingest.parsers.pdf.symbols import with_symbols

_NEAR = 2.0
_CAPTION_NUMBER = re.compile(r"(?:Table|Figure|Exhibit|Tabelle|Tableau|Tabla) [\w.]{1,6}[.:]?", re.I)
_OVERLAPPING = 0.2
_CLOSE = 0.6
_WIDE = 0.6
_ALIGNED = 2.0


class Grid(msgspec.Struct):
    """A table: its columns in points, and the rows that name them.

    If it goes on from an earlier page, `above` is the header there. `caption` is the text over the table.
    """

    columns: list[Column]
    header: list[Row]
    above: list[Row] = []
    caption: str = ""


class Table(msgspec.Struct):
    """A table with its rows; those of lines `start` to `end` of a region."""

    grid: Grid
    rows: list[Row]


def tables_among(lines: Lines) -> list[tuple[int, int, Table]]:
    """The tables among lines from top to bottom, with the first and the last line of each, exclusive."""
    found: list[tuple[int, int, Table]] = []
    start = 0
    while start < len(lines):
        is_row = len(lines[start]) > 1 and not _is_caption(lines[start])
        end = _run_end(lines, start) if is_row else start + 1
        if end - start > 1:
            found += _tables_in(lines, _first_line(lines, start, found), end)
        start = end
    return found


def _tables_in(lines: Lines, start: int, end: int) -> list[tuple[int, int, Table]]:
    """The table of a run, or those of its parts."""
    while end - start > 1 and len(lines[end - 1]) < 2 and not _is_rest_of_cell(lines, end - 1):
        end -= 1
    if end - start < 2:
        return []
    cut = _next_header(lines, start, end)
    if cut is None:
        table = _table([with_symbols(cells) for cells in lines[start:end]])
        if table is not None:
            return [(start, end, table)]
        cut = _widest_gap(lines, start, end)
    if cut is None:
        return []
    return _tables_in(lines, start, cut) + _tables_in(lines, cut, end)


def _table(lines: Lines) -> Table | None:
    several = [cells for cells in lines if len(cells) > 1]
    if len(several) < 2 or len(several) < 0.4 * len(lines):
        return None
    columns = columns_of(several)
    if len(columns) < 2 or (len(columns) == 2 and len(several) < 3):
        return None
    if not may_be_table(several, columns):
        return None
    rows = rows_of(lines, columns)
    if not is_table(rows, len(columns)):
        return None
    return Table(Grid(columns, rows[: header_rows_of(rows, len(columns))]), rows)


def _run_end(lines: Lines, start: int) -> int:
    """Where the lines end that may be rows together with the one at `start`."""
    left = min(cell.x0 for cell in lines[start])
    right = max(cell.x1 for cell in lines[start])
    end = start + 1
    while end < len(lines):
        cells = lines[end]
        above = lines[end - 1]
        height = min(cell.y1 - cell.y0 for cell in cells)
        gap = min(cell.y0 for cell in above) - max(cell.y1 for cell in cells)
        if gap > _NEAR * height:
            break
        if _is_caption(cells):
            break
        # A value stands at the right end of a row, not text, unless it begins where other cells do.
        if cells[-1].x1 - cells[-1].x0 > _WIDE * (right - left) and not _is_below_a_cell(cells, above):
            break
        if len(cells) > 1:
            left = min(left, *(cell.x0 for cell in cells))
            right = max(right, *(cell.x1 for cell in cells))
        end += 1
    return end


def _is_below_a_cell(cells: Sequence[Fragment], above: Sequence[Fragment]) -> bool:
    """Whether the last of several cells begins where one of the line above does."""
    return len(cells) > 1 and any(abs(cell.x0 - cells[-1].x0) < _ALIGNED for cell in above[1:])


def _is_caption(cells: Sequence[Fragment]) -> bool:
    """Whether a line is "Table 1:", some space, and what the table shows."""
    return len(cells) == 2 and bool(_CAPTION_NUMBER.fullmatch(cells[0].text.strip()))


def _first_line(lines: Lines, start: int, found: Sequence[tuple[int, int, Table]]) -> int:
    """The first line of a header above a run: a single cell that stands over columns but the first."""
    earliest = found[-1][1] if found else 0
    left = min(cell.x0 for cell in lines[start])
    right = max(cell.x1 for cell in lines[start])
    while start > earliest:
        cell = lines[start - 1][0]
        gap = cell.y0 - max(other.y1 for other in lines[start])
        inside = cell.x0 > left + 0.2 * (right - left) and cell.x1 <= right + 0.2 * (right - left)
        if len(lines[start - 1]) > 1 or not inside or gap > 0.6 * (cell.y1 - cell.y0):
            break
        start -= 1
    return start


def _next_header(lines: Lines, start: int, end: int) -> int | None:
    """Where another table begins within a run: names of columns below rows of numbers."""
    numbers = 0
    for at in range(start, end):
        values = sum(is_value(cell.text) for cell in lines[at][1:])
        if values:
            numbers += 1
        elif numbers > 1 and len(lines[at]) > 1 and at + 2 < end:
            following = lines[at + 1 : at + 3]
            names = [cell for cell in lines[at] if any(map(str.isalpha, cell.text)) or _is_year(cell.text)]
            if len(names) == len(lines[at]) > 2 and any(
                is_value(c.text) for cells in following for c in cells[1:]
            ):
                # A cell over several columns is the first line of the header, a title is not.
                left = min(cell.x0 for cell in lines[at])
                first = at
                while first > start + 1 and len(lines[first - 1]) == 1 and lines[first - 1][0].x0 >= left:
                    first -= 1
                return first if first > start else None
    return None


def _is_year(text: str) -> bool:
    return len(text.strip()) == 4 and text.strip().isdecimal()


def _widest_gap(lines: Lines, start: int, end: int) -> int | None:
    """Where a run that is no table is divided best; None if all lines are equally near."""
    gaps = [
        min(cell.y0 for cell in lines[at - 1]) - max(cell.y1 for cell in lines[at])
        for at in range(start + 1, end)
    ]
    if len(gaps) < 3:
        return None
    usual = statistics.median(gaps)
    height = lines[start][0].y1 - lines[start][0].y0
    widest = max(range(len(gaps)), key=gaps.__getitem__)
    return start + 1 + widest if gaps[widest] > usual + 0.3 * height else None


def _is_rest_of_cell(lines: Lines, at: int) -> bool:
    """Whether a last line with one cell goes on with a cell above: it is close, and not below the labels."""
    above, cell = lines[at - 1], lines[at][0]
    gap = min(other.y0 for other in above) - cell.y1
    height = cell.y1 - cell.y0
    left = min(other.x0 for line in lines[max(0, at - 3) : at] for other in line)
    return gap < -_OVERLAPPING * height or (gap < _CLOSE * height and cell.x0 > left + 2 * height)
