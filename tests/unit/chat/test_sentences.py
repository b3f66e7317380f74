import time

import pytest

from luma_rag.chat.sentences import sentences, shorten, terms


def texts(text: str) -> list[str]:
    found = sentences(text)
    for sentence in found:
        assert " ".join(text[sentence.start : sentence.end].split()) == sentence.text
    assert "".join(s.text for s in found).replace(" ", "") == "".join(text.split())
    return [sentence.text for sentence in found]


@pytest.mark.parametrize(
    "expected",
    [
        [
            "Dr. Smith paid $3.5 million.",
            "See Fig. 3 and sec. 2.",
            "The U.S. economy (e.g. steel) grew!",
            "Why?",
        ],
        ['"Go."', "He went.", "Prices rose by 2.5 %.", "Nobody knew."],
        ["Im Mai kam z. B. Frau Dr. Meier.", "Sie blieb."],
        ["El Sr. García vive aquí.", "¿Desde cuándo?", "Desde 2001."],
        ["これは本です。", "「読みました。」", "次は\uff1f", "終わり"],
        ["As shown before.[12]", "It holds…", "Indeed it does!"],
        ["J. R. R. Tolkien wrote it.", "It was long."],
        ["Doors open at 8 a.m. sharp.", "They close at 3 p.m.", "Overtime is paid."],
    ],
)
def test_running_text(expected: list[str]) -> None:
    joined = "".join(expected) if "。" in expected[0] else " ".join(expected)
    assert texts(joined) == expected


def test_wrapped_lines_are_one_sentence() -> None:
    text = "The notice period is three\nmonths and begins with the\nFirst day of a month. It\nends there."
    assert texts(text) == [
        "The notice period is three months and begins with the First day of a month.",
        "It ends there.",
    ]


def test_headings_items_and_rows_stand_alone() -> None:
    text = (
        "Time off\nEmployees have paid leave, which is counted in days of work, not in days\n"
        "of the calendar.\n\n"
        "• Annual leave is 28 days\n• Sick leave is paid\n1. Ask your manager\n2) Tell the team\n"
        "Revenue 1,200 1,300\nCosts 900 950\nName | Age\nAnn | 30"
    )
    assert texts(text) == [
        "Time off",
        "Employees have paid leave, which is counted in days of work, not in days of the calendar.",
        "• Annual leave is 28 days",
        "• Sick leave is paid",
        "1. Ask your manager",
        "2) Tell the team",
        "Revenue 1,200 1,300",
        "Costs 900 950",
        "Name | Age",
        "Ann | 30",
    ]


@pytest.mark.parametrize("text", ["", " \n\t\r\n "])
def test_nothing(text: str) -> None:
    assert sentences(text) == []


@pytest.mark.parametrize(
    "text", [". " * 50_000, "\n" * 100_000, "a.b." * 30_000, "1 2 " * 30_000, "(" * 90_000]
)
def test_strange_text_takes_no_longer(text: str) -> None:
    began = time.process_time()
    sentences(text)
    assert time.process_time() - began < 5


def test_terms() -> None:
    assert terms("The Insured's insurance POLICY, policies") >= {"insured", "insuran", "policy"}
    assert terms("days") == terms("day")
    assert terms("日本語") == {"日本", "本語"}
    assert terms("2023 12345678901") == {"2023", "12345678901"}


def test_shorten() -> None:
    assert shorten("short", 10) == "short"
    assert shorten("two words here", 10) == "two words…"
    assert shorten("x" * 20, 10) == "x" * 9 + "…"
