"""Lines of a table become rows: several lines of a cell are one text."""

import itertools
import re
from collections.abc import Sequence

import msgspec

from ingest.parsers.pdf.columns import Column, placed
from ingest.parsers.pdf.lines import LINE_HYPHEN, Fragment

BETWEEN = " | "
_TIGHT = 0.25
_OVERLAPPING = 0.2
_MOST_HEADER_ROWS = 8
_LONGEST_NAME = 50
_YEAR = re.compile(r"(?<![\d.,])(?:19|20)\d\d(?![\d,.]\d|\d)")
_NUMBER = re.compile(r"[^\w]*(?:(?:US|CA|AU|HK|EUR|USD|GBP|CHF|Rs)\W{0,2})?\d")
# "(000)", "($000)"
_UNIT = re.compile(r"\(\W?[0']{3,}s?\W?\)")
_LONGEST_UNIT = 3
_OPEN_END = re.compile(
    r"(?:\b(?:and|or|of|for|the|to|in|on|from|with|by|und|der|et|de)|[,(/&\u2013-])$", re.I
)
_CONTINUING_START = re.compile(r"[a-z(]")


class Cell(msgspec.Struct, gc=False):
    """The text of a cell, from column `first` to `last`."""

    text: str
    first: int
    last: int


class Row(msgspec.Struct):
    """Cells from left to right, with the box around them in points; blank cells are left out."""

    cells: list[Cell]
    x0: float
    y0: float
    x1: float
    y1: float

    def text(self) -> str:
        """The cells on one line, blank ones as well, so that each keeps its place."""
        texts = [""] * (self.cells[-1].last + 1)
        for cell in self.cells:
            texts[cell.first] = cell.text
        text = BETWEEN.join(texts).rstrip("| ")
        return text.lstrip("| ") if len(self.cells) == 1 else text.lstrip()

    def has_values(self) -> bool:
        """Whether a number stands beside the label."""
        return any(cell.first > 0 and is_value(cell.text) for cell in self.cells)


def is_value(text: str) -> bool:
    """Whether a text is a number with its unit; years, dates and units of a column are none."""
    text = text.strip()
    match = _NUMBER.match(text)
    if match is None or _UNIT.fullmatch(text) or _is_date(text):
        return False
    return sum(map(str.isalpha, text[match.end() :])) <= max(_LONGEST_UNIT, sum(map(str.isdigit, text)))


def _is_date(text: str) -> bool:
    """Whether a text is a year, a date, or a period with its year."""
    return bool(_YEAR.search(text)) and (len(text) < 10 or any(map(str.isalpha, text)))


