"""Reads what stands inside a paragraph: runs with their looks, fields, links, pictures, equations."""

import re
from collections.abc import Callable

from lxml import etree

from ingest.parsers.blocks import Block, one_line
from ingest.parsers.docx import names
from ingest.parsers.docx.equations import linear
from ingest.parsers.docx.fields import Fields, form_value
from ingest.parsers.docx.names import a, c, dgm, m, mc, r, w
from ingest.parsers.docx.related import Related, readable_address
from ingest.parsers.docx.styles import Look, Styles
from ingest.parsers.docx.symbols import symbol
from ingest.parsers.line import Line

# Elements that are not part of the final text: deletions, move sources, field codes, properties, and w:rt,
# the ruby text above Asian characters.
LEFT_OUT = frozenset(
    {w(name) for name in ("del", "moveFrom", "delText", "delInstrText", "fldData", "pPr", "rPr")}
    | {
        w(name)
        for name in ("sdtPr", "sdtEndPr", "tblPr", "tblGrid", "trPr", "tcPr", "sectPr", "rubyPr", "rt")
    }
)
_TEXTS = frozenset({w("t"), m("t"), a("t")})
_BETWEEN = {
    w("tab"): "\t",
    w("ptab"): "\t",
    w("br"): "\n",
    w("cr"): "\n",
    a("br"): "\n",
    w("noBreakHyphen"): "-",
}
_REFERENCES = {
    w("footnoteReference"): "footnote",
    w("endnoteReference"): "endnote",
    w("commentReference"): "comment",
}
_RUN_PROPERTIES = w("rPr")
_BOXES = frozenset({w("txbxContent"), a("txBody")})
_VISIBLE = frozenset(
    {
        *_TEXTS,
        w("sym"),
        names.FIGURE_PROPERTIES,
        c("chart"),
        dgm("relIds"),
        names.EMBEDDED_OBJECT,
        names.NEW_CHART,
    }
)
# "Page x of y" without its numbers, in many languages.
_LONGEST_PAGE_LABEL = 12
# Programs describe a picture by where it came from.
_FILE_NAME = re.compile(r"(\S+|.*[/\\].*)\.(png|jpe?g|gif|bmp|tiff?|emf|wmf|svg|webp)", re.IGNORECASE)


