"""The rows and cells of a table of an OpenDocument text."""

from collections.abc import Callable, Iterator

from lxml import etree

from ingest.parsers.blocks import Block
from ingest.parsers.odt.names import qualified
from ingest.parsers.tables import Cell, Row, table_of

_ROW, _CELL, _COVERED = (
    qualified("table:table-row"),
    qualified("table:table-cell"),
    qualified("table:covered-table-cell"),
)
_HEADER = qualified("table:table-header-rows")
_GROUPS = (qualified("table:table-rows"), qualified("table:table-row-group"))
_COLUMNS_SPANNED = qualified("table:number-columns-spanned")
_ROWS_SPANNED = qualified("table:number-rows-spanned")
_REPEATED = qualified("table:number-columns-repeated")
# Files can claim any number.
_MOST_COLUMNS = 200


def table_block(table: etree._Element, read: Callable[[etree._Element], list[Block]]) -> Block | None:
    """A table as one block, None if it is empty. `read` reads the blocks of a cell."""
    # Cells that go on in further rows: their width and the number of rows, by column.
    spans: dict[int, tuple[int, int]] = {}
    rows = []
    for element, is_header in _rows(table, is_header=False):
        rows.append(Row(_cells(element, spans, read), is_header))
    return table_of(rows)


def _rows(element: etree._Element, *, is_header: bool) -> Iterator[tuple[etree._Element, bool]]:
    for child in element:
        if child.tag == _ROW:
            yield child, is_header
        elif child.tag == _HEADER or child.tag in _GROUPS:
            yield from _rows(child, is_header=is_header or child.tag == _HEADER)


def _cells(
    row: etree._Element, spans: dict[int, tuple[int, int]], read: Callable[[etree._Element], list[Block]]
) -> list[Cell]:
    cells: list[Cell] = []
    at = 0
    for element in row.iterchildren(_CELL, _COVERED):
        for _ in range(_number(element, _REPEATED)):
            if at >= _MOST_COLUMNS:
                return cells
            if element.tag == _CELL:
                width, height = _number(element, _COLUMNS_SPANNED), _number(element, _ROWS_SPANNED)
                cells.append(Cell(at, width, read(element), continued=False))
                if height > 1:
                    spans[at] = width, height - 1
            elif at in spans:
                width, left = spans.pop(at)
                cells.append(Cell(at, width, [], continued=True))
                if left > 1:
                    spans[at] = width, left - 1
            at += 1
    return cells


def _number(element: etree._Element, name: str) -> int:
    value = element.get(name, "1")
    return min(max(int(value), 1), _MOST_COLUMNS) if value.isdecimal() and len(value) < 9 else 1
