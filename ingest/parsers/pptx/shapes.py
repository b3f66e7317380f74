"""The text of the shapes of a slide, in their order."""

from collections.abc import Callable, Iterator

from lxml import etree

from ingest.parsers.blocks import Block, one_line
from ingest.parsers.docx.charts import chart_blocks, diagram_block
from ingest.parsers.docx.names import a, c, mc, r
from ingest.parsers.line import Line, Mark
from ingest.parsers.tables import Cell, Row, table_of

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
_TITLES = frozenset({"title", "ctrTitle"})
# What a template repeats on every slide.
_REPEATED = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})
_INDENT = "  "
_DEEPEST_INDENT = 8
_MOST_COLUMNS = 200
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"

_Related = Callable[[str], etree._Element | None]
"""The root of the part that a relationship's id names."""


class ShapeReader:
    """Reads the shapes of one slide."""

    def __init__(self, related: _Related) -> None:
        self._related = related
        self.unread = 0
        """Embedded objects that were not read."""

    def blocks(self, tree: etree._Element) -> Iterator[Block]:
        """The blocks of a tree of shapes; the title of the slide is a heading."""
        for shape in tree:
            tag = shape.tag
            if _is_hidden(shape):
                continue
            if tag == f"{_P}sp":
                yield from self._shape(shape)
            elif tag == f"{_P}grpSp":
                yield from self.blocks(shape)
            elif tag == f"{_P}graphicFrame":
                yield from self._frame(shape)
            elif tag == f"{_P}pic":
                yield from _picture(shape)
            elif tag == mc("AlternateContent") and len(shape):
                # The first choice, or what older programs show instead.
                yield from self.blocks(shape[0])

    def _shape(self, shape: etree._Element) -> Iterator[Block]:
        kind = placeholder(shape)
        body = shape.find(f"{_P}txBody")
        if body is None or kind in _REPEATED:
            return
        if kind in _TITLES:
            text = one_line(" ".join(paragraphs(body)))
            if text:
                yield Block(text, level=1)
            return
        text = "\n".join(paragraphs(body))
        if text:
            yield Block(text)

    def _frame(self, frame: etree._Element) -> Iterator[Block]:
        table = next(frame.iter(a("tbl")), None)
        chart = next(frame.iter(c("chart")), None)
        diagram = next(frame.iter(_DIAGRAM), None)
        if table is not None:
            block = _table(table)
            if block is not None:
                yield block
        elif chart is not None:
            root = self._related(chart.get(r("id"), ""))
            if root is not None:
                yield from chart_blocks(root)
        elif diagram is not None:
            root = self._related(diagram.get(r("dm"), ""))
            block = None if root is None else diagram_block(root)
            if block is not None:
                yield block
        elif next(frame.iter(f"{_P}oleObj"), None) is not None:
            self.unread += 1


def placeholder(shape: etree._Element) -> str | None:
    """The kind of a placeholder, None if the shape is none."""
    found = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return None if found is None else found.get("type", "obj")


def paragraphs(body: etree._Element) -> list[str]:
    """The paragraphs of a text, indented as their levels are."""
    found = []
    for paragraph in body.iterfind(a("p")):
        text = _paragraph(paragraph)
        if not text:
            continue
        properties = paragraph.find(a("pPr"))
        level = "" if properties is None else properties.get("lvl", "")
        depth = min(int(level), _DEEPEST_INDENT) if level.isdecimal() and len(level) < 3 else 0
        has_bullet = properties is not None and any(
            properties.find(a(name)) is not None for name in ("buChar", "buAutoNum")
        )
        label = "- " if depth or has_bullet else ""
        found.append(f"{_INDENT * depth}{label}{text}")
    return found


def _paragraph(paragraph: etree._Element) -> str:
    line = Line()
    for child in paragraph:
        if child.tag == a("br"):
            line.add("\n")
        elif child.tag in (a("r"), a("fld")):
            line.add(child.findtext(a("t"), ""), _mark(child.find(a("rPr"))))
        elif child.tag not in (a("pPr"), a("endParaRPr")):
            line.add("".join(child.itertext(a("t"), _MATH_TEXT)))
    return "\n".join(filter(None, map(one_line, line.text().split("\n"))))


def _mark(properties: etree._Element | None) -> Mark:
    if properties is None:
        return ""
    if properties.get("strike", "noStrike") != "noStrike":
        return "struck"
    baseline = properties.get("baseline", "0").rstrip("%")
    if baseline.lstrip("-0") == "":
        return ""
    return "subscript" if baseline.startswith("-") else "superscript"


def _table(table: etree._Element) -> Block | None:
    properties = table.find(a("tblPr"))
    has_header = properties is not None and properties.get("firstRow") in ("1", "true")
    rows = []
    for number, element in enumerate(table.iterfind(a("tr"))):
        cells: list[Cell] = []
        for at, cell in enumerate(element.iterfind(a("tc"))):
            if at >= _MOST_COLUMNS:
                break
            if cells and cell.get("hMerge") in ("1", "true"):
                cells[-1] = cells[-1]._replace(width=cells[-1].width + 1)
                continue
            body = cell.find(a("txBody"))
            blocks = [Block(text) for text in paragraphs(body)] if body is not None else []
            cells.append(Cell(at, 1, blocks, continued=cell.get("vMerge") in ("1", "true")))
        rows.append(Row(cells, is_header=has_header and number == 0))
    return table_of(rows)


def _picture(picture: etree._Element) -> Iterator[Block]:
    properties = picture.find(f"{_P}nvPicPr/{_P}cNvPr")
    description = "" if properties is None else one_line(properties.get("descr", ""))
    # One word is the name of a file.
    if " " in description:
        yield Block(f"[{description}]")


def _is_hidden(shape: etree._Element) -> bool:
    properties = shape.find(f"*/{_P}cNvPr") if isinstance(shape.tag, str) else None
    return properties is not None and properties.get("hidden") in ("1", "true")
