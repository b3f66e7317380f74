"""Characters of one direction become fragments: stretches of text on a baseline, without wide gaps."""

import itertools
import re
import statistics
import unicodedata
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.parsers.pdf.characters import Bools, Characters, Floats
from ingest.parsers.pdf.right_to_left import RIGHT_TO_LEFT, in_reading_order

_T = TypeVar("_T", float, Floats)

LINE_HYPHEN = "\x02"
"""A hyphen at a line end, of which only the words of the document can tell whether it belongs to the word."""

_HYPHENS = "-\u00ad\u2010\ufffe\x02"
_UNITS_AND_VARIABLES = 2
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_NUMBER_BEFORE = re.compile(r"[$€£¥]?\s?[\d.,]*\d$")
_WORD_BEFORE = re.compile(r"[^\W\d_]+$")


class Fragment(msgspec.Struct):
    """Text on one baseline, with its box in points: x to the right, y upwards, whatever way it is turned."""

    x0: float
    y0: float
    x1: float
    y1: float
    text: str

    @property
    def height(self) -> float:
        """In points; that of the font, not of the letters."""
        return self.y1 - self.y0


def upright(characters: Characters, turns: int) -> Characters:
    """The characters with this number of quarter turns, with their boxes turned to be read normally."""
    chosen = characters.only(characters.quarter_turns == turns)
    return Characters(
        chosen.text, np.stack(turned(tuple(chosen.boxes.T), turns), axis=1), chosen.quarter_turns
    )


def turned(box: tuple[_T, ...], turns: int) -> tuple[_T, _T, _T, _T]:
    """A box in the coordinates in which text with these quarter turns is read normally."""
    left, bottom, right, top = box
    if turns == 1:
        return bottom, -right, top, -left
    if turns == 2:
        return -right, -top, -left, -bottom
    if turns == 3:
        return -top, left, -bottom, right
    return left, bottom, right, top


def fragments(characters: Characters) -> list[Fragment]:
    """The fragments of upright characters, in their order."""
    text, boxes = characters.text, characters.boxes
    drawn = np.flatnonzero((boxes[:, 3] > boxes[:, 1]) & (boxes[:, 2] >= boxes[:, 0]))
    if not len(drawn):
        return []
    breaks = _breaks(text, boxes, drawn)
    starts = np.concatenate(([0], np.flatnonzero(breaks) + 1))
    ends = np.concatenate((starts[1:], [len(drawn)])) - 1
    kept = boxes[drawn]
    x0 = np.minimum.reduceat(kept[:, 0], starts)
    y0 = np.minimum.reduceat(kept[:, 1], starts)
    x1 = np.maximum.reduceat(kept[:, 2], starts)
    y1 = np.maximum.reduceat(kept[:, 3], starts)
    heights = kept[:, 3] - kept[:, 1]
    mixed = np.minimum.reduceat(heights, starts) < 0.85 * np.maximum.reduceat(heights, starts)
    rows = zip(
        drawn[starts].tolist(),
        (drawn[ends] + 1).tolist(),
        x0.tolist(),
        y0.tolist(),
        x1.tolist(),
        y1.tolist(),
        mixed.tolist(),
        strict=True,
    )
    found = []
    for start, end, left, bottom, right, top, has_sizes in rows:
        part, low, high = text[start:end], bottom, top
        if RIGHT_TO_LEFT.search(part):
            part = in_reading_order(part, boxes[start:end])
        elif has_sizes:
            part, low, high = _with_raised_figures(part, boxes[start:end])
        part = _with_hyphens(part)
        if part.strip():
            found.append(Fragment(left, low, right, high, part))
    return found


