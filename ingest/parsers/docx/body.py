"""Reads the blocks of a DOCX part in order: paragraphs, lists, tables, text boxes, equations."""

from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from ingest.parsers.docx.names import VAL, a, m, mc, w
from ingest.parsers.docx.numbering import Numbering
from ingest.parsers.docx.styles import Styles
from ingest.parsers.docx.symbols import symbol

# Elements that are not part of the final text: deletions, move sources, field codes, properties, and w:rt,
# the ruby text above Asian characters.
_LEFT_OUT = frozenset(
    {w(name) for name in ("del", "moveFrom", "delText", "instrText", "delInstrText", "fldData", "pPr", "rPr")}
    | {
        w(name)
        for name in ("sdtPr", "sdtEndPr", "tblPr", "tblGrid", "trPr", "tcPr", "sectPr", "rubyPr", "rt")
    }
    | {m(name) for name in ("oMathParaPr", "ctrlPr", "rPr", "fPr", "sSupPr", "sSubPr")}
)
_BOXES = frozenset({w("txbxContent"), a("txBody")})
_PARAGRAPHS = frozenset({w("p"), a("p")})
_TEXTS = frozenset({w("t"), m("t"), a("t")})
_BETWEEN = {
    w("tab"): "\t",
    w("ptab"): "\t",
    w("br"): "\n",
    w("cr"): "\n",
    a("br"): "\n",
    w("noBreakHyphen"): "-",
}
_PAGE_FIELDS = frozenset({"PAGE", "NUMPAGES", "SECTIONPAGES"})
_FIELD_MARKS = frozenset({w("fldChar"), w("instrText")})
_NOTES = {w("footnoteReference"): "footnote", w("endnoteReference"): "endnote"}
_EQUATION_SIGNS = {m("f"): "/", m("sSup"): "^", m("sSub"): "_"}
_INDENT = "  "
# "Page x of y" without its numbers, in many languages.
_LONGEST_PAGE_LABEL = 12


class Block(NamedTuple):
    """A paragraph, table or text box. `level` is the heading level, None for other text."""

    text: str
    level: int | None = None


class NoteReference(NamedTuple):
    """A reference to a note: `kind` is "footnote" or "endnote"."""

    kind: str
    id: str


