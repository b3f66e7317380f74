from collections.abc import Callable
from pathlib import Path

import pypdf
import pypdf.generic
import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from ingest.errors import EncryptedError, LimitError, NoTextError, PermanentError
from ingest.parsers import parse
from ingest.settings import ParserLimits
from ingest.types import ReadingWarning

Write = Callable[..., Path]


def test_one_passage_per_page(write_pdf: Write, limits: ParserLimits) -> None:
    path = write_pdf([["First page,", "second line."], ["Second page."]], title="The Title")
    document = parse(path, limits)
    assert [(passage.page, passage.text) for passage in document.passages] == [
        (1, "First page,\nsecond line."),
        (2, "Second page."),
    ]
    assert (document.type, document.title, document.pages, document.warnings) == ("pdf", "The Title", 2, [])


def test_pages_without_text_keep_their_numbers_and_are_reported(
    write_pdf: Write, limits: ParserLimits
) -> None:
    document = parse(write_pdf([[], ["Text."], []]), limits)
    assert [passage.page for passage in document.passages] == [2]
    assert document.pages == 3
    assert document.warnings == [
        ReadingWarning("page_without_text", "There is no text on 2 of 3 pages (1, 3).", [1, 3])
    ]


def test_missing_text_is_an_error(write_pdf: Write, limits: ParserLimits) -> None:
    with pytest.raises(NoTextError, match=r"any of its 2 pages, and nothing that may be a picture"):
        parse(write_pdf([[], []]), limits)


def test_headings_come_from_the_outline(write_pdf: Write, limits: ParserLimits) -> None:
    outline = {
        2: [(0, "One")],
        3: [(1, "One A")],
        5: [(1, "One B"), (0, "Two")],
        6: [(1, "Two A"), (1, "Two B")],
    }
    document = parse(write_pdf([["text"]] * 7, outline=outline), limits)
    assert [passage.heading for passage in document.passages] == [
        None,
        "One",
        "One > One A",
        "One > One A",
        "One > One B",
        "Two",
        "Two > Two B",
    ]


def test_broken_outline_is_ignored(write_pdf: Write, limits: ParserLimits) -> None:
    path = write_pdf([["text"]], outline={1: [(0, "One")]})
    writer = pypdf.PdfWriter(clone_from=path)
    entry = writer.root_object["/Outlines"]["/First"]
    entry[pypdf.generic.NameObject("/Next")] = entry.indirect_reference
    entry[pypdf.generic.NameObject("/Dest")] = pypdf.generic.NumberObject(99)
    writer.write(path)
    document = parse(path, limits)
    assert (document.passages[0].text, document.warnings) == ("text", [])


def test_form_field_values_are_text(write_pdf: Write, limits: ParserLimits) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.acroForm.textfield(name="who", value="Ada Lovelace", x=200, y=600, width=200, height=20)

    assert "Ada Lovelace" in parse(write_pdf([["Name:"]], draw=draw), limits).passages[0].text


def test_empty_password_is_accepted(write_pdf: Write, limits: ParserLimits) -> None:
    path = write_pdf([["Not so secret."]], encrypt=StandardEncryption("", "owner", strength=128))
    assert parse(path, limits).passages[0].text == "Not so secret."


def test_password_protection_is_reported(write_pdf: Write, limits: ParserLimits) -> None:
    path = write_pdf([["Secret."]], encrypt=StandardEncryption("user", "owner", strength=128))
    with pytest.raises(EncryptedError, match="password"):
        parse(path, limits)


def test_unloadable_page_does_not_shift_the_others(write_pdf: Write, limits: ParserLimits) -> None:
    path = write_pdf([["one"], ["two"], ["three"]])
    writer = pypdf.PdfWriter(clone_from=path)
    writer.root_object["/Pages"]["/Kids"][1] = pypdf.generic.NullObject()
    writer.write(path)
    document = parse(path, limits)
    assert [(passage.page, passage.text) for passage in document.passages] == [(1, "one"), (3, "three")]
    assert document.warnings == [ReadingWarning("page_failed", "No text could be read on page 2 of 3.", [2])]


def test_pypdf_reads_files_that_pdfium_rejects(write_pdf: Write, limits: ParserLimits) -> None:
    path = write_pdf([["Still here."]])
    # pdfium trusts the page count, while pypdf walks the page tree.
    path.write_bytes(path.read_bytes().replace(b"/Count 1 ", b"/Count 0 "))
    assert parse(path, limits).passages[0].text == "Still here."


@pytest.mark.parametrize("rest", [b"", b"1.7\n%\xe2\xe3\n1 0 obj\n<< /Type /Catalog >>\n", b"\x00" * 5000])
def test_damaged_file(tmp_path: Path, limits: ParserLimits, rest: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"%PDF-" + rest)
    with pytest.raises(PermanentError, match="damaged") as caught:
        parse(path, limits)
    assert str(tmp_path) not in str(caught.value)


def test_limits(write_pdf: Write) -> None:
    path = write_pdf([["x" * 80] * 40] * 4)
    with pytest.raises(LimitError, match="4 pages and the limit is 3"):
        parse(path, ParserLimits(pages=3))
    with pytest.raises(LimitError, match="more than 0 MB of text"):
        parse(path, ParserLimits(output_mb=0))
