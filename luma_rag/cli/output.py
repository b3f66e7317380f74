"""What commands print: tables and bars for people, JSON for programs."""

from typing import Any

import msgspec
from rich.console import Console

console = Console()
errors = Console(stderr=True)


def print_json(value: Any) -> None:
    """Print a value as indented JSON on standard output, and nothing else."""
    encoded = msgspec.json.format(msgspec.json.encode(value), indent=2)
    # Not through the console: it would wrap long strings.
    print(encoded.decode())


def place(page: int | None, heading: str | None) -> str:
    """Where in a document something stands, in words; empty where that is not known."""
    parts = [f"page {page}" if page is not None else None, heading]
    return ", ".join(part for part in parts if part)
