"""The audit trail in a file."""

import csv
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TextIO

import msgspec

from luma_rag.audit.trail import Event

Writer = Callable[[AsyncIterator[Event], TextIO], Awaitable[int]]
# Spreadsheets take a cell that begins so for a formula, and run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


async def json_lines(events: AsyncIterator[Event], file: TextIO) -> int:
    """Write an object a line; returns how many."""
    count = 0
    async for event in events:
        file.write(msgspec.json.encode(event).decode() + "\n")
        count += 1
    return count


async def csv_lines(events: AsyncIterator[Event], file: TextIO) -> int:
    """Write a table with a line of names above, `about` as JSON; returns how many events it holds."""
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
