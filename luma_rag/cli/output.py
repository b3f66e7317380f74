"""What commands print: tables and bars for people, JSON for programs."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from luma_rag.pagination import Pagination

# All but tabs and line feeds. Rich leaves most of them in the text, and counts them as no column.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class PlainConsole(Console):
    """Prints control characters of names and texts as nothing: no user of Luma commands a terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of anything that is printed."""
        for segment in super().render(renderable, options):
            if segment.control is None:
                yield segment._replace(text=_CONTROL.sub("", segment.text))
            else:
                yield segment


console = PlainConsole()
errors = PlainConsole(stderr=True)
EVERYTHING = Pagination(limit=2**31 - 1)
"""Lists at the command line are whole."""


def print_json(value: Any) -> None:
    """Print a value as indented JSON on standard output, and nothing else."""
    encoded = msgspec.json.format(msgspec.json.encode(value), indent=2)
    # Not through the console: it would wrap long strings.
    print(encoded.decode())


def print_properties(properties: Mapping[str, object]) -> None:
    """Print the properties of one thing, one per line. Booleans become words; long values wrap."""
    words: dict[object, str] = {True: "yes", False: "no", None: "none"}
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in properties.items():
        is_word = value is None or isinstance(value, bool)
        table.add_row(name, Text(words[value] if is_word else str(value)))
    console.print(table)


def say(text: str, *, err: bool = False) -> None:
    """Print a sentence, on standard error if wanted. Names in it are data, never markup."""
    (errors if err else console).print(text, markup=False, highlight=False, soft_wrap=True)


def write(text: str) -> None:
    """Print a piece of text at once: without a line end, and without what commands a terminal."""
    console.file.write(_CONTROL.sub("", text))
    console.file.flush()


def place(page: int | None, heading: str | None) -> str:
    """Where in a document something stands, in words; empty where that is not known."""
    parts = [f"page {page}" if page is not None else None, heading]
    return ", ".join(part for part in parts if part)
