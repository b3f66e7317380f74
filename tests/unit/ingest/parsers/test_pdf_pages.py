"""What shows when the pages of a PDF are compared: broken words, running lines, tables over page ends."""

from pathlib import Path

import pytest

from ingest.parsers import parse
from ingest.parsers.pdf.hyphens import joiner
from ingest.parsers.pdf.lines import LINE_HYPHEN
from ingest.settings import ParserLimits
from tests.unit.ingest.parsers.pdf_files import at, drawn_pdf, lines


def texts_of(path: Path) -> list[str]:
    return [passage.text for passage in parse(path, ParserLimits()).passages]


@pytest.mark.parametrize(
    ("first", "second", "others", "expected"),
    [
        ("instal", "ments", "", "instalments"),
        ("long", "term", "", "long-term"),
        ("self", "employed", "", "self-employed"),
        ("re", "entry", "", "re-entry"),
        ("re", "place", "", "replace"),
        ("COVID", "19", "", "COVID-19"),
        ("North", "South", "", "North-South"),
        ("e", "mail", "", "e-mail"),
        ("state-of-the", "art", "An art of its own.", "state-of-the-art"),
        ("Import", "und", "", "Import- und"),
        # The document's own words decide against the parts.
        ("long", "term", "A longterm loan.", "longterm"),
        ("instal", "ments", "No instal-ments here.", "instal-ments"),
        ("world", "wide", "Worldwide sales.", "worldwide"),
    ],
)
def test_words_broken_at_line_ends(first: str, second: str, others: str, expected: str) -> None:
    text = f"A {first}{LINE_HYPHEN}\n{second} loan."
    assert joiner([text, others]).text(text) == f"A {expected} loan."


def test_broken_words_on_a_page(tmp_path: Path) -> None:
    path = drawn_pdf(tmp_path / "a.pdf", lines("It covers long-", "term loans, paid in instal-", "ments."))
    assert texts_of(path) == ["It covers long-term loans, paid in instalments."]


def test_word_broken_at_a_page_end(tmp_path: Path) -> None:
    path = drawn_pdf(
        tmp_path / "a.pdf",
        at((60, 700, "After nineteen days, the lender may termi-"), (60, 40, "Page 1 of 2")),
        at((60, 800, "Savings Bank"), (60, 700, "nate, and claim a penalty.")),
    )
    first, second = texts_of(path)
    assert first == "After nineteen days, the lender may terminate,\nPage 1 of 2"
    assert second == "Savings Bank\nand claim a penalty."


def test_running_headers_and_footers_are_kept_once(tmp_path: Path) -> None:
    pages = [
        at(
            (60, 800, "Visitor guide - do not distribute"),
            (60, 785, "Chapter one"),
            (60, 700, f"Sentence {word} of the guide."),
            (60, 40, f"Version 4.1 - page {number} of 4"),
        )
        for number, word in enumerate(("alpha", "beta", "gamma", "delta"), 1)
    ]
    first, *others = texts_of(drawn_pdf(tmp_path / "a.pdf", *pages))
    assert first.split("\n") == [
        "Visitor guide - do not distribute",
        "Chapter one",
        "Sentence alpha of the guide.",
        "Version 4.1 - page 1 of 4",
    ]
    assert others == [f"Sentence {word} of the guide." for word in ("beta", "gamma", "delta")]


def test_repeated_lines_in_the_middle_of_pages_are_kept(tmp_path: Path) -> None:
    pages = [at((60, 500, "Signed by both sides.")) for _ in range(4)]
    assert texts_of(drawn_pdf(tmp_path / "a.pdf", *pages)) == ["Signed by both sides."] * 4


def test_lines_that_repeat_at_other_heights_are_kept(tmp_path: Path) -> None:
    pages = [at((60, 820 - 30 * number, "Signed by both sides.")) for number in range(4)]
    assert texts_of(drawn_pdf(tmp_path / "a.pdf", *pages)) == ["Signed by both sides."] * 4


def test_repeated_lines_below_other_lines_are_kept(tmp_path: Path) -> None:
    pages = [
        at((60, 800, title), (60, 785, "in millions"), (60, 700, "Sales 12"))
        for title in ("Balance sheets", "Statements of income", "Cash flows")
    ]
    assert all("in millions" in text for text in texts_of(drawn_pdf(tmp_path / "a.pdf", *pages)))
