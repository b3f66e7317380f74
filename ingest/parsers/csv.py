"""CSV: rows of values under the names of their columns."""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Literal

from ingest.parsers.decoding import read_text
from ingest.parsers.reading import Reading
from ingest.parsers.rows import blocks_of_rows
from ingest.parsers.sections import Sections
from ingest.types import ParsedDocument

_DELIMITERS = (",", ";", "\t", "|")
_ROWS_TO_COMPARE = 200
_LONGEST_SAMPLE = 2**18


def read(file: BinaryIO, how: Reading) -> ParsedDocument:
    """Read a table in whatever encoding and with whatever delimiter it is; the first row names the columns.

    Raises:
        NoTextError: it has no text.
        LimitError: it is longer than allowed.
        PermanentError: it is no text.
    """
    decoded = read_text(file, how.limits)
    text = decoded.text.replace("\0", "")
    # What Excel writes to tell the delimiter.
    first, _, rest = text.partition("\n")
    first = first.strip().strip('"')
    if first.lower().startswith("sep=") and len(first) == len("sep=;"):
        text, delimiter = rest, first[-1]
    else:
        delimiter = _delimiter(text[:_LONGEST_SAMPLE])
    sections = Sections(split=True)
    for block in blocks_of_rows(_rows(text, delimiter)):
        sections.add(block)
    return sections.document("csv", warnings=decoded.warnings())


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(len(text) + 1)
    try:
        for _ in _parsed(text, delimiter, strict=True):
            pass
    except csv.Error:
        # Some quotation marks are inches, or part of the text.
        return _parsed(text, delimiter, quoting=csv.QUOTE_NONE)
    return _parsed(text, delimiter)


def _parsed(
    text: str, delimiter: str, *, quoting: Literal[0, 3] = csv.QUOTE_MINIMAL, strict: bool = False
) -> Iterator[list[str]]:
    lines = io.StringIO(text, newline="")
    return csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=strict)


def _delimiter(text: str) -> str:
    """The character that divides most rows into the same number of values."""

    def score(delimiter: str) -> tuple[float, int]:
        csv.field_size_limit(len(text) + 1)
        rows = itertools.islice(_parsed(text, delimiter), _ROWS_TO_COMPARE)
        widths = Counter(len(row) for row in rows if row)
        if not widths:
            return 0, 0
        # `most_common` would import a module, which the sandbox refuses.
        width, number = max(widths.items(), key=lambda item: item[1])
        return (number / widths.total(), width) if width > 1 else (0, 0)

    return max(_DELIMITERS, key=score)
