"""Kinds of text: by what they hold, and by their name where that can't tell."""

import time
from pathlib import Path
from typing import get_args

import pytest

from ingest.errors import UnsupportedTypeError
from ingest.parsers import detect_type, reader_of
from ingest.parsers.formats import FORMATS
from ingest.types import DocumentType

PAGE = b"<!DOCTYPE html><title>Dues</title><p>14 crowns"
MAIL = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: Dues\r\n\r\n14 crowns\r\n"
MARKDOWN = b"# Dues\n\n| Port | Dues |\n|------|------|\n| Bodo | 14 |\n"
TABLE = b"port;dues;year\nBodo;14;2026\nVardo;11;2026\n"
WORDS = b"The dues rise, as they do each year, to 14 crowns.\nSo they say.\nNobody asked.\n"


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a", PAGE, "html"),
        ("a.txt", b"\xef\xbb\xbf  <!-- saved --> <HTML><body>words", "html"),
        ("report.docx", PAGE, "html"),
        ("a.html", b"words with <b>bold</b> words", "html"),
        ("a", b"<div>words</div>", "html"),
        ("readme.md", b'<div align="center">Logo</div>\n\n# Words\n', "md"),
        ("a.mht", b"From: <Saved by Blink>\r\nSubject: x\r\nMIME-Version: 1.0\r\n\r\n", "html"),
        ("a", MAIL, "eml"),
        ("a.txt", MAIL, "eml"),
        ("a.eml", b"Subject: only this\n\nwords", "eml"),
        ("a.md", MAIL, "md"),
        ("a.eml", WORDS, "txt"),
        ("a", MARKDOWN, "md"),
        ("a.txt", MARKDOWN, "txt"),
        ("a.md", WORDS, "md"),
        ("a.markdown", WORDS, "md"),
        ("a", TABLE, "csv"),
        ("a.csv", WORDS, "csv"),
        ("a.tsv", b"a\tb\n", "csv"),
        ("a.txt", TABLE, "txt"),
        ("a", WORDS, "txt"),
        ("a.py", b"# one\n# two\n[a](b)\n**x**\n", "txt"),
        ("a.pdf", WORDS, "txt"),
        ("a", "Grüße".encode("utf-16"), "txt"),
        ("a", "Some words".encode("utf-16-le"), "txt"),
        ("a", "会費は十四クローネです。".encode("shift_jis"), "txt"),
        ("a", "Grüße aus Köln".encode("cp1252"), "txt"),
        ("a", "あ".encode() * 40_000, "txt"),
        ("dos.txt", b"words\r\n\x1a", "txt"),
        ("a", "a \ufffd b".encode() + b" and more words of a longer text" * 100, "txt"),
        ("man.txt", b"n\bname and many other words" * 3 + b" in a text" * 100, "txt"),
        ("mac", b"a;b;c\r1;2;3\r4;5;6\r", "csv"),
        ("mac.txt", b"words\rwords\r", "txt"),
        ("a.txt", b"{\\rtf1 words}", "rtf"),
        ("a.txt", b"%PDF-1.7\n", "pdf"),
        ("about.md", b"A PDF begins with %PDF-1.7, says the standard.", "md"),
    ],
)
def test_type_of_text(tmp_path: Path, name: str, data: bytes, kind: DocumentType) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert detect_type(path) == kind


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.html", "a.eml", "a"])
@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 10, b"\x7fELF\x02\x01\x01\x00", b"words\0words", b"\xff\xfe" + bytes(200)]
)
def test_no_name_makes_binary_data_a_text(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UnsupportedTypeError):
        detect_type(path)


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 65536,
        " " * 65536,
        "[" * 65536,
        "<a" * 32768,
        "**" * 32768,
        "From x " + "11:11 " * 10_000,
        "<!--" * 16384,
    ],
    ids=["lines", "spaces", "links", "tags", "stars", "times", "comments"],
)
@pytest.mark.parametrize("name", ["a", "a.html"])
def test_detection_takes_little_time(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    before = time.process_time()
    detect_type(path)
    assert time.process_time() - before < 0.5


def test_refusal_names_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"\0\1\2")
    with pytest.raises(UnsupportedTypeError) as caught:
        detect_type(path)
    for one in FORMATS.values():
        assert one.label in str(caught.value)


def test_every_type_has_a_format_with_a_reader() -> None:
    assert set(get_args(DocumentType)) == set(FORMATS)
    for kind in FORMATS:
        assert callable(reader_of(kind).read)
    suffixes = [suffix for one in FORMATS.values() for suffix in one.suffixes]
    assert len(suffixes) == len(set(suffixes))
