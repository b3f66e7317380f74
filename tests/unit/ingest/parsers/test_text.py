import unicodedata

import pytest

from ingest.parsers.text import clean, readable, usable_title


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\x00b\ud800c", "abc"),
        ("one\r\ntwo\rthree\x0bfour\x0cfive", "one\ntwo\nthree\nfour\nfive"),
        ("the embed\ufffeding", "the embedding"),
        ("the embed\x02\nding", "the embedding"),
        ("a non\ufffeGAAP figure", "a non-GAAP figure"),
        ("soft\u00ad\nened and sof\u00adter", "softened and softer"),
        ("o\ufb03ce \ufb01le", "office file"),
        ("e\u0301", "\u00e9"),
        ("10\u00a0m\u00b2 \u00bd", "10 m\u00b2 \u00bd"),
        ("\ufed3\ufef2", "\u0641\u064a"),
        ("\u2f08", "\u4eba"),
        ("end   \t\nnext \n\n\n\n\nlast\n\n", "end\nnext\n\nlast"),
        ("\n\n  indented", "  indented"),
    ],
)
def test_clean(raw: str, expected: str) -> None:
    assert clean(raw) == expected


def test_clean_text_can_be_stored_whatever_comes_in() -> None:
    text = clean("".join(map(chr, range(0x11000))))
    assert "\x00" not in text
    text.encode()
    assert unicodedata.is_normalized("NFC", text)
    assert clean(text) == text


@pytest.mark.timeout(10)
def test_a_hostile_line_takes_linear_time() -> None:
    clean(("\u00ad" + " " * 500_000 + "x") * 4)


def test_readable() -> None:
    assert readable(" . 7")
    assert readable("\u4eba")
    assert not readable(" .\n\u2022 \ufffd")


@pytest.mark.parametrize(
    "title",
    [
        "",
        None,
        "Microsoft Word - offer.doc",
        "annual_report_2023",
        "offer.pdf",
        "0000320193-22-000070",
        "untitled",
        "(anonymous)",
        "Document1",
        "PowerPoint Presentation",
        "x" * 400,
    ],
)
def test_rubbish_is_no_title(title: str | None) -> None:
    assert usable_title(title) is None


@pytest.mark.parametrize(
    "title", ["Employee Handbook 2024", "PAL", "Documentation of the unknown", "\u5951\u7d04\u66f8"]
)
def test_a_title_is_a_title(title: str) -> None:
    assert usable_title(f" {title}\n") == title
