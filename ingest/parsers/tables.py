"""Tables as lines of cells, each value in every cell of the grid that it stands over or beside."""

from collections.abc import Sequence
from typing import NamedTuple

from ingest.parsers.blocks import Block, one_line
from ingest.parsers.text import clean
from ingest.types import TableCell

# Longer text in merged cells isn't a label of the rows beside it.
_LONGEST_REPEATED = 100
_MOST_HEADER_LINES = 4
BETWEEN = " | "


class Cell(NamedTuple):
    """A cell as it stands: `at` is its first column, `width` the number of columns."""

    at: int
    width: int
    blocks: list[Block]
    continued: bool
    """Whether it goes on from the cell above."""


class Row(NamedTuple):
    """A row of a table, which is header if it is to be repeated on each page."""

    cells: list[Cell]
    is_header: bool


def table_of(rows: list[Row]) -> Block | None:
    """A table as one block, None if it is empty."""
    values = _values(rows)
    lines: list[str] = []
    header_lines = 0
    heads = _header_rows(rows, values)
    for number, (row, line) in enumerate(zip(rows, values, strict=True)):
        lines += _lines(row, line)
        if number < heads:
            header_lines = len(lines)
    text = "\n".join(lines)
    if not text.strip(" |\n"):
        return None
    return Block(
        text,
        header_lines=min(header_lines, _MOST_HEADER_LINES),
        is_table=True,
        rows=_cells(rows),
        header_rows=heads,
    )


def as_lines(rows: list[list[str]], header_lines: int = 1) -> Block:
    """A table from plain values."""
    cells = [[TableCell(value) for value in row] for row in rows]
    text = "\n".join(map(joined, rows))
    return Block(text, header_lines=header_lines, is_table=True, rows=cells, header_rows=header_lines)


def _cells(rows: list[Row]) -> list[list[TableCell]]:
    """The cells that begin in each row, blank ones as well, with the rows and columns they stand over."""
    found: list[list[TableCell]] = []
    begun: dict[int, tuple[int, int]] = {}
    for row in rows:
        line: list[TableCell] = []
        at = 0
        for cell in row.cells:
            line += [TableCell("")] * (cell.at - at)
            at = cell.at + cell.width
            if cell.continued and cell.at in begun:
                number, place = begun[cell.at]
                above = found[number][place]
                found[number][place] = TableCell(above.text, above.columns, above.rows + 1)
                continue
            begun[cell.at] = len(found), len(line)
            line.append(TableCell(clean(_text(cell.blocks)), max(1, cell.width)))
        found.append(line)
    return found


def _values(rows: list[Row]) -> list[list[str]]:
    """The value of each place of the grid. Merged cells have theirs in each place."""
    above: dict[int, str] = {}
    lines = []
    for row in rows:
        line = [""] * max((cell.at + cell.width for cell in row.cells), default=0)
        kept = {}
        for cell in row.cells:
            text = above.get(cell.at, "") if cell.continued else ""
            text = text or _text(cell.blocks)
            is_label = len(text) <= _LONGEST_REPEATED
            line[cell.at] = text
            for place in range(cell.at + 1, cell.at + cell.width):
                line[place] = text if is_label else ""
            kept[cell.at] = text if is_label else ""
        above = kept
        lines.append(line)
    return lines


def _lines(row: Row, values: list[str]) -> list[str]:
    filled = [cell for cell in row.cells if cell.blocks]
    if len(filled) == 1 and (len(row.cells) == 1 or filled[0].at == 0 or len(filled[0].blocks) > 1):
        others = [value for at, value in enumerate(values) if value and not _covers(filled[0], at)]
        if not others:
            # A title over the table, or a page laid out with a table.
            return [block.text for block in filled[0].blocks]
    line = joined(values)
    return [line] if line else []


def _covers(cell: Cell, place: int) -> bool:
    return cell.at <= place < cell.at + cell.width


def joined(values: Sequence[str]) -> str:
    """The line of a row."""
    return BETWEEN.join(values).rstrip(" |")


def _header_rows(rows: list[Row], values: list[list[str]]) -> int:
    """The number of rows that name the columns: those that Word repeats, or the first if it looks so."""
    marked = 0
    while marked < len(rows) and rows[marked].is_header:
        marked += 1
    if marked:
        return marked
    for number, row in enumerate(rows[:3]):
        if len(row.cells) == 1 and len(rows) > number + 1:
            continue  # a title over the table
        if len(rows) - number < 3 or not _names_columns(row, values[number]):
            return 0
        has_spans = any(cell.width > 1 for cell in row.cells)
        return number + (2 if has_spans else 1)
    return 0


def _names_columns(row: Row, values: list[str]) -> bool:
    """Whether a row looks like names of columns: short, and no numbers. The first may be missing."""
    if len(row.cells) < 2 or not all(values[1:]):
        return False
    return all(len(value) <= _LONGEST_REPEATED and not is_number(value) for value in values)


def is_number(text: str) -> bool:
    """Whether a value is a number rather than the name of a column."""
    digits = sum(map(str.isdecimal, text))
    # Years stand over columns.
    return digits > 0 and not any(map(str.isalpha, text)) and not (digits == 4 and text.isdecimal())


def _text(blocks: list[Block]) -> str:
    # Rows of a nested table stay separate.
    return " ".join("; ".join(map(one_line, block.text.split("\n"))) for block in blocks)
