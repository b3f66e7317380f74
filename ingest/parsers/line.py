"""The text of one paragraph, put together from runs that are raised, lowered or struck through."""

import re
from itertools import groupby
from typing import Literal

Place = Literal["", "superscript", "subscript"]
Mark = Literal["struck"] | Place

_DIGITS = re.compile(r"[-+\u2212]?\d+(?:[,;\u2013-]\s?\d+)*")
# After these a raised number is a power: 10^5, x^2, cm^2. After a word or another number it refers to a note.
_BASE = re.compile(r"(?:(?<![\d.,])(?:10|[2-9])|(?<![^\W\d_])[^\W\d_]{1,2})$")
# Not after an abbreviation before a number ("Art. 25").
_ENDS_SENTENCE = re.compile(r"(?<=[.!?])(?=\s+[^\W\da-z_])")


class Line:
    """Collects the pieces of a paragraph."""

    def __init__(self) -> None:
        self._pieces: list[tuple[Mark, str]] = []

    def add(self, text: str, mark: Mark = "") -> None:
        """Append `text`."""
        if text:
            self._pieces.append((mark, text))

    def holds(self, text: str) -> bool:
        """Whether `text` is among what was added."""
        return text in "".join(piece for _, piece in self._pieces)

    def text(self) -> str:
        """The whole text: ~~struck~~, and raised numbers as 10^5 or, where they refer to a note, [5]."""
        if not any(mark for mark, _ in self._pieces):
            return "".join(piece for _, piece in self._pieces)
        text = ""
        for mark, pieces in groupby(self._pieces, key=lambda piece: piece[0]):
            joined = "".join(piece for _, piece in pieces)
            if mark == "struck":
                text += _struck(joined)
            elif mark:
                text += _shifted(text, joined, mark)
            else:
                text += joined
        return text


def _struck(text: str) -> str:
    # Each sentence by itself: a chunk may begin or end between two.
    return "".join(
        _between_tildes(sentence)
        for line in text.splitlines(keepends=True)
        for sentence in _ENDS_SENTENCE.split(line)
    )


def _between_tildes(text: str) -> str:
    bare = text.strip()
    if not any(map(str.isalnum, bare)):
        return text
    start = text.index(bare)
    return f"{text[:start]}~~{bare}~~{text[start + len(bare) :]}"


def _shifted(before: str, text: str, mark: Mark) -> str:
    """Raised or lowered text so that its digits don't join those before it."""
    number = text.strip()
    if not _DIGITS.fullmatch(number) or not before or before[-1].isspace():
        return text
    if mark == "subscript":
        return f"_{number}" if before[-1].isdecimal() else text
    is_power = number[0] in "-+\u2212" or (number.isdecimal() and _BASE.search(before[-20:]) is not None)
    return text.replace(number, f"^{number}" if is_power else f"[{number}]")
