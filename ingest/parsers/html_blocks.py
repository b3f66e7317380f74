"""The blocks of a web page, from the events of libxml2's parser, which may be nested to any depth."""

import re
from collections.abc import Mapping

from lxml import etree

from ingest.parsers.blocks import TITLE_LEVEL, Block, one_line
from ingest.parsers.html_tables import TableReader
from ingest.parsers.line import Line, Mark

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_NO_TEXT = frozenset(
    {
        "script",
        "style",
        "noscript",
        "template",
        "svg",
        "iframe",
        "object",
        "canvas",
        "audio",
        "video",
        "select",
    }
    | {"button", "datalist", "textarea", "annotation", "annotation-xml", "map", "rp"}
)
_BOILERPLATE = frozenset({"nav"})
_BOILERPLATE_ROLES = frozenset({"navigation", "search", "menu", "menubar", "dialog", "alertdialog"})
_BLOCKS = frozenset(
    {
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "blockquote",
        "pre",
        "section",
        "article",
        "address",
        "hr",
    }
    | {
        "header",
        "footer",
        "main",
        "aside",
        "nav",
        "figure",
        "figcaption",
        "form",
        "fieldset",
        "center",
        "legend",
    }
    | {"details", "summary", "caption", "body", "html", "head", "title", "option", *_HEADINGS}
)
_TABLE_PARTS = frozenset({"table", "thead", "tbody", "tfoot", "tr", "td", "th"})
_MARKS: dict[str, Mark] = {
    "sup": "superscript",
    "sub": "subscript",
    "del": "struck",
    "s": "struck",
    "strike": "struck",
}
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_INDENT = "  "
_DEEPEST_INDENT = 8
_SPACE = re.compile(r"\s+")


def html_blocks(text: str, *, boilerplate: bool = False) -> list[Block]:
    """The blocks of a web page. Its title is a block of the title's level.

    Scripts, styles and hidden elements are left out, and so is the navigation without `boilerplate`.
    """
    reader = _PageReader(boilerplate=boilerplate)
    # Its limit on the length of a text is that of a document, which is limited elsewhere.
    parser = etree.HTMLParser(target=reader, encoding="utf-8", huge_tree=True)
    # libxml2 ends a text at NUL.
    data = text.replace("\0", "").encode(errors="replace")
    if data.strip():
        parser.feed(data)
        parser.close()
    return reader.blocks


class _PageReader:
    """Receives the events. Text gathers in a line until a block begins or ends."""

    def __init__(self, *, boilerplate: bool) -> None:
        self.blocks: list[Block] = []
        self._boilerplate = boilerplate
        self._open: list[str] = []
        self._left_out_at: int | None = None
        self._line = Line()
        self._marks: list[Mark] = []
        self._level: int | None = None
        self._preformatted = 0
        self._lists: list[int | None] = []
        self._label = ""
        self._tables: list[TableReader] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._open.append(tag)
        if self._left_out_at is not None:
            return
        if self._is_left_out(tag, attributes):
            self._left_out_at = len(self._open)
            return
        if tag == "br":
            self._line.add("\n")
        elif tag == "img":
            self._add_picture(attributes.get("alt", ""))
        elif tag in _MARKS:
            self._marks.append(_MARKS[tag])
        elif tag in _TABLE_PARTS:
            self._start_of_table(tag, attributes)
        elif tag in _BLOCKS:
            self._close_block()
            self._start_of_block(tag, attributes)

    def end(self, tag: str) -> None:
        """An element ends."""
        depth = len(self._open)
        if self._open:
            self._open.pop()
        if self._left_out_at is not None:
            if depth <= self._left_out_at:
                self._left_out_at = None
            return
        if tag in _MARKS:
            self._marks.pop()
        elif tag in _TABLE_PARTS:
            self._end_of_table(tag)
        elif tag in _BLOCKS:
            self._close_block()
            self._end_of_block(tag)

    def data(self, text: str) -> None:
        """Text."""
        if self._left_out_at is None:
            mark = self._marks[-1] if self._marks else ""
            self._line.add(text if self._preformatted else _SPACE.sub(" ", text), mark)

    def comment(self, text: str) -> None:
        """A comment, which is not shown."""

    def close(self) -> None:
        """The page ends."""
        self._close_block()
        while self._tables:
            self._add_table()

    def _is_left_out(self, tag: str, attributes: Mapping[str, str]) -> bool:
        if tag in _NO_TEXT or "hidden" in attributes or attributes.get("aria-hidden") == "true":
            return True
        if not self._boilerplate and (
            tag in _BOILERPLATE or attributes.get("role", "").lower() in _BOILERPLATE_ROLES
        ):
            return True
        return bool(_HIDDEN_STYLE.search(attributes.get("style", "")))

    def _start_of_block(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "title":
            self._level = TITLE_LEVEL
        elif tag in _HEADINGS:
            self._level = _HEADINGS[tag]
        elif tag == "pre":
            self._preformatted += 1
        elif tag in ("ul", "ol"):
            start = attributes.get("start", "1")
            first = int(start) if start.isdecimal() and len(start) < 9 else 1
            self._lists.append(first - 1 if tag == "ol" else None)
        elif tag == "li":
            self._label = self._label_of_item()

    def _end_of_block(self, tag: str) -> None:
        if tag == "title" or tag in _HEADINGS:
            self._level = None
        elif tag == "pre":
            self._preformatted -= 1
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._label = ""

    def _label_of_item(self) -> str:
        indent = _INDENT * min(max(len(self._lists) - 1, 0), _DEEPEST_INDENT)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number + 1}. "

    def _add_picture(self, description: str) -> None:
        description = one_line(description)
        # One word is the name of a file or an icon.
        if " " in description:
            self._line.add(f"[{description}]")

    def _close_block(self) -> None:
        text = self._line.text()
        self._line = Line()
        if not text.strip():
            return
        if self._preformatted:
            text = text.strip("\n")
        else:
            text = "\n".join(filter(None, map(one_line, text.split("\n"))))
        if self._level is not None:
            text = one_line(text)
        label, self._label = self._label, ""
        self._add(Block(f"{label}{text}", self._level))

    def _add(self, block: Block) -> None:
        if self._tables:
            self._tables[-1].add(block)
        else:
            self.blocks.append(block)

    def _start_of_table(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._close_block()
        if tag == "table":
            self._tables.append(TableReader(attributes))
        elif self._tables:
            self._tables[-1].start(tag, attributes)

    def _end_of_table(self, tag: str) -> None:
        self._close_block()
        if tag == "table" and self._tables:
            self._add_table()
        elif self._tables:
            self._tables[-1].end(tag)

    def _add_table(self) -> None:
        for block in self._tables.pop().blocks():
            self._add(block)
