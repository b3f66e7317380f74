"""Gathers blocks into passages: one or more for each section, under the path of its headings."""

import re
from collections.abc import Iterator, Sequence

from ingest.errors import NoTextError
from ingest.parsers.blocks import TITLE_LEVEL, Block, one_line
from ingest.parsers.tables import BETWEEN
from ingest.parsers.text import clean, readable, usable_title
from ingest.types import MOST_CELLS, DocumentType, ParsedDocument, Passage, ReadingWarning, Table, TableCell

# Some people style whole paragraphs as headings. These are read as text.
_LONGEST_HEADING = 200
_LONGEST_CAPTION = 150
_MOST_CELLS = 1000
# Where nothing else divides a text, it is read and shown in parts of about that many characters.
_LONGEST_PART = 8000
_ENDS_SENTENCE = re.compile(r"[.!?]$")


class Sections:
    """The sections of a document. Add its blocks in reading order, then `close`."""

    def __init__(self, *, split: bool = False) -> None:
        """With `split`, long sections become several passages under the same heading."""
        self.title: str | None = None
        """The first title among the blocks."""
        self.passages: list[Passage] = []
        self._path: dict[int, str] = {}
        self._only_headings = True
        self._blocks: list[Block] = []
        self._split = split
        self._size = 0
        self._cells = 0

    def add(self, block: Block, notes: Sequence[str] = ()) -> None:
        """Add a block, and the notes that it refers to."""
        level = block.level if len(block.text) <= _LONGEST_HEADING else None
        if level is not None:
            # A heading directly under a higher one does not start a new passage.
            if not (self._only_headings and (not self._path or level > max(self._path))):
                self.close()
            self._path = {at: heading for at, heading in self._path.items() if at < level}
            heading = one_line(clean(block.text))
            if level == TITLE_LEVEL:
                self.title = self.title or heading
            else:
                self._path[level] = heading
            self._only_headings = True
        else:
            self._only_headings = False
        for part in _parts(block) if self._split else (block,):
            if self._split and self._size and self._size + len(part.text) > _LONGEST_PART:
                self.close()
            self._blocks.append(part)
            self._size += len(part.text)
        self._blocks += map(Block, notes)

    def close(self) -> None:
        """End the present section."""
        text, tables = _joined(self._blocks, complete=self._cells < MOST_CELLS)
        self._cells += sum(len(row) for table in tables for row in table.rows)
        if readable(text):
            heading = " > ".join(self._path[at] for at in sorted(self._path)) or None
            self.passages.append(Passage(text=text, heading=heading, tables=tables))
        self._blocks = []
        self._size = 0

    def document(
        self,
        kind: DocumentType,
        *,
        title: str | None = None,
        warnings: Sequence[ReadingWarning] = (),
    ) -> ParsedDocument:
        """The document of all passages; without `title`, its own.

        Raises:
            NoTextError: there are none.
        """
        self.close()
        if not self.passages:
            raise NoTextError("The document holds no text.")
        title = usable_title(title) or usable_title(self.title)
        return ParsedDocument(type=kind, passages=self.passages, title=title, warnings=list(warnings))


def _parts(block: Block) -> Iterator[Block]:
    """A block in parts that are not too long; those of a table begin with its header."""
    if len(block.text) <= _LONGEST_PART:
        yield block
        return
    names = block.text.split("\n")[: block.header_lines]
    rest = block.text[len("\n".join(names)) :].strip("\n")
    while rest:
        end = _LONGEST_PART
        if len(rest) > end:
            ends = (rest.rfind(mark, end // 2, end) for mark in ("\n", " "))
            end = next((found for found in ends if found != -1), end)
        yield block._replace(text="\n".join([*names, rest[:end]]), rows=())
        rest = rest[end:].lstrip("\n ")


def _joined(blocks: Sequence[Block], *, complete: bool) -> tuple[str, tuple[Table, ...]]:
    """The text of blocks, and the tables in it; those that are not `complete` have header rows only."""
    if not any(block.is_table for block in blocks):
        return clean("\n".join(block.text for block in blocks)), ()
    text = ""
    tables = []
    before: list[str] = []
    for number, block in enumerate(blocks):
        if not block.is_table:
            before.append(block.text)
            continue
        text = _added(text, clean("\n".join(before)))
        before = []
        lines = clean(block.text)
        text = _added(text, lines)
        start = len(text) - len(lines)
        names = sum(len(line) + 1 for line in lines.split("\n")[: block.header_lines])
        body = min(start + names, len(text))
        caption = _caption(blocks[number - 1]) if number else None
        heads = block.header_rows if block.rows else block.header_lines
        kept = None if complete else heads
        rows = list(block.rows[:kept]) or [_cells_of(line) for line in lines.split("\n")[:kept]]
        tables.append(Table(start, body, len(text), rows, heads, caption))
    return _added(text, clean("\n".join(before))), tuple(tables)


def _cells_of(line: str) -> list[TableCell]:
    # Those of a longer line are found in the text.
    return [TableCell(value) for value in line.split(BETWEEN)[:_MOST_CELLS]]


def _added(text: str, more: str) -> str:
    return f"{text}\n{more}" if text and more else text or more


def _caption(block: Block) -> str | None:
    """The line above a table, if it is one: a caption, or a short line that is no sentence."""
    line = one_line(clean(block.text))
    if (
        block.is_table
        or block.level is not None
        or len(line) > _LONGEST_CAPTION
        or _ENDS_SENTENCE.search(line)
    ):
        return None
    return line
