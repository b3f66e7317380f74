"""Text that can't be read is named, never stored as something else."""

from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ingest.errors import NoTextError
from ingest.parsers import parse
from ingest.parsers.pdf import by_pypdf
from ingest.settings import ParserLimits
from ingest.types import RecognizedLine, RecognizedPage
from tests.unit.ingest.parsers.pdf_files import at, drawn_pdf, lines, shown, written_pdf

GLYPH_NUMBERS = (
    "/Type /Font /Subtype /Type0 /BaseFont /ABCDEF+Some /Encoding /Identity-H "
    "/DescendantFonts [<</Type /Font /Subtype /CIDFontType2 /BaseFont /ABCDEF+Some "
    "/CIDSystemInfo <</Registry (Adobe) /Ordering (Identity) /Supplement 0>> /DW 600>>]"
)


def picture(canvas: Canvas) -> None:
    canvas.drawImage(ImageReader(Image.new("RGB", (60, 80), "gray")), 20, 20, 555, 800)


def test_picture_with_a_stamp_is_not_a_page_that_was_read(tmp_path: Path) -> None:
    def scan(canvas: Canvas) -> None:
        picture(canvas)
        at((400, 20, "CASE-0042 page 2"))(canvas)

    document = parse(drawn_pdf(tmp_path / "a.pdf", lines("Lease."), scan, picture), ParserLimits())
    (warning,) = document.reading_warnings
    assert (warning.code, warning.pages) == ("page_is_picture", [2, 3])
    assert "2, 3" in warning.text
    assert "OCR" in warning.text


def test_picture_behind_text_is_fine(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        picture(canvas)
        lines(*["This page has as much text as other pages have."] * 20)(canvas)

    assert parse(drawn_pdf(tmp_path / "a.pdf", page), ParserLimits()).warnings == []


def shifted(text: str) -> str:
    """Two bytes for each character: the number of its glyph in many fonts."""
    return "".join(f"{ord(character) - 29:04X}" for character in text)


def test_glyph_numbers_are_not_text(tmp_path: Path) -> None:
    content = shown((60, 700, shifted("Members pay 640 crowns a year, in advance.")))
    path = written_pdf(tmp_path / "a.pdf", content, font=GLYPH_NUMBERS)
    with pytest.raises(NoTextError, match=r"fonts.*OCR"):
        parse(path, ParserLimits())


def test_private_characters_are_not_text(tmp_path: Path) -> None:
    characters = {code: chr(0xF000 + code) for code in range(0x20, 0x7F)}
    path = written_pdf(
        tmp_path / "a.pdf", shown((60, 700, b"Members pay 640 crowns".hex())), characters=characters
    )
    with pytest.raises(NoTextError, match="fonts"):
        parse(path, ParserLimits())


def test_the_text_of_one_font_is_missing(tmp_path: Path) -> None:
    content = shown((60, 700, shifted("Rules of the rowing club"))) + (
        "BT /F2 12 Tf 60 680 Td (Members pay 640 crowns.) Tj ET"
    )
    path = written_pdf(tmp_path / "a.pdf", content, font=GLYPH_NUMBERS)
    path.write_bytes(
        path.read_bytes().replace(
            b"/F1 5 0 R>>", b"/F1 5 0 R /F2 <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>>>"
        )
    )
    document = parse(path, ParserLimits())
    assert document.passages[0].text == "Members pay 640 crowns."
    (warning,) = document.reading_warnings
    assert (warning.code, warning.pages) == ("unknown_characters", [1])


def test_bullets_of_a_symbol_font_lose_nothing(tmp_path: Path) -> None:
    characters = {code: chr(code) for code in range(0x20, 0x7F)} | {0x01: "\uf0b7"}
    content = shown(*((60, 700 - 20 * number, b"\x01 One thing to do".hex()) for number in range(5)))
    document = parse(written_pdf(tmp_path / "a.pdf", content, characters=characters), ParserLimits())
    assert document.warnings == []
    assert document.passages[0].text.count("One thing to do") == 5


def test_letters_of_a_font_without_unicode_values_are_kept(tmp_path: Path) -> None:
    font = (
        "/Type /Font /Subtype /Type3 /FontBBox [0 0 600 700] /FontMatrix [.001 0 0 .001 0 0] /CharProcs <<>> "
        "/Encoding <</Differences [48 /g0 /g1 /g2]>> /FirstChar 48 /LastChar 50 /Widths [600 600 600]"
    )
    document = parse(written_pdf(tmp_path / "a.pdf", shown((60, 700, "303132")), font=font), ParserLimits())
    assert (document.passages[0].text, document.warnings) == ("012", [])


def test_pypdf_is_not_asked_about_recognized_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(by_pypdf, "page_text", lambda reader, index: asked.append(index))
    line = RecognizedPage([RecognizedLine("Lease.", 60, 700, 120, 712)], 842)
    path = drawn_pdf(tmp_path / "a.pdf", picture, picture, picture)
    document = parse(path, ParserLimits(), recognized={1: line, 2: line})
    assert [passage.text for passage in document.passages] == ["Lease.", "Lease."]
    assert (asked, document.unread) == ([2], [3])


def test_recognized_text_is_a_part_of_the_page(tmp_path: Path) -> None:
    def scan(canvas: Canvas) -> None:
        picture(canvas)
        at((60, 20, "CASE-0042 page 1"))(canvas)

    found = [
        RecognizedLine("The rent is due on the first of the infor-", 60, 700, 300, 712),
        RecognizedLine("mation leaflet.", 60, 686, 140, 698),
        RecognizedLine("CASE-0O42 page l", 59, 17, 150, 31),
    ]
    path = drawn_pdf(tmp_path / "a.pdf", scan)
    document = parse(path, ParserLimits(), recognized={1: RecognizedPage(found, 842)})
    (passage,) = document.passages
    # The stamp is that of the page, the rest is recognized.
    assert passage.text.splitlines() == [
        "The rent is due on the first of the information leaflet.",
        "CASE-0042 page 1",
    ]
    assert [warning.code for warning in document.reading_warnings] == ["recognized"]
    unread = RecognizedPage(found, 842, is_readable=False)
    document = parse(path, ParserLimits(), recognized={1: unread})
    assert [warning.code for warning in document.reading_warnings] == ["page_is_picture"]
    assert [passage.text for passage in document.passages] == ["CASE-0042 page 1"]
