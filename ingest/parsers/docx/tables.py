"""The rows and cells of a table of a DOCX."""

from collections.abc import Callable, Iterable, Iterator

from lxml import etree

from ingest.parsers.blocks import Block
from ingest.parsers.docx.names import VAL, w
from ingest.parsers.docx.styles import switched_on
from ingest.parsers.tables import Cell, Row, table_of

# Word has no more columns. Files can claim any number.
_MOST_COLUMNS = 63


def table_block(table: etree._Element, read: Callable[[etree._Element], Iterable[Block]]) -> Block | None:
    """A table as one block, None if it is empty. `read` reads the blocks of a cell."""
    return table_of([_row(row, read) for row in _descend(table, w("tr"))])


def _row(row: etree._Element, read: Callable[[etree._Element], Iterable[Block]]) -> Row:
    properties = row.find(w("trPr"))
    at = _number(properties, "gridBefore", 0)
    cells: list[Cell] = []
    for element in _descend(row, w("tc")):
        own = element.find(w("tcPr"))
        if cells and _continues(own, "hMerge"):
            cells[-1] = cells[-1]._replace(width=min(cells[-1].width + 1, _MOST_COLUMNS))
            at += 1
            continue
        width = _number(own, "gridSpan", 1)
        continued = _continues(own, "vMerge")
        cells.append(Cell(at, width, list(read(element)), continued))
        at = min(at + width, _MOST_COLUMNS)
    header = None if properties is None else properties.find(w("tblHeader"))
    return Row(cells, switched_on(header))


def _descend(element: etree._Element, wanted: str) -> Iterator[etree._Element]:
    """Rows of a table or cells of a row, also in content controls, without deleted and hidden rows."""
    for child in element:
        if child.tag == wanted:
            properties = child.find(w("trPr"))
            if properties is None or not _is_gone(properties):
                yield child
        elif isinstance(child.tag, str) and not child.tag.endswith(("Pr", "PrEx", "tblGrid")):
            yield from _descend(child, wanted)


def _is_gone(row_properties: etree._Element) -> bool:
    return row_properties.find(w("del")) is not None or switched_on(row_properties.find(w("hidden")))


def _continues(properties: etree._Element | None, name: str) -> bool:
    merge = None if properties is None else properties.find(w(name))
    return merge is not None and merge.get(VAL, "continue") == "continue"


def _number(properties: etree._Element | None, name: str, default: int) -> int:
    element = None if properties is None else properties.find(w(name))
    value = "" if element is None else element.get(VAL, "")
    return min(int(value), _MOST_COLUMNS) if value.isdecimal() and len(value) < 9 else default
