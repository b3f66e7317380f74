"""Text and tables of PDF files by pdfplumber, as JSON, for comparison.

    PYTHON peer_tables.py FILE…

It runs in a separate environment with pdfplumber, without this project. Prints a list of pages for each file.
"""

import importlib
import json
import sys
from typing import NamedTuple


class PeerPage(NamedTuple):
    """The text of a page, and its tables as rows of cells."""

    text: str
    tables: list[list[list[str | None]]]


def main() -> None:
    """Read the files and print."""
    pdfplumber = importlib.import_module("pdfplumber")

    read = []
    for path in sys.argv[1:]:
        with pdfplumber.open(path) as document:
            read.append(
                [PeerPage(page.extract_text() or "", page.extract_tables()) for page in document.pages]
            )
    print(json.dumps(read))


if __name__ == "__main__":
    main()
