"""Further formats in the sandbox, where nothing can be imported or opened any more."""

from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pytest

from ingest import sandbox
from ingest.errors import LimitError, PermanentError
from ingest.parsers import parse
from ingest.sandbox import parse_in_sandbox
from ingest.settings import ParserLimits
from tests import factories
from tests.unit.ingest.parsers.office_files import shape, slide_table, write_odt, write_pptx

LIMITS = ParserLimits()


@pytest.fixture(autouse=True)
def no_sandbox_is_left() -> Iterator[None]:
    yield
    sandbox.stop()


def workbook(path: Path) -> Path:
    made = openpyxl.Workbook()
    for row in (["Port", "Dues", "Since"], ["Bodo", 0.5, "2026-05-01"], ["Vardo", "=1+1", None]):
        made.active.append(row)
    made.active["B2"].number_format = "0.0%"
    made.save(path)
    return path


def mail(folder: Path) -> Path:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "a@example.org", "b@example.org", "Grüße"
    made.set_content("See what is attached. Grüße.")
    made.add_alternative("<p>See <b>what</b> is attached.", subtype="html")
    for path in (
        workbook(folder / "inner.xlsx"),
        factories.word(folder / "inner.docx", {"Dues": "14 crowns"}),
        factories.pdf(folder / "inner.pdf", "14 crowns"),
        factories.write(folder / "inner.csv", "port;dues;year\nBodo;14;2026\nOslo;9;2026\n".encode("utf-16")),
    ):
        data = path.read_bytes()
        made.add_attachment(data, maintype="application", subtype="octet-stream", filename=path.name)
    path = folder / "mail.eml"
    path.write_bytes(made.as_bytes())
    return path


FILES: dict[str, Callable[[Path], Path]] = {
    "txt": lambda folder: factories.write(folder / "a.txt", "会費は十四クローネ".encode("shift_jis")),
    "md": lambda folder: factories.write(
        folder / "a.md", b"# Dues\n\n| a | b |\n|--|--|\n| 1 | 2 |\n\n<b>x</b>\n"
    ),
    "html": lambda folder: factories.write(
        folder / "a.html", b"<html><meta charset=latin1><h1>D\xfces</h1><p>x"
    ),
    "csv": lambda folder: factories.write(folder / "a.csv", b"port;dues\nBodo;14\n"),
    "xlsx": lambda folder: workbook(folder / "a.xlsx"),
    "pptx": lambda folder: write_pptx(
        folder / "a.pptx", shape("Dues", "title") + slide_table([["a", "b"], ["1", "2"]])
    ),
    "odt": lambda folder: write_odt(folder / "a.odt", "<text:h>Dues</text:h><text:p>14 crowns</text:p>"),
    "rtf": lambda folder: factories.write(
        folder / "a.rtf", rb"{\rtf1\ansi\ansicpg932 \'89\'ef\par 14 crowns\par}"
    ),
    "eml": mail,
}


@pytest.mark.parametrize("kind", FILES)
def test_sandbox_returns_the_same_document(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = FILES[kind](tmp_path)
    expected = parse(path, LIMITS)
    assert expected.type == kind
    assert parse_in_sandbox(path, LIMITS) == expected
    assert not caplog.records


HOSTILE: dict[str, tuple[str, bytes, type[Exception] | None]] = {
    "a line of 100 MB": ("a.txt", b"x" * 100_000_000, LimitError),
    "a line of 100 MB in a table": ("a.csv", b"a,b\n" + b"x" * 100_000_000, LimitError),
    "a page of 100,000 nested parts": ("a.html", b"<!doctype html>" + b"<div>" * 100_000 + b"words", None),
    "a page of 100,000 nested tables": (
        "a.html",
        b"<!doctype html>" + b"<table><tr><td>" * 20_000 + b"x",
        None,
    ),
    "a table of 5,000 columns": (
        "a.csv",
        b",".join([b"word"] * 5000) + b"\n" + b",".join([b"1"] * 5000),
        None,
    ),
    "nested groups": ("a.rtf", b"{\\rtf1 " + b"{" * 1_000_000 + b"words", None),
    "nested quotations": ("a.md", b">" * 1_000_000 + b" words", None),
    "nested mail": (
        "a.eml",
        b"From: a@b.org\nTo: c@d.org\nSubject: x\n"
        + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5000)),
        PermanentError,
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_end_as_they_should(
    case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name, data, error = HOSTILE[case]
    path = factories.write(tmp_path / name, data)
    if error is None:
        assert parse_in_sandbox(path, LIMITS).passages
    else:
        with pytest.raises(error):
            parse_in_sandbox(path, LIMITS)
    assert not caplog.records
