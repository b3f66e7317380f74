import random
import time

import pytest

from luma_rag.chat.citations import CitationFilter, cited_numbers, cited_statements, quote, strip_unknown

TEXTS = [
    # answer, expected citations of 1 to 4, expected text
    ("Leave is 28 days [1].", [1], "Leave is 28 days [1]."),
    ("First [2][1], then [2].", [2, 1], "First [2][1], then [2]."),
    ("Both [1, 2] and [3;4]", [1, 2, 3, 4], "Both [1][2] and [3][4]"),
    ("All [1-3] of [2\u20134]", [1, 2, 3, 4], "All [1][2][3] of [2][3][4]"),
    ("Wide 【1】 and 【2†source】 and [3†L1-L9].", [1, 2, 3], "Wide [1] and [2] and [3]."),
    ("[^1] [ 2 ] [Source 3] [passages 1, 4]", [1, 2, 3, 4], "[1] [2] [3] [1][4]"),
    ("Wrong [9].", [], "Wrong."),
    ("Half [1, 9] wrong [9][2], [0].", [1, 2], "Half [1] wrong[2],."),
    ("Reversed [3-1] range", [], "Reversed range"),
    ("A link [1](https://example.org) stays", [], "A link [1](https://example.org) stays"),
    ("In [2023] and [a] and [] and [1.5] and [x1]", [], "In [2023] and [a] and [] and [1.5] and [x1]"),
    ("`row[1]` is code, this [2] is not", [2], "`row[1]` is code, this [2] is not"),
    ("``a`[1]`` [2]", [2], "``a`[1]`` [2]"),
    ("```py\nx[1] = y[9]\n```\nDone [3].", [3], "```py\nx[1] = y[9]\n```\nDone [3]."),
    ("a ` stray [1]\nnext line [2]", [2], "a ` stray [1]\nnext line [2]"),
    ("never closed [1", [], "never closed [1"),
    ("[ref 1] [ID:2] [Doc 3] [Reference #4]", [1, 2, 3, 4], "[1] [2] [3] [4]"),
    ("【1:0†source】 [^2^] [3.] \\[4\\]", [1, 2, 3, 4], "[1] [2] [3] [4]"),
    ("Leave is paid.¹ Notice² is long.⁹", [1, 2], "Leave is paid.[1] Notice[2] is long.⁹"),
    ("An area of 20 km² or 3 m³, x², (a+b)²", [], "An area of 20 km² or 3 m³, x², (a+b)²"),
    ("Leave [1](handbook.pdf) is [2](at most) long", [1, 2], "Leave [1] is [2](at most) long"),
    ("A verse [1:2], a slice [a.b], C:\\[x]", [], "A verse [1:2], a slice [a.b], C:\\[x]"),
    ("日本語です【1】。", [1], "日本語です[1]。"),
    ("trailing space  ", [], "trailing space  "),
    ("", [], ""),
]


@pytest.mark.parametrize(("text", "cited", "left"), TEXTS)
def test_citations(text: str, cited: list[int], left: str) -> None:
    available = {1, 2, 3, 4}
    assert cited_numbers(text, available) == cited
    assert strip_unknown(text, available) == left
    assert cited_numbers(left, available) == cited
    assert strip_unknown(left, available) == left


