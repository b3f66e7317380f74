import io
import resource
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.errors import EncryptedError, UnsupportedTypeError
from ingest.parsers import detect_type, parse
from ingest.settings import ParserLimits

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def ole2(entry: str) -> bytes:
    """The beginning of an OLE2 container whose directory, in sector 0, names `entry`."""
    header = bytearray(512)
    header[:8] = OLE2
    header[30:32] = struct.pack("<H", 9)
    return bytes(header) + entry.encode("utf-16-le").ljust(512, b"\0")


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_the_bytes_count_and_not_the_name(
    write_pdf: Callable[..., Path], write_docx: Callable[..., Path]
) -> None:
    pdf = write_pdf([["text"]]).rename(write_docx("").parent / "a.docx")
    docx = write_docx("").rename(pdf.parent / "b.pdf")
    assert (detect_type(pdf), detect_type(docx)) == ("pdf", "docx")


def test_a_pdf_may_begin_late(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\n" * 1019 + b"%PDF-1.7")
    assert detect_type(path) == "pdf"
    path.write_bytes(b"\n" * 1020 + b"%PDF-1.7")
    with pytest.raises(UnsupportedTypeError):
        detect_type(path)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (ole2("WordDocument"), r"\.doc"),
        (b"{\\rtf1 hello", "RTF"),
        (b"\x89PNG\r\n\x1a\n123", "PNG.*OCR"),
        (b"\xff\xd8\xff\xe0", "JPEG.*OCR"),
        (b"  <!DOCTYPE html><p>", "web page"),
        (b"just words\n", "plain text"),
        (b"\x00\x01\x02", "neither"),
        (b"PK\x03\x04 cut off", "damaged"),
        (zipped({"a.txt": "x"}), "zip archive. Unpack"),
        (zipped({"[Content_Types].xml": "application/...spreadsheetml.sheet.main+xml"}), "Excel"),
        (zipped({"mimetype": "x", "content.xml": "x"}), "OpenDocument"),
    ],
)
def test_what_it_is_and_what_to_do(tmp_path: Path, data: bytes, word: str) -> None:
    path = tmp_path / "file.pdf"
    path.write_bytes(data)
    with pytest.raises(UnsupportedTypeError, match=word) as caught:
        detect_type(path)
    assert str(tmp_path) not in str(caught.value)


def test_a_docx_with_a_password_is_told_from_an_old_doc(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(ole2("EncryptedPackage"))
    assert detect_type(path) == "docx"
    with pytest.raises(EncryptedError, match="password"):
        parse(path, ParserLimits())


def test_the_main_part_may_have_another_name(tmp_path: Path) -> None:
    path = tmp_path / "file"
    content_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    path.write_bytes(zipped({"[Content_Types].xml": content_type, "word/document2.xml": "<x/>"}))
    assert detect_type(path) == "docx"


def test_little_is_read_of_a_hostile_archive(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    bomb.write_bytes(zipped({"[Content_Types].xml": " " * 60_000_000}))
    crowd = tmp_path / "crowd"
    crowd.write_bytes(zipped({f"{number:060}": "" for number in range(30_000)}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in (bomb, crowd):
        with pytest.raises(UnsupportedTypeError):
            detect_type(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
