"""What a PDF holds beside the text of its pages: forms, notes, links, layers, attached files."""

import io
from collections.abc import Callable
from pathlib import Path

import docx
import pypdf
import pytest
from pypdf.annotations import FreeText, Text
from reportlab.pdfgen.canvas import Canvas

from ingest.parsers import parse
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument
from tests.unit.ingest.parsers.pdf_files import at, drawn_pdf, lines, shown, written_pdf


def parsed(path: Path) -> ParsedDocument:
    return parse(path, ParserLimits())


def text_of(path: Path) -> str:
    return "\n".join(passage.text for passage in parsed(path).passages)


def codes_of(document: ParsedDocument) -> list[str]:
    return [warning.code for warning in document.reading_warnings]


def changed(path: Path, change: Callable[[pypdf.PdfWriter], object]) -> Path:
    writer = pypdf.PdfWriter(clone_from=path)
    change(writer)
    writer.write(path)
    return path


def test_form_fields_stand_at_their_labels(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        at(
            (60, 700, "Name:"),
            (60, 670, "Berth:"),
            (60, 640, "Power"),
            (60, 610, "Storage"),
            (60, 580, "Pays by"),
        )(canvas)
        at((180, 580, "invoice"), (260, 580, "card"))(canvas)
        form = canvas.acroForm
        form.textfield(name="name", value="Sea Thrush", x=150, y=695, width=200, height=18)
        form.choice(name="berth", value="East", options=["East", "West"], x=150, y=665, width=100, height=18)
        form.checkbox(name="power", checked=True, x=150, y=636, size=14)
        form.checkbox(name="storage", checked=False, x=150, y=606, size=14)
        form.radio(name="pay", value="invoice", selected=False, x=160, y=576, size=14)
        form.radio(name="pay", value="card", selected=True, x=240, y=576, size=14)

    assert text_of(drawn_pdf(tmp_path / "a.pdf", draw)).split("\n") == [
        "Name: Sea Thrush",
        "Berth: East",
        "Power \u2612",
        "Storage \u2610",
        "Pays by \u2610 invoice \u2612 card",
    ]


def test_typed_on_text_is_read_and_notes_are_named(tmp_path: Path) -> None:
    def annotate(writer: pypdf.PdfWriter) -> None:
        writer.add_annotation(0, FreeText(text="Approved by the board", rect=(60, 600, 300, 620)))
        writer.add_annotation(0, Text(text="Check this again", rect=(400, 600, 420, 620)))

    document = parsed(changed(drawn_pdf(tmp_path / "a.pdf", lines("Draft budget.")), annotate))
    assert document.passages[0].text == "Draft budget.\nApproved by the board"
    assert codes_of(document) == ["notes_left_out"]
    assert document.reading_warnings[0].pages == [1]


def test_addresses_of_links_are_read_once(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        at((60, 700, "Apply on the portal or at www.example.org today."))(canvas)
        left = 60 + canvas.stringWidth("Apply on the ", "Helvetica", 11)
        right = left + canvas.stringWidth("portal", "Helvetica", 11)
        for _ in range(2):
            canvas.linkURL("https://portal.example.org/leave", (left, 698, right, 710))
        canvas.linkURL("https://www.example.org/", (200, 698, 300, 710))
        canvas.linkURL("file:///home/author/leave.html", (200, 698, 300, 710))

    passages = parsed(drawn_pdf(tmp_path / "a.pdf", draw)).passages
    assert [(passage.page, passage.text) for passage in passages] == [
        (1, "Apply on the portal or at www.example.org today."),
        (1, "portal: https://portal.example.org/leave"),
    ]


def test_printed_page_numbers_are_labels(tmp_path: Path) -> None:
    path = drawn_pdf(tmp_path / "a.pdf", lines("Preface"), lines("Contents"), lines("Chapter one"))

    def number(writer: pypdf.PdfWriter) -> None:
        writer.set_page_label(0, 1, style="/r")
        writer.set_page_label(2, 2, style="/D")

    assert [(passage.page, passage.label) for passage in parsed(changed(path, number)).passages] == [
        (1, "i"),
        (2, "ii"),
        (3, "1"),
    ]


LAYERS = (
    "<</Type /OCG /Name (Old)>>",
    "<</Type /OCG /Name (New)>>",
)


def test_hidden_layers_are_left_out(tmp_path: Path) -> None:
    content = (
        "BT /F1 12 Tf 60 700 Td (The price is 900.) Tj ET\n"
        "/OC /L1 BDC BT /F1 12 Tf 60 680 Td (The price was 650.) Tj ET EMC\n"
        "/OC /L2 BDC BT /F1 12 Tf 60 660 Td (The price may rise.) Tj ET EMC"
    )
    path = written_pdf(
        tmp_path / "a.pdf",
        content,
        page="/Properties <</L1 7 0 R /L2 8 0 R>>",
        catalog="/OCProperties <</OCGs [7 0 R 8 0 R] /D <</OFF [7 0 R]>>>>",
        more=LAYERS,
    )
    assert text_of(path) == "The price is 900.\nThe price may rise."


def test_text_that_stands_for_a_glyph(tmp_path: Path) -> None:
    content = (
        "BT /F1 12 Tf 60 700 Td (The o) Tj /Span <</ActualText (ffi)>> BDC (\x01) Tj EMC (cer signs.) Tj ET"
    )
    assert text_of(written_pdf(tmp_path / "a.pdf", content)) == "The officer signs."


def test_ligatures_by_the_names_of_their_glyphs(tmp_path: Path) -> None:
    path = written_pdf(
        tmp_path / "a.pdf",
        shown((60, 700, b"The o\x01cer \x02lls a \x03y paper.".hex())),
        font="/Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding <</Type /Encoding /BaseEncoding "
        "/WinAnsiEncoding /Differences [1 /f_f_i /f_i /f_l]>>",
    )
    document = parsed(path)
    assert (document.passages[0].text, document.warnings) == ("The officer fills a fly paper.", [])


def test_attached_files_are_read(tmp_path: Path) -> None:
    inner = drawn_pdf(tmp_path / "inner.pdf", lines("The vote was unanimous.")).read_bytes()
    word = docx.Document()
    word.add_paragraph("The bridge was closed.")
    written = io.BytesIO()
    word.save(written)

    def attach(writer: pypdf.PdfWriter) -> None:
        writer.add_attachment("minutes.pdf", inner)
        writer.add_attachment("report.docx", written.getvalue())
        writer.add_attachment("table.xlsx", b"PK not really")

    document = parsed(changed(drawn_pdf(tmp_path / "a.pdf", lines("Open the attached files.")), attach))
    assert [(passage.text, passage.page, passage.heading) for passage in document.passages] == [
        ("Open the attached files.", 1, None),
        ("The vote was unanimous.", None, "minutes.pdf"),
        ("The bridge was closed.", None, "report.docx"),
    ]
    assert codes_of(document) == ["attachments_read", "attachments_unread"]
    assert "table.xlsx" in document.reading_warnings[1].text


def test_data_of_a_dynamic_form_is_read(tmp_path: Path) -> None:
    form = (
        "<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'><template xmlns='http://www.xfa.org/schema/xfa-template/3.0/'>"
        "<field name='port'><caption><value><text>Port of arrival</text></value></caption></field></template>"
        "<xfa:datasets xmlns:xfa='http://www.xfa.org/schema/xfa-data/1.0/'><xfa:data><f><port>Bergen</port></f>"
        "</xfa:data></xfa:datasets></xdp:xdp>"
    )
    path = written_pdf(
        tmp_path / "a.pdf",
        shown((60, 700, b"Please wait ...".hex())),
        catalog="/NeedsRendering true /AcroForm <</Fields [] /XFA 7 0 R>>",
        more=(f"<</Length {len(form)}>>\nstream\n{form}\nendstream",),
    )
    document = parsed(path)
    assert document.passages[-1].text == "Port of arrival: Bergen"
    assert codes_of(document) == ["dynamic_form"]


@pytest.mark.parametrize("size", [100, 1500, 60_000])
def test_bytes_before_the_file(tmp_path: Path, size: int) -> None:
    path = drawn_pdf(tmp_path / "a.pdf", lines("Still here."))
    path.write_bytes(b"Content-Type: application/pdf\r\nX: " + b"y" * size + b"\r\n\r\n" + path.read_bytes())
    assert text_of(path) == "Still here."
