"""The text of a page that was recognized from its picture, as parts of the page's layout."""

from collections.abc import Sequence

import numpy as np

from ingest.parsers.pdf.characters import Characters
from ingest.parsers.pdf.lines import LINE_HYPHEN, Fragment
from ingest.types import RecognizedLine, RecognizedPage


def with_recognized(
    characters: Characters, page: RecognizedPage, corner: tuple[float, float], *, keeps_own: bool
) -> tuple[Characters, list[Fragment]]:
    """The characters of a page that are kept, and the recognized text that they don't hold already.

    `corner` is the left and the lower edge of the visible page. A page that `keeps_own` characters can show
    them upright and unturned only, because its boxes are to be compared with those of the picture.
    """
    turned = bool((characters.quarter_turns != 0).any())
    if not keeps_own or turned or not page.is_upright:
        characters = characters.only(np.zeros(len(characters), np.bool_))
    letters = np.fromiter(map(str.isalnum, characters.text), np.bool_, len(characters))
    kept = [line for line in page.lines if not _is_known(line, characters, letters, corner)]
    return characters, _fragments(kept, corner)


def _is_known(
    line: RecognizedLine, characters: Characters, letters: np.ndarray, corner: tuple[float, float]
) -> bool:
    """Whether the characters in the place of the line are its text."""
    left, bottom = corner
    inside = characters.inside((left + line.x0, bottom + line.y0, left + line.x1, bottom + line.y1))
    known = np.count_nonzero(inside & letters)
    return bool(known > 0.5 * sum(map(str.isalnum, line.text)))


def _fragments(lines: Sequence[RecognizedLine], corner: tuple[float, float]) -> list[Fragment]:
    left, bottom = corner
    return [
        Fragment(
            left + line.x0,
            bottom + line.y0,
            left + line.x1,
            bottom + line.y1,
            _with_hyphen(line.text.strip()),
        )
        for line in lines
        if line.text.strip()
    ]


def _with_hyphen(text: str) -> str:
    return text[:-1] + LINE_HYPHEN if len(text) > 1 and text[-1] == "-" and text[-2].isalnum() else text
