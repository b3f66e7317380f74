"""A table of a web page: values, or the layout of text."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ingest.parsers.blocks import Block
from ingest.parsers.tables import Cell, Row, table_of

# Pages can claim any number.
_MOST_COLUMNS = 500
_LONGEST_VALUE = 1000
_MOST_BLOCKS = 4


class _Span(NamedTuple):
    """A cell that goes on for more `rows`."""

    width: int
    rows: int


class TableReader:
    """Receives the parts of one table and the blocks in its cells."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._is_layout = attributes.get("role", "").lower() in ("presentation", "none")
        self._before: list[Block] = []
        self._rows: list[Row] = []
        self._cells: list[Cell] = []
        self._cell: list[Block] | None = None
        self._at = 0
        self._spans: dict[int, _Span] = {}
        self._is_in_head = False
        self._has_values = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A part of the table begins."""
        if tag == "thead":
            self._is_in_head = True
        elif tag == "tr":
            self._end_row()
        elif tag in ("td", "th"):
            self._skip_spans()
            width = _number(attributes.get("colspan"))
            rows = _number(attributes.get("rowspan"))
            self._cell = []
            self._has_values = self._has_values or tag == "td"
            if self._at < _MOST_COLUMNS:
                self._cells.append(Cell(self._at, width, self._cell, continued=False))
                if rows > 1:
                    self._spans[self._at] = _Span(width, rows)
            self._at += width

    def end(self, tag: str) -> None:
        """A part of the table ends."""
        if tag in ("td", "th"):
            self._cell = None
        elif tag == "tr":
            self._end_row()
        elif tag == "thead":
            self._end_row()
            self._is_in_head = False

    def add(self, block: Block) -> None:
        """A block in a cell, or the caption."""
        if self._cell is None:
            self._before.append(block._replace(level=None))
            return
        self._cell.append(block)
        if block.level is not None or block.is_table or len(block.text) > _LONGEST_VALUE:
            self._is_layout = True

    def blocks(self) -> Iterator[Block]:
        """The caption and the table, or all blocks in order if it only lays out the page."""
        self._end_row()
        yield from self._before
        cells = [cell for row in self._rows for cell in row.cells if not cell.continued]
        if self._is_layout or any(len(cell.blocks) > _MOST_BLOCKS for cell in cells):
            for cell in cells:
                yield from cell.blocks
            return
        block = table_of(self._rows)
        if block is not None:
            yield block

    def _skip_spans(self) -> None:
        while self._at in self._spans:
            span = self._spans[self._at]
            self._cells.append(Cell(self._at, span.width, [], continued=True))
            self._spans[self._at] = span._replace(rows=span.rows - 1)
            self._at += span.width

    def _end_row(self) -> None:
        if self._cells:
            self._skip_spans()
            is_header = self._is_in_head or not self._has_values
            self._rows.append(Row(self._cells, is_header))
            self._spans = {at: span for at, span in self._spans.items() if span.rows > 1}
        self._cells, self._cell, self._at, self._has_values = [], None, 0, False


def _number(value: str | None) -> int:
    value = (value or "").strip()
    return min(max(int(value), 1), _MOST_COLUMNS) if value.isdecimal() and len(value) < 9 else 1