def _breaks(text: str, boxes: Floats, drawn: NDArray[np.intp]) -> Bools:
    """Between which of the drawn characters and the next a new fragment begins."""
    kept = boxes[drawn]
    height = kept[:, 3] - kept[:, 1]
    low = np.minimum(height[1:], height[:-1])
    high = np.maximum(height[1:], height[:-1])
    overlap = np.minimum(kept[1:, 3], kept[:-1, 3]) - np.maximum(kept[1:, 1], kept[:-1, 1])
    gap = kept[1:, 0] - kept[:-1, 2]
    line_end = np.zeros(len(text) + 1, np.int32)
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    line_end[1:] = np.cumsum(codes == ord("\n"))
    ended = line_end[drawn[1:]] > line_end[drawn[:-1]]
    digits = (codes[drawn] >= ord("0")) & (codes[drawn] <= ord("9"))
    raised = (low < 0.85 * high) & (np.abs(gap) < 0.3 * high) & (digits[1:] | digits[:-1])
    breaks: Bools = (overlap < 0.5 * low) | (ended & ~raised) | (gap > 0.9 * high)
    backwards = kept[1:, 0] < kept[:-1, 0] - 0.5 * high
    if RIGHT_TO_LEFT.search(text):
        # There, moving to the left is how text goes on, and wide gaps are within the order of words.
        lines = _lines_with_right_to_left(text)
        affected = lines[line_end[drawn[1:]]]
        backwards &= ~affected
        breaks &= ~affected | ended | (overlap < 0.5 * low)
    breaks |= backwards
    return breaks


def _lines_with_right_to_left(text: str) -> Bools:
    return np.array([bool(RIGHT_TO_LEFT.search(line)) for line in text.split("\n")], np.bool_)


def _with_hyphens(text: str) -> str:
    """`text` in which each hyphen is one, and the last a `LINE_HYPHEN`."""
    text = text.replace("\r", "").replace("\n", " ").rstrip()
    for hyphen in "\u00ad\ufffe\x02":
        if hyphen in text:
            text = text.replace(hyphen, "-")
    if len(text) > 1 and text[-1] in _HYPHENS and text[-2].isalnum():
        return text[:-1] + LINE_HYPHEN
    return text


def _with_raised_figures(text: str, boxes: Floats) -> tuple[str, float, float]:
    """`text` in which raised figures can't be taken for digits of the number before; bottom and top."""
    heights = boxes[:, 3] - boxes[:, 1]
    base = statistics.median(heights[heights > 0].tolist())
    large = heights >= 0.85 * base
    bottom, top = float(boxes[large, 1].min()), float(boxes[large, 3].max())
    raised = (heights > 0) & (heights < 0.85 * base) & (boxes[:, 1] > bottom + 0.15 * base)
    parts: list[str] = []
    position = 0
    for is_raised, group in itertools.groupby(range(len(text)), key=lambda index: bool(raised[index])):
        count = len(list(group))
        part = text[position : position + count]
        figure = part.strip()
        if is_raised and figure.isdigit() and figure.isascii():
            parts.append(_raised("".join(parts), figure))
        elif parts and "\n" in part[:2]:
            before, after = boxes[position - 1], boxes[min(position + 2, len(boxes) - 1)]
            apart = after[0] - before[2] > 0.15 * base
            part = part.lstrip("\r\n")
            parts.append(f" {part}" if apart and not part.startswith(" ") else part)
        else:
            parts.append(part)
        position += count
    return "".join(parts), bottom, top


def _raised(before: str, figure: str) -> str:
    """A raised figure behind the text before: an exponent, or a footnote mark in brackets."""
    number = _NUMBER_BEFORE.search(before)
    if number:
        return f"^{figure}" if number[0].strip() in {"10", "2"} else f"[{figure}]"
    word = _WORD_BEFORE.search(before)
    if word and len(word[0]) <= _UNITS_AND_VARIABLES:
        return figure.translate(_SUPERSCRIPTS)
    return f"[{figure}]" if before.strip() else figure


def is_ideographic(character: str) -> bool:
    """Whether a character is of a script that is written without spaces, and broken anywhere."""
    code = ord(character)
    return (
        0x2E80 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0xFF00 <= code <= 0xFFEF
        or (code >= 0x20000 and unicodedata.category(character) == "Lo")
    )
