"""The text of tables within a page, and what it says about them."""

from collections.abc import Sequence

import msgspec

from ingest.parsers.pdf.hyphens import Joiner
from ingest.parsers.pdf.rows import Cell, Row
from ingest.parsers.pdf.tables import Grid
from ingest.parsers.text import clean
from ingest.types import Table, TableCell

_MOST_CELLS = 1000
_MOST_ROWS = 100_000


def cleaned(row: Row, words: Joiner) -> Row:
    """`row` as it is stored: its cells on one line each, with broken words whole."""
    cells = [Cell(_on_one_line(cell.text, words), cell.first, cell.last) for cell in row.cells]
    return Row([cell for cell in cells if cell.text], row.x0, row.y0, row.x1, row.y1)


def table_of(grid: Grid, rows: Sequence[Row], words: Joiner, start: int, end: int) -> Table:
    """The table with these rows, which are lines of the text from `start` to `end`."""
    header = rows[: len(grid.header)]
    length = sum(len(row.text()) + 1 for row in header)
    above = [cleaned(row, words) for row in grid.above]
    return Table(
        start,
        min(start + length, end),
        end,
        [_cells(row, len(grid.columns)) for row in [*above, *rows][:_MOST_ROWS]],
        len(above) + len(header),
        clean(words.text(grid.caption)) or None,
    )


def only_header(table: Table) -> Table:
    """`table` without the cells of its other rows."""
    return msgspec.structs.replace(table, rows=table.rows[: table.header_rows])


def _on_one_line(text: str, words: Joiner) -> str:
    text = words.text(text)
    if text.isascii() and text.isprintable():
        return text.strip()
    return " ".join(clean(text).split())


def _cells(row: Row, columns: int) -> list[TableCell]:
    """All cells of a row, blank ones as well."""
    cells: list[TableCell] = []
    at = 0
    for cell in row.cells:
        cells += [TableCell("")] * (cell.first - at)
        cells.append(TableCell(cell.text, cell.last - cell.first + 1))
        at = cell.last + 1
    cells += [TableCell("")] * (columns - at)
    return cells[:_MOST_CELLS]
