"""Reads the blocks of an OpenDocument text in order: paragraphs, lists, tables, text boxes, notes."""

from collections.abc import Iterator

from lxml import etree

from ingest.parsers.blocks import TITLE_LEVEL, Block, one_line
from ingest.parsers.line import Line, Mark
from ingest.parsers.odt.names import qualified
from ingest.parsers.odt.styles import Styles
from ingest.parsers.odt.tables import table_block

_PARAGRAPH, _HEADING, _LIST = qualified("text:p"), qualified("text:h"), qualified("text:list")
_TABLE, _NOTE, _ANNOTATION = qualified("table:table"), qualified("text:note"), qualified("office:annotation")
_FRAME, _BOX, _OBJECT = qualified("draw:frame"), qualified("draw:text-box"), qualified("draw:object")
_STYLE, _LEVEL = qualified("text:style-name"), qualified("text:outline-level")
_ITEMS = (qualified("text:list-item"), qualified("text:list-header"))
_LEFT_OUT = frozenset(
    map(
        qualified,
        (
            "text:tracked-changes",
            "text:table-of-content",
            "text:sequence-decls",
            "text:variable-decls",
            "text:user-field-decls",
            "text:page-number",
            "text:page-count",
            "text:hidden-text",
            "text:hidden-paragraph",
            "text:ruby-text",
            "office:forms",
            "office:annotation-end",
        ),
    )
)
_INDENT = "  "
_DEEPEST_INDENT = 8
_MOST_SPACES = 100


class BodyReader:
    """Reads blocks. What stands beside the text of a paragraph follows it."""

    def __init__(self, styles: Styles, *, comments: bool) -> None:
        self.unread_objects = 0
        self.comments_left_out = 0
        self._styles = styles
        self._comments = comments
        self._notes: list[str] = []
        self._notes_read = 0
        self._beside: list[etree._Element] = []

    def take_notes(self) -> list[str]:
        """The notes referred to since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def blocks(self, container: etree._Element) -> Iterator[Block]:
        """The blocks of an element that holds blocks: the body, a section, a cell, a text box."""
        for child in container:
            tag = child.tag
            if tag in (_PARAGRAPH, _HEADING):
                yield from self._paragraph(child)
            elif tag == _LIST:
                yield from self._list(child, child.get(_STYLE, ""), 1)
            elif tag == _TABLE:
                block = table_block(child, lambda cell: list(self.blocks(cell)))
                if block is not None:
                    yield block
            elif tag == _FRAME:
                yield from self._frame(child)
            elif isinstance(tag, str) and tag not in _LEFT_OUT and tag != _ANNOTATION:
                yield from self.blocks(child)

    def _paragraph(self, paragraph: etree._Element, label: str = "") -> Iterator[Block]:
        style = paragraph.get(_STYLE, "")
        if not self._styles.look("paragraph", style).hidden:
            line = Line()
            self._inline(paragraph, line, "")
            text = "\n".join(filter(None, map(str.strip, line.text().split("\n"))))
            if text:
                yield Block(f"{label}{text}", self._level(paragraph, style))
        beside, self._beside = self._beside, []
        for frame in beside:
            yield from (block._replace(level=None) for block in self._frame(frame))

    def _level(self, paragraph: etree._Element, style: str) -> int | None:
        if self._styles.is_title(style):
            return TITLE_LEVEL
        if paragraph.tag != _HEADING:
            return None
        level = paragraph.get(_LEVEL, "1")
        return int(level) if level.isdecimal() and len(level) < 3 else 1

    def _list(self, element: etree._Element, style: str, level: int) -> Iterator[Block]:
        indent = _INDENT * min(level - 1, _DEEPEST_INDENT)
        is_numbered = self._styles.is_numbered(style, level)
        for number, item in enumerate(element.iterchildren(*_ITEMS), 1):
            label = f"{indent}{number}. " if is_numbered else f"{indent}- "
            for child in item:
                if child.tag in (_PARAGRAPH, _HEADING):
                    yield from self._paragraph(child, label if child.tag == _PARAGRAPH else "")
                    label = ""
                elif child.tag == _LIST:
                    yield from self._list(child, child.get(_STYLE, style), level + 1)

    def _frame(self, frame: etree._Element) -> Iterator[Block]:
        boxes = list(frame.iterchildren(_BOX))
        for box in boxes:
            yield from self.blocks(box)
        if frame.find(_OBJECT) is not None:
            self.unread_objects += 1
        for name in ("svg:title", "svg:desc"):
            description = one_line(frame.findtext(qualified(name)) or "")
            if " " in description and not boxes:
                yield Block(f"[{description}]")

    def _inline(self, element: etree._Element, line: Line, mark: Mark) -> None:
        line.add(_folded(element.text), mark)
        for child in element:
            self._child(child, line, mark)
            line.add(_folded(child.tail), mark)

    def _child(self, child: etree._Element, line: Line, mark: Mark) -> None:
        tag = child.tag
        if tag == qualified("text:s"):
            count = child.get(qualified("text:c"), "1")
            line.add(" " * min(int(count), _MOST_SPACES) if count.isdecimal() and len(count) < 9 else " ")
        elif tag == qualified("text:tab"):
            line.add("\t")
        elif tag == qualified("text:line-break"):
            line.add("\n")
        elif tag == _NOTE:
            self._add_note(child)
        elif tag == _ANNOTATION:
            self._add_comment(child)
        elif tag == _FRAME:
            self._beside.append(child)
        elif tag == qualified("text:span"):
            look = self._styles.look("text", child.get(_STYLE, ""))
            if not look.hidden:
                self._inline(child, line, look.mark or mark)
        elif isinstance(tag, str) and tag not in _LEFT_OUT:
            self._inline(child, line, mark)

    def _add_note(self, note: etree._Element) -> None:
        body = note.find(qualified("text:note-body"))
        text = "" if body is None else " ".join(one_line(block.text) for block in self.blocks(body))
        if text:
            self._notes_read += 1
            self._notes.append(f"Note {self._notes_read}: {text}")

    def _add_comment(self, comment: etree._Element) -> None:
        if not self._comments:
            self.comments_left_out += 1
            return
        author = one_line(comment.findtext(qualified("dc:creator")) or "") or "an unnamed reviewer"
        text = " ".join(one_line(block.text) for block in self.blocks(comment))
        self._notes.append(f"Comment by {author}: {text}")


def _folded(text: str | None) -> str:
    # White space in the XML is one space; longer stretches have elements.
    if not text:
        return ""
    folded = " ".join(text.split())
    start = " " if text[0].isspace() and folded else ""
    return f"{start}{folded}{' ' if text[-1].isspace() else ''}"
