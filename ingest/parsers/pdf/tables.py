"""Finds tables among the lines of a page: runs of lines whose cells stand in columns."""

import re
import statistics
from collections.abc import Sequence

import msgspec

from ingest.parsers.pdf.columns import Column, columns_of, covered
from ingest.parsers.pdf.lines import Fragment
from ingest.parsers.pdf.rows import Row, header_rows_of, is_value, rows_of

_NEAR = 2.0
_SYMBOL_BEFORE = re.compile(r"(?:US|C|A)?[$€£¥]|\(|[≤≥<>±]")
_SYMBOL_BEHIND = re.compile(r"[%)]{1,2}|\*{1,3}|†|‡|bps|\[\d+\]")
_NUMBERING = re.compile(r"(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.):]|\d{1,2}(?:\.\d{1,2})+\.?|[•●○▪■◦–—\-*·►✓□☐☒o])")
_CURRENCY_OF_NEXT = re.compile(r"(?<=[\d)—%–-])\s+([$€£¥])\s*$")
_CAPTION_NUMBER = re.compile(r"(?:Table|Figure|Exhibit|Tabelle|Tableau|Tabla) [\w.]{1,6}[.:]?", re.I)
_EQUATION_NUMBER = re.compile(r"\(\w{1,3}(?:\.\d{1,3})?\)")
_PAGE_NUMBER = re.compile(r"(?:\.\s?)*(?:[\divxlIVX]{1,5}|[A-Z]-\d+)")
_LEADERS = re.compile(r"(?:\.\s?){4,}|…{2,}|_{5,}")
_WIDE = 0.6
_ALIGNED = 0.6
_SAME_PLACE = 4.0
_PROSE_WORDS = 6
_LONG = 40


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


def tables_among(lines: Sequence[Sequence[Fragment]]) -> list[tuple[int, int, Table]]:
    """The tables among lines from top to bottom, with the first and the last line of each, exclusive."""
    found = []
    start = 0
    while start < len(lines):
        is_row = len(lines[start]) > 1 and not _is_caption(lines[start])
        end = _run_end(lines, start) if is_row else start + 1
        if end - start > 1:
            found += _tables_in(lines, _first_line(lines, start, found), end)
        start = end
    return found


def _tables_in(lines: Sequence[Sequence[Fragment]], start: int, end: int) -> list[tuple[int, int, Table]]:
    """The table of a run, or those of its parts."""
    while end > start and len(lines[end - 1]) < 2 and not _is_below_label(lines, end - 1):
        end -= 1
    if end - start < 2:
        return []
    cut = _next_header(lines, start, end)
    if cut is None:
        table = _table([_with_symbols(cells) for cells in lines[start:end]])
        if table is not None:
            return [(start, end, table)]
        cut = _widest_gap(lines, start, end)
    if cut is None:
        return []
    return _tables_in(lines, start, cut) + _tables_in(lines, cut, end)


def _table(lines: Sequence[Sequence[Fragment]]) -> Table | None:
    several = [cells for cells in lines if len(cells) > 1]
    if len(several) < 2 or len(several) < 0.4 * len(lines):
        return None
    columns = columns_of(several)
    if len(columns) < 2 or (len(columns) == 2 and len(several) < 3):
        return None
    if not _is_aligned(several, columns) or _is_list(several) or _is_contents(several):
        return None
    rows = rows_of(lines, columns)
    if len(rows) < 2 or _is_prose(rows, len(columns)) or _is_figure(rows, len(columns)):
        return None
    return Table(Grid(columns, rows[: header_rows_of(rows, len(columns))]), rows)


def _is_aligned(lines: Sequence[Sequence[Fragment]], columns: Sequence[Column]) -> bool:
    cells = [cell for line in lines for cell in line]
    across = sum(len(covered(columns, cell)) > 1 for cell in cells)
    if across > 0.25 * len(cells) or len(cells) < 0.4 * len(lines) * len(columns):
        return False
    edges: list[list[tuple[float, float]]] = [[] for _ in columns]
    for cell in cells:
        under = covered(columns, cell)
        if len(under) == 1:
            edges[under[0]].append((cell.x0, cell.x1))
    aligned = sum(map(_aligned, edges))
    return aligned >= _ALIGNED * sum(map(len, edges))


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
    return most if len(edges) > 1 else 0


def _is_list(lines: Sequence[Sequence[Fragment]]) -> bool:
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


def _is_contents(lines: Sequence[Sequence[Fragment]]) -> bool:
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
    return long > 0.3 * len(cells) and broken > 0.5 * long and columns < 4 and not any(row.has_values() for row in rows)