class Reference:
    """A reference to a note or comment: `kind` is "footnote", "endnote" or "comment"."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind = kind
        self.key = key


class Content:
    """What a paragraph holds: its text, and the boxes and blocks that stand beside it."""

    def __init__(self) -> None:
        self.line = Line()
        self.beside: list[etree._Element | Block] = []
        self.page_number_seen = False

    def text(self) -> str:
        """The text, "" if it is nothing but a page number with its label."""
        text = self.line.text().strip()
        if self.page_number_seen and sum(map(str.isalnum, text)) <= _LONGEST_PAGE_LABEL:
            return ""
        return text


class InlineReader:
    """Reads the content of paragraphs of one part. Call it in document order: fields go over paragraphs."""

    def __init__(self, styles: Styles, related: Related, addresses_told: set[str]) -> None:
        self.references: list[Reference] = []
        """Notes and comments referred to since this list was last cleared."""
        self._styles = styles
        self._related = related
        self._addresses_told = addresses_told
        self._fields = Fields()
        self._style: str | None = None
        self._look: Look = styles.look(None, None)
        self._handlers: dict[str, Callable[[etree._Element, Content], None]] = {
            w("r"): self._run,
            a("r"): self._descend,
            w("sym"): self._symbol,
            w("fldChar"): self._field,
            w("instrText"): self._field_code,
            w("fldSimple"): self._simple_field,
            w("hyperlink"): self._link,
            m("oMath"): self._equation,
            m("oMathPara"): self._equations,
            mc("AlternateContent"): self._alternatives,
            names.FIGURE_PROPERTIES: self._figure,
            names.OLD_SHAPE: self._old_shape,
            names.EMBEDDED_OBJECT: self._object,
            names.NEW_CHART: self._chart,
            c("chart"): self._chart,
            dgm("relIds"): self._diagram,
            **dict.fromkeys(_TEXTS, self._text),
            **dict.fromkeys(_BETWEEN, self._separator),
            **dict.fromkeys(_REFERENCES, self._reference),
            **dict.fromkeys(_BOXES, self._box),
            **dict.fromkeys(LEFT_OUT, _nothing),
        }

    def read(self, paragraph: etree._Element, content: Content) -> None:
        """Append the content of a paragraph to `content`."""
        self._fields.forget_page_numbers()
        self._style = self._styles.style_of(paragraph)
        self._look = self._styles.look(self._style, None)
        self._descend(paragraph, content)

    def _descend(self, element: etree._Element, content: Content) -> None:
        for child in element:
            if (handler := self._handlers.get(child.tag)) is not None:
                handler(child, content)
            elif isinstance(child.tag, str):
                self._descend(child, content)

    def _run(self, run: etree._Element, content: Content) -> None:
        outer = self._look
        self._look = self._styles.look(self._style, run.find(_RUN_PROPERTIES))
        self._descend(run, content)
        self._look = outer

    def _text(self, element: etree._Element, content: Content) -> None:
        # Comments of XML may cut the text into pieces.
        self._add(element.text if not len(element) else "".join(element.itertext(element.tag)), content)

    def _separator(self, element: etree._Element, content: Content) -> None:
        self._add(_BETWEEN[element.tag], content)

    def _symbol(self, element: etree._Element, content: Content) -> None:
        self._add(symbol(element.get(w("font"), ""), element.get(w("char"), "")), content)

    def _add(self, text: str | None, content: Content) -> None:
        look = self._look
        if not text or look.hidden or self._fields.are_choice():
            return
        if self._fields.are_page_number():
            content.page_number_seen = True
            return
        content.line.add(text, "struck" if look.struck else look.place)

    def _field(self, mark: etree._Element, content: Content) -> None:
        kind = mark.get(w("fldCharType"))
        if kind == "begin":
            self._add(form_value(mark), content)
            self._fields.begin()
        elif kind == "end" and (address := self._fields.end()):
            self._tell_address(readable_address(address), content)

    def _field_code(self, code: etree._Element, _content: Content) -> None:
        self._fields.add_code(code.text or "")

    def _simple_field(self, field: etree._Element, content: Content) -> None:
        self._fields.begin(field.get(w("instr"), ""))
        self._descend(field, content)
        if address := self._fields.end():
            self._tell_address(readable_address(address), content)

    def _link(self, link: etree._Element, content: Content) -> None:
        self._descend(link, content)
        self._tell_address(self._related.address(link.get(names.ID, "")), content)

    def _tell_address(self, address: str | None, content: Content) -> None:
        """Write an address below the paragraph, so that it cuts no sentence, unless it was written before."""
        if address is None or self._look.hidden or address in self._addresses_told:
            return
        self._addresses_told.add(address)
        bare = address.removeprefix("https://").removeprefix("http://").rstrip("/")
        if not content.line.holds(bare):
            content.beside.append(Block(f"Link: {address}"))

    def _equation(self, equation: etree._Element, content: Content) -> None:
        self._add(linear(equation), content)

    def _equations(self, paragraph: etree._Element, content: Content) -> None:
        """Equations on lines of their own."""
        for number, equation in enumerate(paragraph.iterfind(m("oMath"))):
            self._add(("\n" if number else "") + linear(equation), content)

    def _alternatives(self, element: etree._Element, content: Content) -> None:
        chosen = choose(element)
        if chosen is not None:
            self._descend(chosen, content)

    def _reference(self, element: etree._Element, _content: Content) -> None:
        if not self._look.hidden:
            self.references.append(Reference(_REFERENCES[element.tag], element.get(w("id"), "")))

    def _box(self, box: etree._Element, content: Content) -> None:
        if not self._look.hidden:
            content.beside.append(box)

    def _figure(self, properties: etree._Element, content: Content) -> None:
        if properties.get("hidden") not in ("1", "true"):
            self._describe(properties.get("descr") or properties.get("title"), content)

    def _old_shape(self, shape: etree._Element, content: Content) -> None:
        self._describe(shape.get("alt"), content)
        self._descend(shape, content)

    def _describe(self, description: str | None, content: Content) -> None:
        text = one_line(description or "")
        if text and not _FILE_NAME.fullmatch(text):
            self._add(f"[Figure: {text}]", content)

    def _object(self, element: etree._Element, content: Content) -> None:
        if not self._look.hidden:
            program = element.get("ProgID", "")
            content.beside += self._related.embedded_object(element.get(names.ID, ""), program)

    def _chart(self, element: etree._Element, content: Content) -> None:
        if not self._look.hidden:
            content.beside += self._related.chart(element.get(names.ID, ""))

    def _diagram(self, element: etree._Element, content: Content) -> None:
        if not self._look.hidden:
            content.beside += self._related.diagram(element.get(r("dm"), ""))


def choose(alternatives: etree._Element) -> etree._Element | None:
    """One of several equivalent forms: the first, for the newest readers, that has something to read."""
    forms = [form for form in alternatives if isinstance(form.tag, str)]
    for wanted in (_TEXTS, _VISIBLE):
        for form in forms:
            if any(element.tag not in _TEXTS or element.text for element in form.iter(*wanted)):
                return form
    return None


def _nothing(_element: etree._Element, _content: Content) -> None:
    pass
