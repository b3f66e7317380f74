"""The pipeline's data types: a source becomes passages, then chunks, then embedded chunks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

# Checked when the answer of a parser is decoded: code in a compromised one can answer anything.
# No parser comes near those of lengths, and pages are stored as 32-bit integers.
_PageNumber = Annotated[int, Meta(ge=1, le=2**31 - 1)]
_PageCount = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_Offset = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_Title = Annotated[str, Meta(max_length=10_000)]

DocumentType = Literal["pdf", "docx", "pptx", "xlsx", "odt", "rtf", "html", "eml", "md", "csv", "txt"]
"""What a file is by its content. `ingest.parsers.formats` has more about each."""
EmbeddingProfile = Literal["float32", "int8-v1"]
"""How a model computes: `float32` as published, or `int8-v1` with matrices quantized to int8."""
Vector = NDArray[np.float32]
"""Shape (dimensions,), or (n, dimensions) for several; every row has Euclidean length 1."""


class Source(msgspec.Struct, frozen=True):
    """A file to read. `name` is its title or file name for users; it is never used as a path.

    `type` was detected when its file name was known; None if it is to be detected.
    """

    path: Path
    name: str
    type: DocumentType | None = None


class TableCell(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A cell, over `columns` columns and `rows` rows. `text` is "" in a blank one."""

    text: Annotated[str, Meta(max_length=1_000_000)]
    columns: Annotated[int, Meta(ge=1, le=1000)] = 1
    rows: Annotated[int, Meta(ge=1, le=100_000)] = 1


MOST_CELLS = 500_000
"""A document has about that many at most, so that its tables don't take much more room than its text."""
TableRow = Annotated[list[TableCell], Meta(max_length=1000)]


class Table(msgspec.Struct, frozen=True):
    """A table: `text[start:end]` of a passage, where each of its rows is a line.

    As in HTML, `rows` hold the cells that begin in each row, from left to right. The first `header_rows` name
    the columns. In the text, the rows below them begin at `body`. If that is `start`, the text has no header:
    the table goes on from an earlier page, but `rows` have the header from there. `caption` is the line above
    the table, or the short lines there; it is not part of `text[start:end]`. Of a document with more than
    `MOST_CELLS`, later tables have their header rows only.
    """

    start: _Offset
    body: _Offset
    end: _Offset
    rows: Annotated[list[TableRow], Meta(max_length=100_000)]
    header_rows: Annotated[int, Meta(ge=0, le=100)] = 0
    caption: Annotated[str, Meta(max_length=10_000)] | None = None

    @property
    def header(self) -> str:
        """What a value stands under: the caption and the names of the columns, joined by " > "."""
        names = [_on_one_line(row) for row in self.rows[: self.header_rows]]
        return " > ".join(filter(None, [self.caption, *names]))


def _on_one_line(row: Sequence[TableCell]) -> str:
    return " | ".join(cell.text for cell in row if cell.text)


class Passage(msgspec.Struct, frozen=True):
    """A part of a document as parsed: a page of a PDF, a slide, a section of another document.

    `page` is 1-based, None for formats without pages. `heading` is the path of headings above the text,
    outermost first, joined by " > "; None without headings. `label` is the number printed on the page, as far
    as the file tells and if it differs from `page`. `tables` are in the order of the text.
    """

    text: str
    page: _PageNumber | None = None
    heading: str | None = None
    label: Annotated[str, Meta(max_length=1000)] | None = None
    tables: Annotated[tuple[Table, ...], Meta(max_length=100_000)] = ()


class ReadingWarning(msgspec.Struct, frozen=True):
    """A part of a document that was not read, or not for certain.

    `code` names the reason for programs, `text` says in plain words what is missing and what to do. `pages`
    are the pages concerned, at most the first thousand; none if it is not about pages.
    """

    code: Annotated[str, Meta(max_length=100)]
    text: Annotated[str, Meta(max_length=10_000)]
    pages: Annotated[list[_PageNumber], Meta(max_length=1000)] = []


class RecognizedLine(msgspec.Struct, frozen=True):
    """A line, or a part of one, in the picture of a page; its box is in points from the lower left corner."""

    text: Annotated[str, Meta(max_length=10_000)]
    x0: float
    y0: float
    x1: float
    y1: float


class RecognizedPage(msgspec.Struct, frozen=True):
    """What text recognition found on a page, which is `height` points high.

    `is_readable` is false if most of what looks like text could not be read. `is_upright` is false if the
    page was turned to be read; the boxes are then those of the turned page.
    """

    lines: Annotated[list[RecognizedLine], Meta(max_length=10_000)]
    height: float
    is_readable: bool = True
    is_upright: bool = True


class ParsedDocument(msgspec.Struct, frozen=True):
    """All the text of one document, in reading order.

    `title` is the document's own title; None without a usable one. `pages` is the number of pages, None for
    formats without. `warnings` say what could not be read, such as pages without text; the document is usable
    nonetheless.
    """

    type: DocumentType
    passages: Annotated[list[Passage], Meta(max_length=1_000_000)]
    title: _Title | None = None
    pages: _PageCount | None = None
    warnings: Annotated[Sequence[ReadingWarning | str], Meta(max_length=10_000)] = []
    unread: Annotated[list[_PageNumber], Meta(max_length=1_000_000)] = []

    @property
    def reading_warnings(self) -> list[ReadingWarning]:
        """All warnings; those that a parser gives as mere text have the code `other`."""
        return [
            ReadingWarning("other", warning) if isinstance(warning, str) else warning
            for warning in self.warnings
        ]


class Chunk(msgspec.Struct, frozen=True):
    """A part of a passage that fits the embedding model's input.

    `text` is `passages[passage].text[start:end]`, with offsets in characters. `context` (title and heading)
    is prepended for embedding and is not quoted. `tokens` counts the model's input: context, text and special
    tokens; never more than its limit. `heading` is that of the passage, for rows of a table with the table's
    header behind it.
    """

    passage: int
    start: int
    end: int
    text: str
    context: str
    tokens: int
    page: int | None = None
    heading: str | None = None


class EmbeddedDocument(msgspec.Struct, frozen=True):
    """A document for a sink: `embeddings[i]` belongs to `chunks[i]`; shape (len(chunks), dimensions)."""

    document: ParsedDocument
    chunks: list[Chunk]
    embeddings: Vector


class EmbeddingModel(msgspec.Struct, frozen=True):
    """The model and profile of an embedding. Vectors of different models can't be compared.

    Vectors of different profiles of one model can, but rank slightly differently and should not be mixed.
    `sha256` is a hash of the weights, and of whatever else determines a vector. `dimensions` is the length of
    a vector, `max_tokens` the longest input, special tokens included. `profile` is an `EmbeddingProfile` of
    the packaged model; for others it says what computes them, such as `torch`.
    """

    name: str
    sha256: str
    dimensions: int
    max_tokens: int
    profile: str
