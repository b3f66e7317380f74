"""Sets parsed Markdown as a DOCX: title, headings, lists, tables, and footnotes as Word keeps them."""

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape

import docx
from docx.document import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph
from markdown_it.tree import SyntaxTreeNode

WHEN = datetime(2025, 1, 1)
ACCENT = RGBColor(0x0B, 0x5F, 0x77)
REFERENCE = re.compile(r"\[\^(\d+)\]")
FOOTNOTE = re.compile(r"\[\^(\d+)\]: ")


def write_docx(blocks: Sequence[SyntaxTreeNode], path: Path) -> None:
    """Write `blocks` (the children of a parsed document) to `path`.

    Raises:
        ValueError: the text uses Markdown that this writer doesn't know.
    """
    document = docx.Document()
    _set_styles(document)
    notes: dict[int, str] = {}
    for block in blocks:
        _add_block(document, block, notes)
    _add_footnotes(document, notes)
    title = _plain(blocks[0])
    document.sections[0].footer.paragraphs[0].text = f"Quillhaven Water Systems · {title}"
    properties = document.core_properties
    properties.title, properties.author, properties.comments = title, "Quillhaven Water Systems", ""
    properties.created = properties.modified = WHEN
    _save(document, path)


def _set_styles(document: Document) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.5)
    styles = document.styles
    styles["Normal"].font.name, styles["Normal"].font.size = "Calibri", Pt(11)
    styles["Normal"].paragraph_format.space_after = Pt(6)
    for name in ("Title", "Heading 1", "Heading 2"):
        styles[name].font.name, styles[name].font.color.rgb = "Calibri", ACCENT
        # The template's headings name theme fonts, which win over the name set above.
        fonts = styles[name].element.rPr.rFonts
        for key in [key for key in fonts.keys() if key.endswith("Theme")]:  # noqa: SIM118 - lxml's element
            del fonts.attrib[key]


def _add_block(document: Document, block: SyntaxTreeNode, notes: dict[int, str]) -> None:
    match block.type:
        case "heading":
            _add_inline(document.add_heading(level=int(block.tag[1]) - 1), block)
        case "paragraph":
            text = _plain(block)
            if note := FOOTNOTE.match(text):
                notes[int(note[1])] = text[note.end() :]
            else:
                _add_inline(document.add_paragraph(), block)
        case "bullet_list" | "ordered_list":
            style = "List Bullet" if block.type == "bullet_list" else "List Number"
            for item in block.children:
                for part in item.children:
                    _add_inline(document.add_paragraph(style=style), part)
        case "table":
            _add_table(document, [row.children for part in block.children for row in part.children])
        case _:
            raise ValueError(f"the demo's DOCX writer doesn't know {block.type!r}")


def _add_table(document: Document, rows: list[list[SyntaxTreeNode]]) -> None:
    table = document.add_table(len(rows), len(rows[0]), style="Light Grid Accent 5")
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    for i, (row, cells) in enumerate(zip(table.rows, rows, strict=True)):
        for cell, content in zip(row.cells, cells, strict=True):
            _add_inline(cell.paragraphs[0], content, bold=i == 0 or None)
    document.add_paragraph()


def _add_inline(
    paragraph: Paragraph, block: SyntaxTreeNode, bold: bool | None = None, italic: bool | None = None
) -> None:
    match block.type:
        case "text":
            pieces = REFERENCE.split(block.content)
            for i, piece in enumerate(pieces):
                if i % 2:
                    _add_reference(paragraph, piece)
                elif piece:
                    run = paragraph.add_run(piece)
                    run.bold, run.italic = bold, italic
        case "softbreak":
            paragraph.add_run(" ")
        case "strong" | "em" | "heading" | "paragraph" | "inline" | "th" | "td":
            for child in block.children:
                _add_inline(paragraph, child, bold or block.type == "strong", italic or block.type == "em")
        case _:
            raise ValueError(f"the demo's DOCX writer doesn't know {block.type!r}")


def _add_reference(paragraph: Paragraph, note: str) -> None:
    run = paragraph.add_run()
    run.font.superscript = True
    reference = OxmlElement("w:footnoteReference")
    reference.set(qn("w:id"), note)
    run._r.append(reference)


def _add_footnotes(document: Document, notes: dict[int, str]) -> None:
    """Footnotes live in a part of their own, which python-docx 1.2 can't make."""
    if not notes:
        return
    # Word refuses the part without these two.
    rule = '<w:footnote w:type="{kind}" w:id="{id}"><w:p><w:r><w:{kind}/></w:r></w:p></w:footnote>'
    xml = rule.format(kind="separator", id=-1) + rule.format(kind="continuationSeparator", id=0)
    mark = '<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:footnoteRef/></w:r>'
    for number, text in sorted(notes.items()):
        words = f'<w:r><w:t xml:space="preserve"> {escape(text)}</w:t></w:r>'
        xml += f'<w:footnote w:id="{number}"><w:p>{mark}{words}</w:p></w:footnote>'
    part = Part(
        PackURI("/word/footnotes.xml"),
        CONTENT_TYPE.WML_FOOTNOTES,
        f'<?xml version="1.0" encoding="UTF-8"?><w:footnotes {nsdecls("w")}>{xml}</w:footnotes>'.encode(),
        document.part.package,
    )
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)


def _save(document: Document, path: Path) -> None:
    """Save with fixed times in the zip, so that the same text makes the same bytes."""
    buffer = io.BytesIO()
    document.save(buffer)
    with zipfile.ZipFile(buffer) as made, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as fixed:
        for name in made.namelist():
            info = zipfile.ZipInfo(name, WHEN.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            fixed.writestr(info, made.read(name))


def _plain(block: SyntaxTreeNode) -> str:
    if block.type == "softbreak":
        return " "
    return block.content if block.type == "text" else "".join(map(_plain, block.children))
