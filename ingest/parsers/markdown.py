"""Markdown: CommonMark with tables, and the metadata in front of it."""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingest.parsers.blocks import TITLE_LEVEL, Block, one_line
from ingest.parsers.decoding import read_text
from ingest.parsers.html_blocks import html_blocks
from ingest.parsers.reading import Reading
from ingest.parsers.sections import Sections
from ingest.parsers.tables import as_lines
from ingest.types import ParsedDocument

_METADATA = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*$\n?", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"^title[ \t]*:[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
# markdown-it leaves out what is nested deeper than it may.
_DEEPEST = 60
# In characters. It takes seconds for a million.
_LONGEST = 4_000_000
_INDENT = "  "
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def read(file: BinaryIO, how: Reading) -> ParsedDocument:
    """Read a text in Markdown: headings, lists, tables, code as it stands.

    Raises:
        NoTextError: it has no text.
        LimitError: it is longer than allowed.
        PermanentError: it is no text.
    """
    decoded = read_text(file, how.limits)
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    title = None
    if metadata := _METADATA.match(text):
        text = text[metadata.end() :]
        found = _TITLE.search(metadata[1])
        title = None if found is None else found[1].strip().strip("\"'")
    sections = Sections(split=True)
    if metadata:
        sections.add(Block(metadata[1]))
    for block in _blocks(text):
        sections.add(block)
    return sections.document("md", title=title, warnings=decoded.warnings())


def _blocks(text: str) -> list[Block]:
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])
    try:
        tokens = parser.parse(text) if len(text) <= _LONGEST else []
    except RecursionError:
        tokens = []
    if not tokens or max(token.level for token in tokens) >= _DEEPEST - 1:
        # No person wrote that: it is too long, or nested too deeply.
        return [Block(f"{paragraph}\n") for paragraph in text.split("\n\n")]
    blocks = list(_Reader().blocks(tokens))
    tops = [at for at, block in enumerate(blocks) if block.level == 1]
    if tops == [0]:
        blocks[0] = blocks[0]._replace(level=TITLE_LEVEL)
    return blocks


class _Reader:
    """Walks through the tokens of a text."""

    def __init__(self) -> None:
        self._level: int | None = None
        self._lists = 0
        self._label = ""
        self._rows: list[list[str]] = []
        self._addresses_told: set[str] = set()

    def blocks(self, tokens: Sequence[Token]) -> Iterator[Block]:
        """The blocks, in order."""
        in_table = False
        for token in tokens:
            kind = token.type
            if kind == "inline" and in_table:
                self._rows[-1].append(one_line(self._inline(token)))
            elif kind == "inline":
                yield self._block(self._inline(token))
            elif kind in ("fence", "code_block"):
                yield self._block(token.content.strip("\n"))
            elif kind == "html_block":
                yield from (block._replace(level=None) for block in html_blocks(token.content))
            elif kind == "table_close":
                in_table = False
                yield as_lines(self._rows)
                self._rows = []
            elif kind == "table_open":
                in_table = True
            else:
                self._open_or_close(token)

    def _open_or_close(self, token: Token) -> None:
        kind = token.type
        if kind == "tr_open":
            self._rows.append([])
        elif kind == "heading_open":
            self._level = int(token.tag[1:])
        elif kind == "heading_close":
            self._level = None
        elif kind in ("bullet_list_open", "ordered_list_open"):
            self._lists += 1
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self._lists -= 1
        elif kind == "list_item_open":
            self._label = f"{token.info}{token.markup} " if token.info else "- "

    def _block(self, text: str) -> Block:
        label, self._label = self._label, ""
        indent = _INDENT * max(self._lists - 1, 0) if label else ""
        return Block(f"{indent}{label}{text}", self._level)

    def _inline(self, token: Token) -> str:
        pieces: list[str] = []
        addresses: list[str] = []
        for child in token.children or []:
            if child.type == "link_open":
                addresses.append(str(child.attrs.get("href", "")))
            elif child.type == "link_close" and addresses:
                pieces.append(self._address(addresses.pop(), "".join(pieces)))
            elif child.type in ("softbreak", "hardbreak") or _is_break(child):
                pieces.append("\n")
            elif child.type in ("s_open", "s_close"):
                pieces.append("~~")
            elif child.type != "html_inline":
                pieces.append(child.content)
        return "".join(pieces)

    def _address(self, address: str, before: str) -> str:
        """The address of a link, where it is told first and is not the text itself."""
        bare = address.removeprefix("mailto:")
        if "://" not in address and bare == address:
            return ""
        if bare in self._addresses_told or before.endswith(bare):
            return ""
        self._addresses_told.add(bare)
        return f" ({bare})"


def _is_break(token: Token) -> bool:
    return token.type == "html_inline" and _BREAK.match(token.content) is not None
