"""What openpyxl doesn't tell of a sheet while it streams it: merged and hidden cells."""

import io
import re
from typing import NamedTuple

from lxml import etree
from openpyxl.utils.cell import range_boundaries

from ingest.parsers.package import raise_if_memory

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ROW, _COLUMN, _MERGE = f"{_MAIN}row", f"{_MAIN}col", f"{_MAIN}mergeCell"
_ON = frozenset({"1", "true"})
_LAST_COLUMN, _LAST_ROW = 16_384, 1_048_576
_MOST_MERGED = 100_000
# A formula whose value the program that wrote it did not compute.
_UNCOMPUTED = re.compile(rb"</f>\s*(?:<v\s*/>|<v></v>)?\s*</c>")


class Merged(NamedTuple):
    """A range of merged cells; rows and columns count from 1."""

    left: int
    top: int
    right: int
    bottom: int


class Layout(NamedTuple):
    """The numbers of hidden rows and columns, and the merged ranges."""

    hidden_rows: set[int]
    hidden_columns: set[int]
    merged: list[Merged]
    uncomputed: int
    """The number of formulas without a value."""


def layout_of(data: bytes) -> Layout:
    """The layout of the XML of a sheet.

    Raises:
        etree.XMLSyntaxError: it is damaged.
    """
    layout = Layout(set(), set(), [], len(_UNCOMPUTED.findall(data)))
    row = 0
    try:
        for _, element in etree.iterparse(
            io.BytesIO(data), tag=(_ROW, _COLUMN, _MERGE), resolve_entities=False, no_network=True
        ):
            if element.tag == _ROW:
                row = _number(element.get("r"), row + 1)
                if element.get("hidden") in _ON:
                    layout.hidden_rows.add(row)
                parent = element.getparent()
                element.clear()
                # Rows that are read need no memory.
                while parent is not None and element.getprevious() is not None:
                    del parent[0]
            elif element.tag == _COLUMN and element.get("hidden") in _ON:
                first, last = _number(element.get("min"), 1), _number(element.get("max"), 1)
                layout.hidden_columns.update(range(first, min(last, _LAST_COLUMN) + 1))
            elif element.tag == _MERGE and len(layout.merged) < _MOST_MERGED:
                layout.merged.extend(_merged(element.get("ref", "")))
    except etree.XMLSyntaxError as error:
        raise_if_memory(error)
        raise
    return layout


def _merged(reference: str) -> list[Merged]:
    try:
        merged = Merged(*range_boundaries(reference))
    except (ValueError, TypeError):
        return []
    is_whole = all(merged) and merged.bottom <= _LAST_ROW and merged.right <= _LAST_COLUMN
    return [merged] if is_whole else []


def _number(value: str | None, default: int) -> int:
    return int(value) if value is not None and value.isdecimal() and len(value) < 9 else default