def rows_of(lines: Sequence[Sequence[Fragment]], columns: Sequence[Column]) -> list[Row]:
    """The rows of a table with these lines."""
    rows = [_row(cells, columns) for cells in lines]
    gaps = [above.y0 - below.y1 for above, below in itertools.pairwise(rows)]
    height = sorted(row.y1 - row.y0 for row in rows)[len(rows) // 2]
    tight = sorted(gaps)[len(gaps) // 5] + _TIGHT * height if gaps else 0.0
    groups = _by_gaps(rows, gaps, height)
    if groups is not None:
        return [_merged(group) for group in groups]
    header_ends = next((number for number, row in enumerate(rows) if row.has_values()), 0)
    merged: list[Row] = []
    for number, row in enumerate(rows):
        above = merged[-1] if merged else None
        gap = gaps[number - 1] if number else 0.0
        if above is not None and (
            gap < -_OVERLAPPING * height
            or (
                gap <= tight
                and (_continues(above, row) or (number < header_ends and _is_same_head(above, row)))
            )
        ):
            merged[-1] = _merged([above, row])
        else:
            merged.append(row)
    return merged


def header_rows_of(rows: Sequence[Row], columns: int) -> int:
    """How many rows name the columns: those above the first one with numbers, else the first."""
    count = 0
    for row in rows:
        is_section = len(row.cells) == 1 and row.cells[0].first == 0 and row.cells[0].last == 0
        if row.has_values() or (is_section and any(len(other.cells) > 1 for other in rows[:count])):
            break
        count += 1
    if 0 < count <= _MOST_HEADER_ROWS and count < len(rows):
        return count
    names = [cell for cell in rows[0].cells if len(cell.text) <= _LONGEST_NAME and not is_value(cell.text)]
    named = sum(cell.last - cell.first + 1 for cell in names)
    return 1 if len(rows) > 2 and len(names) == len(rows[0].cells) and named >= max(2, columns - 1) else 0


def _row(cells: Sequence[Fragment], columns: Sequence[Column]) -> Row:
    found: list[Cell] = []
    for fragment in cells:
        first, last = placed(columns, fragment)
        if found and first <= found[-1].last:
            if last > found[-1].last and first == found[-1].last and found[-1].first < first:
                # A cell over several columns that ends above the first of the next one.
                found[-1].last = first - 1
            else:
                found[-1].text = _joined(found[-1].text, fragment.text)
                found[-1].last = max(found[-1].last, last)
                continue
        found.append(Cell(fragment.text.strip(), first, last))
    return Row(
        found,
        min(cell.x0 for cell in cells),
        min(cell.y0 for cell in cells),
        max(cell.x1 for cell in cells),
        max(cell.y1 for cell in cells),
    )


def _by_gaps(rows: list[Row], gaps: list[float], height: float) -> list[list[Row]] | None:
    """Groups of lines if the space between rows is clearly wider than between lines of a cell."""
    if len(rows) < 4:
        return None
    ordered = sorted(gaps)
    steps = [(after - before, before) for before, after in itertools.pairwise(ordered)]
    step, widest_within = max(steps)
    loose = sum(gap > widest_within for gap in gaps)
    if step < 0.3 * height or widest_within > 0.6 * height or loose < 2:
        return None
    groups = [[rows[0]]]
    for gap, row in zip(gaps, rows[1:], strict=True):
        if gap > widest_within:
            groups.append([])
        groups[-1].append(row)
    return groups if all(map(_is_one_row, groups)) else None


def _is_one_row(group: list[Row]) -> bool:
    values = [cell.first for row in group for cell in row.cells if is_value(cell.text)]
    labels = [row for row in group if row.cells[0].first == 0]
    whole = all(cell.first == cell.last for row in group for cell in row.cells) or len(group) == 1
    return whole and len(values) == len(set(values)) and (len(group) < 2 or bool(labels))


def _continues(above: Row, row: Row) -> bool:
    """Whether a line goes on with the cells of the row above."""
    if any(cell.first != cell.last for cell in row.cells):
        return False
    texts = {cell.first: cell.text for cell in above.cells if cell.first == cell.last}
    if row.cells[0].first > 0:
        return all(
            cell.first in texts and not is_value(cell.text) and _has_words(texts[cell.first])
            for cell in row.cells
        )
    label = texts.get(0)
    if label is None or not _has_words(label):
        return False
    goes_on = bool(_OPEN_END.search(label) or _CONTINUING_START.match(row.cells[0].text))
    # The values are beside the first or the last line of the label.
    return goes_on and (len(row.cells) == 1 or len(above.cells) == 1)


def _is_same_head(above: Row, row: Row) -> bool:
    """Whether two lines of the header are one row: neither has a cell over several columns."""
    if any(cell.first != cell.last for cell in [*above.cells, *row.cells]):
        return False
    return bool({cell.first for cell in above.cells} & {cell.first for cell in row.cells} - {0})


def _merged(rows: Sequence[Row]) -> Row:
    cells: dict[int, Cell] = {}
    for row in rows:
        for cell in row.cells:
            if cell.first in cells:
                cells[cell.first].text = _joined(cells[cell.first].text, cell.text)
                cells[cell.first].last = max(cells[cell.first].last, cell.last)
            else:
                cells[cell.first] = cell
    ordered = sorted(cells.values(), key=lambda cell: cell.first)
    return Row(
        ordered,
        min(row.x0 for row in rows),
        min(row.y0 for row in rows),
        max(row.x1 for row in rows),
        max(row.y1 for row in rows),
    )


def _joined(text: str, more: str) -> str:
    # The hyphen of a line end keeps its mark: the words of the document decide about it.
    return f"{text}\n{more.strip()}" if text.endswith(LINE_HYPHEN) else f"{text} {more.strip()}"


def _has_words(text: str) -> bool:
    return sum(map(str.isalpha, text)) > 0.5 * len(text)
