"""Gathers blocks into passages: one for each section, under the path of its headings."""

import re
from collections.abc import Sequence

from ingest.parsers.blocks import TITLE_LEVEL, Block, one_line
from ingest.parsers.text import clean, readable
from ingest.types import Passage, Table

# Some people style whole paragraphs as headings. These are read as text.
_LONGEST_HEADING = 200
_LONGEST_CAPTION = 150
_ENDS_SENTENCE = re.compile(r"[.!?]$")


class Sections:
    """The sections of a document. Add its blocks in reading order, then `close`."""

    def __init__(self) -> None:
        self.title: str | None = None
        """The first title among the blocks."""
        self.passages: list[Passage] = []
        self._path: dict[int, str] = {}
        self._only_headings = True
        self._blocks: list[Block] = []

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
        self._blocks.append(block)
        self._blocks += map(Block, notes)

    def close(self) -> None:
        """End the present section."""
        text, tables = _joined(self._blocks)
        if readable(text):
            heading = " > ".join(self._path[at] for at in sorted(self._path)) or None
            self.passages.append(Passage(text=text, heading=heading, tables=tables))
        self._blocks = []


def _joined(blocks: Sequence[Block]) -> tuple[str, tuple[Table, ...]]:
    """The text of blocks, and the tables in it."""
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
        tables.append(Table(start, body, len(text), list(block.rows), block.header_rows, caption))
    return _added(text, clean("\n".join(before))), tuple(tables)


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
