"""Names of downloads: one harmless component with the ending of the type."""

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luma_rag.documents.file_names import MAX_BYTES, download_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("Report.PDF", "Report.pdf"),
        ("x.html", "x.html.pdf"),
        ("x.pdf.exe", "x.pdf.exe.pdf"),
        ("x.html. ", "x.html.pdf"),
        ("", "document.pdf"),
        (".pdf", "pdf.pdf"),
        ("..", "document.pdf"),
        ("../../etc/passwd", "_.._etc_passwd.pdf"),
        ("C:\\Windows\\x", "C__Windows_x.pdf"),
        ('a"; filename="b.exe', "a_; filename=_b.exe.pdf"),
        ("a\r\nSet-Cookie: b", "aSet-Cookie_ b.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe.pdf"),
        ("a\0b", "ab.pdf"),
        ("Überblick 2026.pdf", "Überblick 2026.pdf"),
        ("報告書", "報告書.pdf"),
    ],
)
def test_names_get_the_ending_of_the_type(name: str, expected: str) -> None:
    assert download_name(name, "pdf") == expected


@given(st.text(), st.sampled_from(["pdf", "docx", "md", "json"]))
def test_any_name_is_one_printable_component(name: str, ending: str) -> None:
    named = download_name(name * 50, ending)
    assert named.endswith(f".{ending}")
    assert len(named.encode()) <= MAX_BYTES
    assert named.isprintable()
    assert PurePosixPath(named).parts == PureWindowsPath(named).parts == (named,)
