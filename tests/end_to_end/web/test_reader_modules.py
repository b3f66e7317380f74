"""How the reader finds quotes and shows text, in a real browser."""

from typing import Any

import pytest

from tests.browser import Page

FIND = "return m.findQuote(a[0], (await import(main.replace('main.js', 'core/letters.js'))).foldText(a[1]));"


def found(modules: Page, quote: str, text: str) -> tuple[float, list[str]]:
    """The share of the quote that was found, and the letters at its places."""
    result: dict[str, Any] = modules.module("core/quote-search.js", FIND, quote, text)
    folded = modules.module("core/letters.js", "return m.foldText(a[0]);", text)
    return result["share"], [folded[place["start"] : place["end"]] for place in result["stretches"]]


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("the coefficient of efficiency", "The coeﬃ-\ncient of e\u00adfﬁciency"),
        ("Straße nach Àvila", "STRASSE  nach A\u0300vila"),
        ("m² of ΣΊΣΥΦΟΣ", "m2 of σίσυφος"),
        ("日本語の文書", "日 本 語 の\n文 書"),
    ],
)
def test_only_letters_and_digits_are_compared(modules: Page, quote: str, text: str) -> None:
    share, places = found(modules, quote, f"before {text} after")
    assert share == 1
    assert len(places) == 1
    assert len(places[0]) > 5


def test_a_quote_of_a_table_in_another_order(modules: Page) -> None:
    text = "Domestic sales Northern Europe Other regions 39.7 million 21.8 million"
    share, places = found(modules, "Northern Europe 21.8 million\nDomestic sales 39.7 million", text)
    assert share == 1
    assert "".join(sorted(places)) == "".join(sorted(["domesticsalesnortherneurope", "397million218million"]))
    assert found(modules, "camels cross the desert in long caravans", text) == (0, [])


def test_an_accent_makes_another_letter(modules: Page) -> None:
    assert found(modules, "resume", "résumé")[0] == 0


def test_a_quote_that_goes_on_on_the_next_page(modules: Page) -> None:
    script = """
        const {foldText} = await import(main.replace("main.js", "core/letters.js"));
        const file = {pages: 3, text: async (page) => ({letters: {text: foldText(a[1][page - 1])}})};
        return m.placesInPdf({quote: a[0], page: 2}, file);
    """
    pages = ["The first page. This sentence", "goes on over the page. And so does this", "one to the end."]
    one = modules.module("stores/quote-places.js", script, "This sentence goes on over the page.", pages)
    assert [(place["part"], place["stretches"][0]["start"]) for place in one] == [(1, 12), (2, 0)]
    other = modules.module("stores/quote-places.js", script, "And so does this one to the end.", pages)
    assert [place["part"] for place in other] == [2, 3]


def test_blocks_of_a_text(modules: Page) -> None:
    lines = [
        "Terms",
        "Payment",
        "Pay within 30 days.",
        "- by transfer",
        "  1. in euros",
        "Name | Rate",
        "Late | 4 %",
    ]
    text = "\n".join(lines)
    passage = {"text": text, "heading": "Terms > Payment", "page": None}
    blocks = modules.module("core/text-blocks.js", "return m.blocksOf(a[0], 'pdf');", passage)
    assert [block["kind"] for block in blocks] == ["heading", "heading", "paragraph", "list", "table"]
    assert [item["depth"] for item in blocks[3]["items"]] == [0, 1]
    cell = blocks[4]["rows"][1][1]
    assert text[cell["start"] : cell["end"]] == "4 %"
