"""Reads the blocks of a DOCX part in order: paragraphs, lists, tables, text boxes."""

from collections.abc import Iterator

from lxml import etree

from ingest.parsers.blocks import Block
from ingest.parsers.docx.inline import LEFT_OUT, Content, InlineReader, Reference, choose
from ingest.parsers.docx.names import ID, a, mc, w
from ingest.parsers.docx.numbering import Numbering
from ingest.parsers.docx.related import Related
from ingest.parsers.docx.styles import Styles
from ingest.parsers.docx.tables import table_block

_PARAGRAPHS = frozenset({w("p"), a("p")})
_TABLE, _ALT_CHUNK, _ALTERNATIVES = w("tbl"), w("altChunk"), mc("AlternateContent")
_INDENT = "  "
# The properties of the mark that ends a paragraph.
_FRAME = f"{w('pPr')}/{w('framePr')}"
_MARK = f"{w('pPr')}/{w('rPr')}"


class BodyReader:
    """Reads the blocks of one part.

    List numbers continue from one call to the next, so call it in document order.
    """

    def __init__(
        self, styles: Styles, numbering: Numbering, related: Related, addresses_told: set[str]
    ) -> None:
        self._styles = styles
        self._numbering = numbering
        self._related = related
        self._inline = InlineReader(styles, related, addresses_told)
        self._unfinished: Content | None = None

    def take_references(self) -> list[Reference]:
        """Notes and comments referred to since the last call."""
        references, self._inline.references = self._inline.references, []
        return references

    def blocks(self, container: etree._Element) -> Iterator[Block]:
        """The blocks of an element that holds blocks: a body, cell, note, header or text box."""
        for child in container:
            tag = child.tag
            if tag in _PARAGRAPHS:
                yield from self._paragraph(child)
            elif tag == _TABLE:
                block = table_block(child, self.blocks)
                if block is not None:
                    yield block
            elif tag == _ALT_CHUNK:
                yield from self._related.inserted_document(child.get(ID, ""))
            elif tag == _ALTERNATIVES:
                chosen = choose(child)
                if chosen is not None:
                    yield from self.blocks(chosen)
            elif tag not in LEFT_OUT and isinstance(tag, str):
                # Content controls, custom XML and the like wrap further blocks.
                yield from self.blocks(child)

    def _paragraph(self, paragraph: etree._Element) -> Iterator[Block]:
        content = self._unfinished or Content()
        self._unfinished = None
        self._inline.read(paragraph, content)
        mark = paragraph.find(_MARK)
        goes_on = _is_drop_cap(paragraph) or (mark is not None and _is_deleted(mark))
        if goes_on and _precedes_paragraph(paragraph):
            self._unfinished = content
            return
        text = content.text()
        if text or not self._styles.look(self._styles.style_of(paragraph), mark).hidden:
            # Empty items of a list are counted, too.
            label, depth = self._numbering.label(paragraph)
        if text:
            level = self._styles.heading_level(paragraph)
            indent = "" if level is not None or not label else _INDENT * depth
            yield Block(f"{indent}{label} {text}" if label else text, level, paragraph=paragraph)
        for beside in content.beside:
            if isinstance(beside, Block):
                yield beside
            else:
                yield from (block._replace(level=None) for block in self.blocks(beside))


def _is_drop_cap(paragraph: etree._Element) -> bool:
    """Whether a paragraph is the large first letter of the next one."""
    frame = paragraph.find(_FRAME)
    return frame is not None and frame.get(w("dropCap")) in ("drop", "margin")


def _is_deleted(mark: etree._Element) -> bool:
    """Whether a tracked change deletes the end of a paragraph, so that the next one continues it."""
    return mark.find(w("del")) is not None or mark.find(w("moveFrom")) is not None


def _precedes_paragraph(paragraph: etree._Element) -> bool:
    following = paragraph.getnext()
    while following is not None and following.tag not in (w("p"), w("tbl"), w("sdt"), w("sectPr")):
        following = following.getnext()
    return following is not None and following.tag == w("p")
