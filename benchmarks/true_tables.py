"""The true cells of the ICDAR 2013 table competition, and what `benchmarks.tables` measures of them."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from lxml import etree

Relation = tuple[str, str, str]
_MOST_HEADER_ROWS = 5
_WORD = re.compile(r"[^\W_]+")


class Cell(NamedTuple):
    """A cell of a table, from `row` and `column` to `last_row` and `last_column`."""

    row: int
    column: int
    last_row: int
    last_column: int
    text: str


class Triple(NamedTuple):
    """A value with what it stands under and beside."""

    label: str
    header: str
    value: str


def true_tables(path: Path) -> list[list[Cell]]:
    """The cells of each table in a `-str.xml`; a table on two pages is two."""
    tables = []
    for region in etree.parse(path).iter("region"):
        cells = []
        for element in region.iter("cell"):
            row, column = int(element.get("start-row", 0)), int(element.get("start-col", 0))
            last_row, last_column = int(element.get("end-row", row)), int(element.get("end-col", column))
            text = " ".join((element.findtext("content") or "").split())
            cells.append(Cell(row, column, last_row, last_column, text))
        tables.append(cells)
    return tables


def relations(cells: Iterable[Cell]) -> Counter[Relation]:
    """The relations between neighboring cells of a table."""
    filled = [(cell, content) for cell in cells if (content := _content(cell.text))]
    found: Counter[Relation] = Counter()
    for cell, content in filled:
        right: dict[int, tuple[Cell, str]] = {}
        below: dict[int, tuple[Cell, str]] = {}
        for other in filled:
            for row in range(max(cell.row, other[0].row), min(cell.last_row, other[0].last_row) + 1):
                if other[0].column > cell.last_column:
                    nearest = right.setdefault(row, other)
                    right[row] = min(nearest, other, key=lambda pair: pair[0].column)
            for column in range(
                max(cell.column, other[0].column), min(cell.last_column, other[0].last_column) + 1
            ):
                if other[0].row > cell.last_row:
                    nearest = below.setdefault(column, other)
                    below[column] = min(nearest, other, key=lambda pair: pair[0].row)
        for neighbors, direction in ((right, "right"), (below, "below")):
            # A cell beside two rows of another is its neighbor once.
            found.update((content, text, direction) for _, text in set(neighbors.values()))
    return found


def triples(cells: list[Cell]) -> list[Triple]:
    """The values of a table below its header."""
    rows = max(cell.last_row for cell in cells) + 1
    header_rows = next((row for row in range(rows) if _has_numbers(cells, row)), 1)
    if not 0 < header_rows <= _MOST_HEADER_ROWS:
        return []
    body = [cell for cell in cells if cell.row >= header_rows and cell.text]
    found = []
    for cell in body:
        label = min((other for other in body if other.row <= cell.row <= other.last_row), key=_column)
        above = [
            other
            for other in cells
            if other.row < header_rows and other.text and other.column <= cell.column <= other.last_column
        ]
        if label is not cell and above:
            header = max(above, key=lambda other: (other.last_row, -(other.last_column - other.column)))
            found.append(Triple(label.text, header.text, cell.text))
    return found


def _column(cell: Cell) -> int:
    return cell.column


def _has_numbers(cells: list[Cell], row: int) -> bool:
    return any(
        cell.row == row and cell.column > 0 and any(map(str.isdigit, cell.text)) and not _is_name(cell.text)
        for cell in cells
    )


def _is_name(text: str) -> bool:
    """Whether a text with digits names a column: a year, or mostly letters."""
    return bool(re.fullmatch(r"(19|20)\d\d\D*|\d{2}-\d{2}", text)) or sum(map(str.isalpha, text)) > 3


def _content(text: str) -> str:
    """`text` for comparisons: letters and digits, or symbols if there are no others."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(_WORD.findall(text)) or ("-" if text.strip() else "")