def _is_figure(rows: Sequence[Row], columns: int) -> bool:
    """Whether the rows are those of a drawing: numbers of an axis alone, or too few cells for a table."""
    alone = sum(len(row.cells) == 1 and is_value(row.cells[0].text) for row in rows)
    if alone >= 2 and alone >= 0.25 * len(rows):
        return True
    filled = sum(cell.last - cell.first + 1 for row in rows for cell in row.cells)
    return len(rows) < 3 and filled < 0.8 * len(rows) * columns


def _run_end(lines: Sequence[Sequence[Fragment]], start: int) -> int:
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
        # A value stands at the right end of a row, not text.
        if cells[-1].x1 - cells[-1].x0 > _WIDE * (right - left):
            break
        if len(cells) > 1:
            left = min(left, *(cell.x0 for cell in cells))
            right = max(right, *(cell.x1 for cell in cells))
        end += 1
    return end


def _is_caption(cells: Sequence[Fragment]) -> bool:
    """Whether a line is "Table 1:", some space, and what the table shows."""
    return len(cells) == 2 and bool(_CAPTION_NUMBER.fullmatch(cells[0].text.strip()))


def _first_line(
    lines: Sequence[Sequence[Fragment]], start: int, found: Sequence[tuple[int, int, Table]]
) -> int:
    """The first line of a header above a run: a single cell that stands over columns but the first."""
    earliest = found[-1][1] if found else 0
    left = min(cell.x0 for cell in lines[start])
    right = max(cell.x1 for cell in lines[start])
    while start > earliest:
        cell = lines[start - 1][0]
        gap = cell.y0 - max(other.y1 for other in lines[start])
        inside = cell.x0 > left + 0.2 * (right - left) and cell.x1 <= right + 2
        if len(lines[start - 1]) > 1 or not inside or gap > 0.6 * (cell.y1 - cell.y0):
            break
        start -= 1
    return start


def _next_header(lines: Sequence[Sequence[Fragment]], start: int, end: int) -> int | None:
    """Where another table begins within a run: names of columns below rows of numbers."""
    numbers = 0
    for at in range(start, end):
        values = sum(is_value(cell.text) for cell in lines[at][1:])
        if values:
            numbers += 1
        elif numbers > 1 and len(lines[at]) > 1 and at + 2 < end:
            following = lines[at + 1 : at + 3]
            names = [cell for cell in lines[at] if any(map(str.isalpha, cell.text)) or _is_year(cell.text)]
            if len(names) == len(lines[at]) > 2 and any(is_value(c.text) for cells in following for c in cells[1:]):
                while at > start + 1 and len(lines[at - 1]) == 1:
                    at -= 1
                return at if at > start else None
    return None


def _is_year(text: str) -> bool:
    return len(text.strip()) == 4 and text.strip().isdecimal()


def _widest_gap(lines: Sequence[Sequence[Fragment]], start: int, end: int) -> int | None:
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


def _is_below_label(lines: Sequence[Sequence[Fragment]], at: int) -> bool:
    """Whether a last line with one cell is the rest of a cell: it overlaps the line above."""
    above = lines[at - 1]
    return min(cell.y0 for cell in above) - lines[at][0].y1 < -0.2 * (lines[at][0].y1 - lines[at][0].y0)


def _with_symbols(cells: Sequence[Fragment]) -> list[Fragment]:
    """Cells with their currencies and units, which programs set at the edge of a column."""
    joined: list[Fragment] = []
    for cell in _apart(cells):
        text = cell.text.strip()
        before = joined[-1] if joined else None
        if before is not None and (
            _SYMBOL_BEFORE.fullmatch(before.text.strip()) or _SYMBOL_BEHIND.fullmatch(text)
        ):
            apart = cell.x0 - before.x1 > 0.12 * cell.height
            space = " " if apart and not _SYMBOL_BEHIND.fullmatch(text) else ""
            joined[-1] = Fragment(
                before.x0, min(before.y0, cell.y0), cell.x1, max(before.y1, cell.y1), f"{before.text.strip()}{space}{text}"
            )
        else:
            joined.append(cell)
    return joined


def _apart(cells: Sequence[Fragment]) -> list[Fragment]:
    """Cells in which the currency of the next column, if it stands close to a number, is one by itself."""
    found: list[Fragment] = []
    for number, cell in enumerate(cells):
        match = _CURRENCY_OF_NEXT.search(cell.text) if number + 1 < len(cells) else None
        if match is None:
            found.append(cell)
            continue
        at = cell.x1 - (cell.x1 - cell.x0) * len(match[1]) / len(cell.text)
        found.append(Fragment(cell.x0, cell.y0, at - 0.2 * cell.height, cell.y1, cell.text[: match.start()]))
        found.append(Fragment(at, cell.y0, cell.x1, cell.y1, match[1]))
    return found
