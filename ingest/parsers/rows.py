"""Rows of plain values, as in a CSV or a sheet, as blocks of text."""

import re
from collections.abc import Iterable, Iterator, Sequence

from ingest.parsers.blocks import Block, one_line
from ingest.parsers.tables import is_number, joined

_LONGEST_TABLE = 8000
"""In characters. Longer tables become several, each with the header."""
_LONGEST_NAME = 100
_ROWS_TO_KNOW = 3
_DATE = re.compile(r"\d{4}-\d\d(-\d\d)?")


def blocks_of_rows(rows: Iterable[Sequence[str]]) -> Iterator[Block]:
    """The blocks of a table. Blank rows end it; another may follow. Rows over it with one value are text."""
    table = _Table()
    for row in rows:
        values = [one_line(value) for value in row]
        if not any(values):
            yield from table.end()
        else:
            yield from table.add(values)
    yield from table.end()


class _Table:
    def __init__(self) -> None:
        self._header: list[str] = []
        self._first: list[list[str]] = []
        self._lines: list[str] = []
        self._size = 0
        self._is_open = False

    def add(self, values: list[str]) -> Iterator[Block]:
        if self._is_open:
            yield from self._add_line(joined(values))
        elif not self._first and _is_title(values):
            yield Block(next(filter(None, values)))
        else:
            self._first.append(values)
            if len(self._first) == _ROWS_TO_KNOW:
                yield from self._open()

    def end(self) -> Iterator[Block]:
        yield from self._open()
        yield from self._cut()
        self._is_open = False

    def _open(self) -> Iterator[Block]:
        rows, self._first = self._first, []
        heads = _header_rows(rows, is_first=not self._header)
        if heads:
            self._header = [joined(row) for row in rows[:heads]]
        self._is_open = True
        for row in rows[heads:]:
            yield from self._add_line(joined(row))

    def _add_line(self, line: str) -> Iterator[Block]:
        self._lines.append(line)
        self._size += len(line)
        if self._size > _LONGEST_TABLE:
            yield from self._cut()

    def _cut(self) -> Iterator[Block]:
        if self._lines:
            text = "\n".join(self._header + self._lines)
            yield Block(text, header_lines=len(self._header), is_table=True)
        self._lines, self._size = [], 0


def _header_rows(rows: Sequence[Sequence[str]], *, is_first: bool) -> int:
    """How many of the rows name the columns.

    After a blank row the same table may go on, so that a header must differ from what is below it.
    """
    if len(rows) < 2 or not _names_columns(rows[0]):
        return 0
    if not is_first and not any(map(is_number, rows[1])):
        return 0
    has_spans = any(one and one == other for one, other in zip(rows[0], rows[0][1:], strict=False))
    return 2 if has_spans and len(rows) > 2 and _names_columns(rows[1]) else 1


def _is_title(values: Sequence[str]) -> bool:
    """Whether a row has one value, which may stand in merged cells."""
    return len(set(filter(None, values))) == 1 and (len(values) > 1 or len(values[0]) > _LONGEST_NAME)


def _names_columns(values: Sequence[str]) -> bool:
    filled = list(filter(None, values))
    return len(filled) > 1 and all(
        len(value) <= _LONGEST_NAME and (not is_number(value) or _DATE.fullmatch(value) is not None)
        for value in filled
    )
