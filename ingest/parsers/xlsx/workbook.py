"""Reads the sheets of a workbook."""

import warnings as python_warnings
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from lxml import etree

from ingest.errors import LimitError, PermanentError
from ingest.parsers.blocks import Block, one_line
from ingest.parsers.decoding import too_much_text
from ingest.parsers.package import DAMAGED, Package
from ingest.parsers.reading import Reading
from ingest.parsers.rows import blocks_of_rows
from ingest.parsers.sections import Sections
from ingest.parsers.xlsx.opening import open_workbook
from ingest.parsers.xlsx.sheet import Layout, layout_of
from ingest.parsers.xlsx.values import shown
from ingest.types import ParsedDocument, ReadingWarning

# Excel has up to 16,384, in which files can claim a value anywhere.
_MOST_COLUMNS = 1000
# Longer text in merged cells isn't a label of the rows beside it.
_LONGEST_REPEATED = 100
# What openpyxl raises on XML that is well-formed but not as it should be.
_MISTAKES = (KeyError, ValueError, TypeError, AttributeError, IndexError, zipfile.BadZipFile, SyntaxError)


def read(file: BinaryIO, how: Reading) -> ParsedDocument:
    """Read a workbook: each sheet under its name as heading, values as their formats show them.

    Formulas have the values that were computed last, merged cells theirs in each place. Hidden sheets, rows
    and columns are left out.

    Raises:
        EncryptedError: it needs a password.
        NoTextError: it has no text.
        LimitError: it unpacks to more data, or has more text, than `how.limits` allow.
        PermanentError: it is damaged.
    """
    with Package(file, how.limits) as package:
        workbook = _Workbook(package)
        sections = Sections(split=True)
        size = 0
        for block in workbook.blocks():
            size += len(block.text)
            if size > how.limits.output_mb * 2**20:
                raise LimitError(too_much_text(how.limits))
            sections.add(block)
        return sections.document("xlsx", title=package.title(), warnings=workbook.warnings)


class _Workbook:
    def __init__(self, package: Package) -> None:
        self.warnings: list[ReadingWarning] = []
        self._package = package

    def blocks(self) -> Iterator[Block]:
        """The blocks of all sheets that are shown."""
        hidden = []
        with python_warnings.catch_warnings():
            # About extensions that it drops.
            python_warnings.simplefilter("ignore")
            try:
                for sheet in open_workbook(self._package).worksheets:
                    if sheet.sheet_state != "visible":
                        hidden.append(sheet.title)
                        continue
                    blocks = list(blocks_of_rows(self._rows(sheet)))
                    if blocks:
                        yield Block(one_line(sheet.title), level=1)
                    yield from blocks
            except etree.XMLSyntaxError as error:
                raise PermanentError(DAMAGED) from error
            except _MISTAKES as error:
                raise PermanentError(DAMAGED) from error
        if hidden:
            names = ", ".join(hidden)
            sheets = "1 hidden sheet was" if len(hidden) == 1 else f"{len(hidden)} hidden sheets were"
            self._warn("hidden_sheets", f"{sheets} left out: {names}.")

    def _rows(self, sheet: Any) -> list[list[str]]:
        layout = layout_of(self._package.part(sheet._worksheet_path) or b"")
        # Some programs write a wrong one.
        sheet.reset_dimensions()
        rows = []
        cut = False
        merged = _MergedValues(layout)
        for number, cells in enumerate(sheet.iter_rows(), 1):
            cut = cut or len(cells) > _MOST_COLUMNS
            values = [_text(cell) for cell in cells[:_MOST_COLUMNS]]
            values = merged.filled(number, values)
            if number not in layout.hidden_rows:
                rows.append(
                    [value for at, value in enumerate(values, 1) if at not in layout.hidden_columns]
                    if layout.hidden_columns
                    else values
                )
        self._report(sheet.title, layout, is_cut=cut)
        return _without_margin(rows)

    def _report(self, sheet: str, layout: Layout, *, is_cut: bool) -> None:
        hidden = [
            f"{len(numbers)} {one if len(numbers) == 1 else f'{one}s'}"
            for numbers, one in ((layout.hidden_rows, "row"), (layout.hidden_columns, "column"))
            if numbers
        ]
        if hidden:
            self._warn(
                "hidden_cells", f"Left out of the sheet {sheet}, since hidden: {' and '.join(hidden)}."
            )
        if layout.uncomputed:
            self._warn(
                "formulas_without_values",
                f"Formulas without a value in the sheet {sheet}: {layout.uncomputed}. Open the file in Excel "
                "or LibreOffice, save it there, and use that.",
            )
        if is_cut:
            self._warn("columns_left_out", f"Only the first {_MOST_COLUMNS} columns of {sheet} were read.")

    def _warn(self, code: str, text: str) -> None:
        self.warnings.append(ReadingWarning(code, text))


def _text(cell: Any) -> str:
    value = cell.value
    if value is None or isinstance(value, str):
        return value or ""
    return shown(value, cell.number_format)


class _MergedValues:
    """Repeats the value of merged cells in each of their places."""

    def __init__(self, layout: Layout) -> None:
        self._starting: dict[int, list[tuple[int, int, int]]] = {}
        for left, top, right, bottom in layout.merged:
            self._starting.setdefault(top, []).append((left, min(right, _MOST_COLUMNS), bottom))
        self._going_on: list[tuple[int, int, int, str]] = []

    def filled(self, row: int, values: list[str]) -> list[str]:
        """A row with the values of its merged cells."""
        for left, right, bottom in self._starting.get(row, ()):
            value = values[left - 1] if left <= len(values) else ""
            if value and len(value) <= _LONGEST_REPEATED:
                self._going_on.append((left, right, bottom, value))
        if not self._going_on:
            return values
        values = values + [""] * (max(right for _, right, _, _ in self._going_on) - len(values))
        for left, right, _, value in self._going_on:
            values[left - 1 : right] = [value] * (right - left + 1)
        self._going_on = [merged for merged in self._going_on if merged[2] > row]
        return values


def _without_margin(rows: list[list[str]]) -> list[list[str]]:
    """`rows` without the blank columns before the first value of any."""
    firsts = (next((at for at, value in enumerate(row) if value), None) for row in rows)
    margin = min((first for first in firsts if first is not None), default=0)
    is_wide = max(map(len, rows), default=0) > margin + 1
    # A lone value of a wide sheet is over its other columns, or beside them.
    return [[*row[margin:], ""] if is_wide and len(row) == margin + 1 else row[margin:] for row in rows]
