"""The audit trail in a file."""

import csv
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TextIO

import msgspec

from luma_rag.audit.trail import Event

Writer = Callable[[AsyncIterator[Event], TextIO], Awaitable[int]]
# A spreadsheet evaluates a cell that begins like this as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


async def json_lines(events: AsyncIterator[Event], file: TextIO) -> int:
    """Write one JSON object per line; returns the number of events."""
    count = 0
    async for event in events:
        file.write(msgspec.json.encode(event).decode() + "\n")
        count += 1
    return count


async def csv_lines(events: AsyncIterator[Event], file: TextIO) -> int:
    """Write CSV with a header row and `about` as JSON; returns the number of events."""
    rows = csv.writer(file)
    rows.writerow(Event.__struct_fields__)
    count = 0
    async for event in events:
        values = msgspec.structs.asdict(event) | {"about": msgspec.json.encode(event.about).decode()}
        rows.writerow([_cell(value) for value in values.values()])
        count += 1
    return count


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
