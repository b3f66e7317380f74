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
    """The beginning of an OLE2 container whose directory, in sector 0, contains `entry`."""
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


def test_type_depends_on_content_not_name(
    write_pdf: Callable[..., Path], write_docx: Callable[..., Path]
) -> None:
    pdf = write_pdf([["text"]]).rename(write_docx("").parent / "a.docx")
    docx = write_docx("").rename(pdf.parent / "b.pdf")
    assert (detect_type(pdf), detect_type(docx)) == ("pdf", "docx")


def test_pdf_header_may_be_preceded_by_other_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\n" * 1019 + b"%PDF-1.7")
    assert detect_type(path) == "pdf"
    path.write_bytes(b"words\n" * 200 + b"%PDF-1.7\n1 0 obj\n")
    assert detect_type(path) == "pdf"
    path.write_bytes(b"words\n" * 200 + b"%PDF-1.7 is how a PDF begins.\n")
    assert detect_type(path) == "txt"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (ole2("WordDocument"), r"\.doc"),
        (b"\x89PNG\r\n\x1a\n123", "PNG.*OCR"),
        (b"\xff\xd8\xff\xe0", "JPEG.*OCR"),
        (ole2("__properties_version1.0"), "Outlook"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><path/></svg>", "SVG"),
        (b"<?xml version='1.0'?><?mso-application progid='Word.Document'?><w:wordDocument/>", "Office"),
        (b"From a@b.org Fri Nov 27 10:00:00 2026\nSubject: x\n\nwords", "mailbox"),
        (b"\x00\x01\x02", "unknown"),
        (b"words\x07\x00\x01 and more", "unknown"),
        (bytes(range(256)) * 40, "unknown"),
        (b"PK\x03\x04 cut off", "damaged"),
        (zipped({"a.txt": "x"}), "zip archive. Unpack"),
        (zipped({"[Content_Types].xml": "application/vnd.ms-excel.sheet.binary.macroEnabled"}), "xlsb"),
        (zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "x"}), "Open"),
        (zipped({"META-INF/container.xml": "x"}), "EPUB"),
    ],
)
def test_unsupported_types_are_named_with_advice(tmp_path: Path, data: bytes, word: str) -> None:
    path = tmp_path / "file.pdf"
    path.write_bytes(data)
    with pytest.raises(UnsupportedTypeError, match=word) as caught:
        detect_type(path)
    assert str(tmp_path) not in str(caught.value)


def test_encrypted_docx_is_distinguished_from_legacy_doc(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(ole2("EncryptedPackage"))
    assert detect_type(path) == "docx"
    with pytest.raises(EncryptedError, match="password"):
        parse(path, ParserLimits())


def test_main_part_may_have_another_name(tmp_path: Path) -> None:
    path = tmp_path / "file"
    content_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    path.write_bytes(zipped({"[Content_Types].xml": content_type, "word/document2.xml": "<x/>"}))
    assert detect_type(path) == "docx"


def test_hostile_archive_is_read_only_partially(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    bomb.write_bytes(zipped({"[Content_Types].xml": " " * 60_000_000}))
    crowd = tmp_path / "crowd"
    crowd.write_bytes(zipped({f"{number:060}": "" for number in range(30_000)}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in (bomb, crowd):
        with pytest.raises(UnsupportedTypeError):
            detect_type(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
