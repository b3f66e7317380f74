"""Sets parsed Markdown as a PDF: title, contents, chapters on new pages, tables, page footers, outline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from markdown_it.tree import SyntaxTreeNode
from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    HRFlowable,
    ListFlowable,
    ListItem,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)
from reportlab.platypus.tableofcontents import TableOfContents

INK = colors.HexColor("#1d2733")
ACCENT = colors.HexColor("#0b5f77")
PALE = colors.HexColor("#e9f1f4")
LINE = colors.HexColor("#b9c9d0")
MARGIN = 25 * mm
WIDTH = A4[0] - 2 * MARGIN

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=11.2, leading=17, textColor=INK, spaceAfter=8)
CELL = ParagraphStyle("cell", parent=BODY, fontSize=10, leading=13.5, spaceAfter=0, alignment=TA_LEFT)
HEAD_CELL = ParagraphStyle("head", parent=CELL, fontName="Helvetica-Bold", textColor=ACCENT)
SUBTITLE = ParagraphStyle("subtitle", parent=BODY, textColor=ACCENT, spaceAfter=14)
BOLD = "Helvetica-Bold"
HEADINGS = {
    1: ParagraphStyle("h1", fontName=BOLD, fontSize=25, leading=30, textColor=INK, spaceAfter=8),
    2: ParagraphStyle("h2", fontName=BOLD, fontSize=18, leading=23, textColor=ACCENT, spaceAfter=10),
    3: ParagraphStyle(
        "h3", fontName=BOLD, fontSize=12.5, leading=17, textColor=INK, spaceBefore=11, spaceAfter=4
    ),
}


class _Document(BaseDocTemplate):
    """Adds what the flowables know only once they stand on a page: outline, contents, running title."""

    def __init__(self, path: Path, title: str) -> None:
        # invariant: fixed dates and ids, so that the same text makes the same bytes.
        super().__init__(
            str(path), pagesize=A4, title=title, author="Quillhaven Water Systems", invariant=1, lang="en"
        )
        frame = Frame(MARGIN, 24 * mm, WIDTH, A4[1] - 48 * mm, 0, 0, 0, 0)
        self.addPageTemplates(PageTemplate(frames=[frame], onPage=self._furnish))

    def _furnish(self, canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.setFont("Helvetica", 8.5)
        canvas.setFillColor(ACCENT)
        canvas.drawString(MARGIN, 14 * mm, self.title)
        canvas.drawRightString(A4[0] - MARGIN, 14 * mm, f"Page {canvas.getPageNumber()}")
        canvas.setStrokeColor(LINE)
        canvas.line(MARGIN, 18 * mm, A4[0] - MARGIN, 18 * mm)

    def afterFlowable(self, flowable: Flowable) -> None:
        level = {"h2": 0, "h3": 1}.get(getattr(getattr(flowable, "style", None), "name", ""))
        if level is None:
            return
        text, key = flowable.getPlainText(), f"part-{self.page}-{self.frame._y:.0f}"
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(text, key, level=level, closed=level == 0)
        if level == 0:
            self.notify("TOCEntry", (0, text, self.page, key))


def write_pdf(blocks: Sequence[SyntaxTreeNode], path: Path) -> None:
    """Write `blocks` (the children of a parsed document) to `path`.

    Raises:
        ValueError: the text uses Markdown that this writer doesn't know.
    """
    title, subtitle, *rest = blocks
    contents = TableOfContents(levelStyles=[ParagraphStyle("toc", parent=BODY, leading=17, spaceAfter=0)])
    contents.dotsMinLevel = 0
    story: list[Flowable] = [
        Paragraph(_inline(title), HEADINGS[1]),
        Paragraph(_inline(subtitle), SUBTITLE),
        HRFlowable(width="100%", color=LINE, spaceAfter=14),
    ]
    first_chapter = next(i for i, block in enumerate(rest) if block.type == "heading")
    for block in rest[:first_chapter]:
        story += _flowables(block)
    story += [Spacer(0, 10), Paragraph("Contents", ParagraphStyle("contents", parent=HEADINGS[3])), contents]
    for block in rest[first_chapter:]:
        story += _flowables(block)
    # Two passes: the first finds the pages that the contents name.
    _Document(path, _plain(title)).multiBuild(story)


def _flowables(block: SyntaxTreeNode) -> list[Flowable]:
    match block.type:
        case "heading" if block.tag == "h2":
            return [PageBreak(), Paragraph(_inline(block), HEADINGS[2])]
        case "heading":
            return [CondPageBreak(30 * mm), Paragraph(_inline(block), HEADINGS[3])]
        case "paragraph":
            return [Paragraph(_inline(block), BODY)]
        case "bullet_list" | "ordered_list":
            kind: dict[str, Any] = {"bulletType": "1", "bulletFormat": "%s."}
            if block.type == "bullet_list":
                kind = {"bulletType": "bullet", "start": "•"}
            items = [ListItem([f for b in item.children for f in _flowables(b)]) for item in block.children]
            return [ListFlowable(items, leftIndent=18, bulletFontSize=11, **kind)]
        case "table":
            return [_table(block), Spacer(0, 10)]
    raise ValueError(f"the demo's PDF writer doesn't know {block.type!r}")


def _table(block: SyntaxTreeNode) -> Table:
    head, *body = [row.children for part in block.children for row in part.children]
    cells = [[Paragraph(_inline(c), HEAD_CELL) for c in head]]
    cells += [[Paragraph(_inline(c), CELL) for c in row] for row in body]
    # Short columns get what they need; the others share the rest by their longest cell.
    longest = [
        max(stringWidth(_plain(row[i]), BOLD, CELL.fontSize) for row in [head, *body]) + 16
        for i in range(len(head))
    ]
    short = min(WIDTH / 6, max(longest) - 1)
    fixed = sum(width for width in longest if width <= short)
    shared = sum(min(width, WIDTH * 0.45) for width in longest if width > short)
    scale = (WIDTH - fixed) / shared
    widths = [width if width <= short else min(width, WIDTH * 0.45) * scale for width in longest]
    table = Table(cells, colWidths=widths, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), PALE),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, ACCENT),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("TOPPADDING", (0, 0), (-1, -1), 4),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
            ]
        )
    )
    return table


def _inline(block: SyntaxTreeNode) -> str:
    """The text of a block in reportlab's own markup."""
    tags = {"strong": "b", "em": "i"}
    match block.type:
        case "text":
            return escape(block.content)
        case "softbreak":
            return " "
        case "strong" | "em":
            tag = tags[block.type]
            return f"<{tag}>{''.join(map(_inline, block.children))}</{tag}>"
        case "heading" | "paragraph" | "inline" | "th" | "td":
            return "".join(map(_inline, block.children))
    raise ValueError(f"the demo's PDF writer doesn't know {block.type!r}")


def _plain(block: SyntaxTreeNode) -> str:
    if block.type == "softbreak":
        return " "
    return block.content if block.type == "text" else "".join(map(_plain, block.children))