class BodyReader:
    """Reads the blocks of a part.

    List numbers continue from one call to the next, so call it in document order.
    """

    def __init__(self, styles: Styles, numbering: Numbering) -> None:
        self._styles = styles
        self._numbering = numbering
        self._fields: list[str] = []
        self._page_field_seen = False
        self.notes: list[NoteReference] = []
        """Notes referenced since this list was last cleared."""

    def blocks(self, container: etree._Element) -> Iterator[Block]:
        """The blocks of an element that holds blocks: a body, cell, note, header or text box."""
        for child in container:
            tag = child.tag
            if tag in _PARAGRAPHS:
                yield from self._paragraph(child)
            elif tag == w("tbl"):
                text = self._table(child)
                if text:
                    yield Block(text)
            elif tag == mc("AlternateContent"):
                chosen = _choose(child)
                if chosen is not None:
                    yield from self.blocks(chosen)
            elif tag not in _LEFT_OUT and isinstance(tag, str):
                # Content controls, custom XML and the like wrap further blocks.
                yield from self.blocks(child)

    def _paragraph(self, paragraph: etree._Element) -> Iterator[Block]:
        # A page number field that a broken file never ends must not swallow the rest of the text.
        self._fields = [field for field in self._fields if not _is_page(field)]
        self._page_field_seen = False
        pieces: list[str] = []
        boxes: list[etree._Element] = []
        self._collect(paragraph, pieces, boxes)
        text = "".join(pieces).strip()
        if self._page_field_seen and sum(map(str.isalnum, text)) <= _LONGEST_PAGE_LABEL:
            text = ""
        level = self._styles.heading_level(paragraph)
        label, depth = self._numbering.label(paragraph)
        if text:
            indent = "" if level is not None or not label else _INDENT * depth
            yield Block(f"{indent}{label} {text}" if label else text, level)
        for box in boxes:
            yield from (Block(block.text) for block in self.blocks(box))

    def _collect(self, element: etree._Element, pieces: list[str], boxes: list[etree._Element]) -> None:
        """Append the text of `element` to `pieces`, and text boxes, which stand beside it, to `boxes`."""
        for child in element:
            tag = child.tag
            if tag in _TEXTS:
                pieces.append(self._text(child))
            elif tag in _BETWEEN:
                pieces.append(_BETWEEN[tag])
            elif tag == w("sym"):
                pieces.append(symbol(child.get(w("font"), ""), child.get(w("char"), "")))
            elif tag in _FIELD_MARKS:
                self._field(child)
            elif tag in _NOTES:
                self.notes.append(NoteReference(_NOTES[tag], child.get(w("id"), "")))
            elif tag in _BOXES:
                boxes.append(child)
            elif tag in _EQUATION_SIGNS:
                self._equation(child, _EQUATION_SIGNS[tag], pieces, boxes)
            elif tag not in _LEFT_OUT and isinstance(tag, str):
                inner = _choose(child) if tag == mc("AlternateContent") else child
                if tag == w("fldSimple"):
                    self._fields.append(child.get(w("instr"), ""))
                if inner is not None:
                    self._collect(inner, pieces, boxes)
                if tag == w("fldSimple"):
                    self._fields.pop()

    def _text(self, element: etree._Element) -> str:
        if self._fields and _is_page(self._fields[-1]):
            self._page_field_seen = True
            return ""
        return element.text or ""

    def _equation(
        self, element: etree._Element, between: str, pieces: list[str], boxes: list[etree._Element]
    ) -> None:
        """Fractions and powers on one line: a+b over c becomes (a+b)/c."""
        parts = []
        for child in element:
            part: list[str] = []
            if child.tag not in _LEFT_OUT:
                self._collect(child, part, boxes)
            if text := "".join(part).strip():
                parts.append(text if text.isalnum() else f"({text})")
        pieces.append(between.join(parts))

    def _field(self, mark: etree._Element) -> None:
        """A field consists of a run that begins it, its code, its result as text, and a run that ends it."""
        kind = mark.get(w("fldCharType"))
        if kind == "begin":
            self._fields.append("")
        elif kind == "end" and self._fields:
            self._fields.pop()
        elif mark.tag == w("instrText") and self._fields:
            self._fields[-1] += mark.text or ""

    def _table(self, table: etree._Element) -> str:
        """Rows as lines, cells separated by " | "; a row with one non-empty cell keeps the cell's lines."""
        lines = []
        for row in _descend(table, w("tr")):
            cells = [[] if _continued(cell) else list(self.blocks(cell)) for cell in _descend(row, w("tc"))]
            filled = [cell for cell in cells if cell]
            if len(filled) == 1:
                lines += [block.text for block in filled[0]]
            elif filled:
                lines.append(" | ".join(map(_one_line, cells)).rstrip(" |"))
        return "\n".join(lines)


def _one_line(blocks: list[Block]) -> str:
    # Rows of a nested table stay separate.
    return " ".join("; ".join(" ".join(line.split()) for line in block.text.split("\n")) for block in blocks)


def _descend(element: etree._Element, wanted: str) -> Iterator[etree._Element]:
    """Rows of a table or cells of a row, including those in content controls, without deleted rows."""
    for child in element:
        if child.tag == wanted:
            if child.find(f"{w('trPr')}/{w('del')}") is None:
                yield child
        elif child.tag not in _LEFT_OUT and isinstance(child.tag, str):
            yield from _descend(child, wanted)


def _continued(cell: etree._Element) -> bool:
    """Whether a cell continues one above or before it."""
    for name in ("vMerge", "hMerge"):
        merge = cell.find(f"{w('tcPr')}/{w(name)}")
        if merge is not None and merge.get(VAL, "continue") == "continue":
            return True
    return False


def _choose(alternatives: etree._Element) -> etree._Element | None:
    """One of several equivalent forms: the first, meant for the newest readers, that has text."""
    return next((form for form in alternatives if any(text.text for text in form.iter(*_TEXTS))), None)


def _is_page(field: str) -> bool:
    return bool(_PAGE_FIELDS.intersection(field.upper().split(None, 1)[:1]))