@pytest.mark.parametrize("seed", range(20))
def test_streamed_pieces_match_the_complete_text(seed: int) -> None:
    rng = random.Random(seed)
    text = " ".join(text for text, _, _ in rng.sample(TEXTS, len(TEXTS)))
    citations = CitationFilter({1, 2, 3, 4})
    out, at = "", 0
    while at < len(text):
        size = rng.choice((1, 1, 2, 5))
        out += citations.feed(text[at : at + size])
        at += size
    assert out + citations.close() == strip_unknown(text, {1, 2, 3, 4})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Leave is 28 days [Employee handbook, page 12].", "Leave is 28 days [1]."),
        ("Leave [employee handbook.pdf, p. 14] is", "Leave [2] is"),
        ("Leave [1](Employee handbook, page 12).", "Leave [1]."),
        ("Notice [Lease].", "Notice [3]."),
        ("Notice [page 14].", "Notice [2]."),
        # Two passages have this title.
        ("Leave [Employee handbook].", "Leave [Employee handbook]."),
        ("Leave [Employee handbook, page 99].", "Leave [Employee handbook, page 99]."),
        ("A [remark] that cites nothing", "A [remark] that cites nothing"),
        ("`[Lease]` is code", "`[Lease]` is code"),
    ],
)
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_citations_by_title_and_page(text: str, left: str, size: int) -> None:
    sources = {1: ("Employee handbook", 12), 2: ("Employee handbook", 14), 3: ("Lease", None)}
    citations = CitationFilter(sources.keys(), sources)
    out = "".join(citations.feed(text[i : i + size]) for i in range(0, len(text), size))
    assert out + citations.close() == left


def test_little_text_is_buffered() -> None:
    citations = CitationFilter({1})
    assert citations.feed("Yes [") == "Yes"
    assert citations.feed("9") == ""
    assert citations.feed("]") == ""
    assert citations.feed(". An [aside about") == ". An [aside about"
    assert citations.feed(" it] and more") == " it] and more"
    for _ in range(100):
        citations.feed("[ 1, ")
    assert len(citations.close()) < 60


@pytest.mark.parametrize(
    "text", ["[" * 50_000, " " * 50_000, "`" * 50_000, "[1," * 20_000, "[1†" * 20_000, "[1] " * 20_000]
)
def test_unusual_text_takes_no_longer(text: str) -> None:
    began = time.process_time()
    cited_numbers(text, {1})
    strip_unknown(text, {1})
    assert time.process_time() - began < 2


PASSAGE = (
    "The agreement begins on 1 May.\nEach party may end it with three months'\nnotice in writing. "
    "The notice goes to the address in section 2. Nothing else is agreed. Prices rise by 2 % a year."
)


def test_quote_is_the_supporting_sentence() -> None:
    assert quote(PASSAGE, "How much do prices go up each year?") == "Prices rise by 2 % a year."


def test_quote_includes_a_supporting_neighbor() -> None:
    found = quote(PASSAGE, "Notice of three months must be sent in writing to the address in section 2.")
    assert found == (
        "Each party may end it with three months' notice in writing. "
        "The notice goes to the address in section 2."
    )


def test_quote_length_is_limited() -> None:
    statement = "Notice of three months must be sent in writing to the address in section 2."
    assert quote(PASSAGE, statement, limit=60) == "The notice goes to the address in section 2."
    found = quote("word " * 500, "word", limit=40)
    assert len(found) <= 40
    assert found.endswith("word…")


def test_quote_without_shared_words_is_the_beginning() -> None:
    assert quote(PASSAGE, "Was kostet das?") == "The agreement begins on 1 May."
    assert quote("", "anything") == quote(" \n", "anything") == ""
    assert quote("No words: !!!", "") == "No words: !!!"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Prices rise [1]. Notice is sent in May [2].", {1: "Prices rise", 2: "Notice is sent in May"}),
        ("Both say so [1][2].", {1: "Both say so", 2: "Both say so"}),
        ("First [1].\n\nSecond [2].\n\nThird [1].", {1: "First Third", 2: "Second"}),
        ("Uncited.\n\nCited [1].", {1: "Cited"}),
        ("- one\n- two [3]", {3: "- one\n- two"}),
        ("A quote with `code`\n[1]\n\n[2]", {1: "A quote with `code`", 2: ""}),
        ("`a[1]` is code", {}),
    ],
)
def test_statement_of_a_citation_is_what_stands_before_it(text: str, expected: dict[int, str]) -> None:
    assert cited_statements(text) == expected
