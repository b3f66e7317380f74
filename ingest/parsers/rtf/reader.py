"""Reads the paragraphs and tables of an RTF."""

import re

from ingest.parsers.blocks import TITLE_LEVEL, Block, one_line
from ingest.parsers.line import Line
from ingest.parsers.rtf.state import (
    CHARACTERS,
    KNOWN_OPTIONAL,
    LEFT_OUT,
    RUNNING,
    State,
    encoding_of_charset,
    encoding_of_codepage,
)
from ingest.parsers.rtf.tables import TableReader
from ingest.parsers.rtf.tokens import Token, tokens

_HEADING = re.compile(r"heading ?([1-9])$", re.IGNORECASE)
_ADDRESS = re.compile(r'HYPERLINK\s+"([^"]{1,500})"')
_LAST_LEVEL = 8  # the value of outlinelevel for text is 9


class RtfReader:
    """Reads a file into blocks, each with the notes that it refers to."""

    def __init__(self) -> None:
        self.blocks: list[tuple[Block, list[str]]] = []
        self.title = ""
        self.running: list[str] = []
        """The lines of heads and feet of pages."""
        self.comments_left_out = 0
        self._state = State()
        self._stack: list[State] = []
        self._bytes = bytearray()
        self._skip = 0
        self._is_optional = False
        self._font = 0
        self._fonts: dict[int, str] = {}
        self._default = "cp1252"
        self._styles: dict[int, int] = {}
        self._style: tuple[int, int | None] = (0, None)
        self._line = Line()
        self._level: int | None = None
        self._texts: dict[str, Line] = {}
        self._addresses: dict[int, str] = {}
        self._notes: list[str] = []
        self._notes_read = 0
        self._table = TableReader()

    def read(self, data: bytes) -> None:
        """Read a file."""
        for token in tokens(data):
            if not token.word:
                self._take(token.data)
            else:
                self._flush()
                self._handle(token)
        self._flush()
        self._end_paragraph()
        self._end_table()

    def _handle(self, token: Token) -> None:
        word = token.word
        if word == "{":
            self._stack.append(self._state)
        elif word == "}":
            self._end_group()
        elif word == "*":
            self._is_optional = True
        else:
            is_optional, self._is_optional = self._is_optional, False
            if self._state.target != "skip":
                self._word(word, token.number, is_optional=is_optional)
        if word in "{}":
            self._skip = 0

    def _word(self, word: str, number: int | None, *, is_optional: bool) -> None:
        if word in LEFT_OUT or (is_optional and word not in KNOWN_OPTIONAL):
            self.comments_left_out += word == "annotation"
            self._state = self._state._replace(target="skip")
        elif word in ("fonttbl", "stylesheet", "title", "fldinst", "footnote") or word in RUNNING:
            target = "running" if word in RUNNING else word
            self._state = self._state._replace(target=target)
            self._texts[target] = Line()
        elif word == "u" and number is not None:
            self._add(chr(number % 2**16))
            self._skip = self._state.fallback
        elif word in CHARACTERS:
            self._add(CHARACTERS[word])
        elif self._state.target == "fonttbl":
            self._font_word(word, number)
        elif self._state.target == "stylesheet":
            self._style_word(word, number)
        else:
            self._format(word, number)

    def _format(self, word: str, number: int | None) -> None:
        on = number != 0
        state = self._state
        if word == "plain":
            self._state = state._replace(hidden=False, mark="", encoding=self._default)
        elif word in ("v", "deleted"):
            self._state = state._replace(hidden=on)
        elif word in ("strike", "striked"):
            self._state = state._replace(mark="struck" if on else "")
        elif word == "super":
            self._state = state._replace(mark="superscript" if on else "")
        elif word == "sub":
            self._state = state._replace(mark="subscript" if on else "")
        elif word == "nosupersub":
            self._state = state._replace(mark="")
        elif word == "uc" and number is not None:
            self._state = state._replace(fallback=max(0, min(number, 10)))
        elif word == "f":
            self._state = state._replace(encoding=self._fonts.get(number or 0, self._default))
        elif word == "ansicpg":
            self._default = encoding_of_codepage(number or 0) or self._default
            self._state = state._replace(encoding=self._default)
        elif word == "mac":
            self._default = "mac_roman"
            self._state = state._replace(encoding=self._default)
        else:
            self._paragraph_word(word, number)

    def _paragraph_word(self, word: str, number: int | None) -> None:
        if self._state.target in ("footnote", "running"):
            if word in ("par", "sect"):
                self._add("\n")
            return
        if word == "pard":
            self._level = None
            self._table.is_inside = False
        elif word == "s":
            self._level = self._styles.get(number or 0, self._level)
        elif word == "outlinelevel" and number is not None:
            self._level = number + 1 if 0 <= number <= _LAST_LEVEL else None
        elif word in ("par", "sect", "page", "cell", "row"):
            self._end_paragraph(word)
        else:
            self._table.word(word)

    def _end_paragraph(self, word: str = "par") -> None:
        text = "\n".join(filter(None, map(one_line, self._line.text().split("\n"))))
        self._line = Line()
        if self._table.is_inside or word in ("cell", "row"):
            self._table.end_paragraph(text, word)
        elif text:
            self._end_table()
            self.blocks.append((Block(text, self._level), self._notes))
            self._notes = []

    def _end_table(self) -> None:
        block = self._table.take()
        if block is not None:
            self.blocks.append((block, self._notes))
            self._notes = []

    def _end_group(self) -> None:
        ended = self._state
        self._state = self._stack.pop() if self._stack else State()
        address = self._addresses.pop(len(self._stack) + 1, None)
        if address is not None and not self._line.holds(address):
            self._add(f" ({address})")
        if ended.target == self._state.target:
            if ended.target == "stylesheet":
                self._end_style()
            return
        text = one_line(self._texts.pop(ended.target).text()) if ended.target in self._texts else ""
        if ended.target == "footnote" and text:
            self._notes_read += 1
            self._notes.append(f"Note {self._notes_read}: {text}")
        elif ended.target == "title":
            self.title = self.title or text
        elif ended.target == "running":
            self.running.append(text)
        elif ended.target == "fldinst" and (found := _ADDRESS.search(text)):
            # The text of the link follows in a group of the same field.
            self._addresses[len(self._stack)] = found[1].removeprefix("mailto:")

    def _font_word(self, word: str, number: int | None) -> None:
        if word == "f":
            self._font = number or 0
        elif word == "fcharset":
            encoding = encoding_of_charset(number or 0)
            if encoding is not None and number:
                self._fonts[self._font] = encoding
        elif word == "cpg" and (encoding := encoding_of_codepage(number or 0)):
            self._fonts[self._font] = encoding

    def _style_word(self, word: str, number: int | None) -> None:
        if word == "s":
            self._style = number or 0, None
            self._texts["stylesheet"] = Line()
        elif word == "outlinelevel" and number is not None and 0 <= number <= _LAST_LEVEL:
            self._style = self._style[0], number + 1

    def _end_style(self) -> None:
        name = one_line(self._texts["stylesheet"].text()).split(";")[0].strip()
        self._texts["stylesheet"] = Line()
        number, level = self._style
        heading = _HEADING.match(name)
        if name.lower() == "title":
            level = TITLE_LEVEL
        elif heading is not None:
            level = int(heading[1])
        if level is not None:
            self._styles[number] = level
        self._style = 0, None

    def _take(self, data: bytes) -> None:
        if self._state.target == "skip" or self._state.hidden:
            return
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._bytes += data[skipped:]

    def _flush(self) -> None:
        """Add the bytes gathered so far: a character may have several."""
        if self._bytes:
            text = self._bytes.decode(self._state.encoding, "replace")
            self._bytes.clear()
            self._add(text)

    def _add(self, text: str) -> None:
        if self._state.target == "skip" or self._state.hidden:
            return
        line = self._line if self._state.target == "text" else self._texts.get(self._state.target)
        if line is not None:
            line.add(text, self._state.mark)
