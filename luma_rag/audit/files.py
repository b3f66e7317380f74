"""The audit trail as lines of a file."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator

import msgspec

from luma_rag.audit.trail import Event

Lines = Callable[[Iterable[Event]], Iterator[str]]
# A spreadsheet evaluates a cell that begins like this as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

CSV_HEADER = ",".join(Event.__struct_fields__) + "\r\n"
"""The first line of a CSV file."""


def json_lines(events: Iterable[Event]) -> Iterator[str]:
    """One JSON object per line."""
    for event in events:
        yield msgspec.json.encode(event).decode() + "\n"


def csv_lines(events: Iterable[Event]) -> Iterator[str]:
    """The rows of a CSV file, with `about` as JSON."""
    for event in events:
        values = msgspec.structs.asdict(event) | {"about": msgspec.json.encode(event.about).decode()}
        row = io.StringIO()
        csv.writer(row).writerow([_cell(value) for value in values.values()])
        yield row.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
