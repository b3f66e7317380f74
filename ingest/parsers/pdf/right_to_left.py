"""Hebrew and Arabic lines in reading order.

pdfium reverses such lines word by word. That turns round two Latin words in a row, moves hyphens to the wrong
side of numbers, and reverses the letters of ligatures: the box of each tells where it belongs.
"""

import itertools
import re
import unicodedata

from ingest.parsers.pdf.characters import Floats

RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")

_LEFT_TO_RIGHT = frozenset({"L", "EN", "AN"})
_SEPARATORS = frozenset({"CS", "ES", "ET"})


class _Piece:
    """Characters that stay together: a word, or a single neutral character."""

    def __init__(self, kind: str, text: str, left: float, right: float) -> None:
        self.kind, self.text, self.left, self.right = kind, text, left, right


def in_reading_order(text: str, boxes: Floats) -> str:
    """One line of right-to-left text as it is read. `boxes[i]` belongs to `text[i]`."""
    pieces = _pieces(text.replace("\r", " ").replace("\n", " "), boxes)
    ordered = sorted(pieces, key=lambda piece: -(piece.left + piece.right))
    result: list[_Piece] = []
    position = 0
    while position < len(ordered):
        end = position
        while end < len(ordered) and ordered[end].kind != "R":
            end += 1
        # Neutral characters at the ends of a left-to-right phrase belong to the line.
        first, last = position, end
        while first < last and ordered[first].kind == "N":
            first += 1
        while last > first and ordered[last - 1].kind == "N":
            last -= 1
        result += ordered[position:first]
        result += reversed(ordered[first:last])
        result += ordered[last:end]
        if end < len(ordered):
            result.append(ordered[end])
        position = end + 1
    return "".join(piece.text for piece in result)


def _pieces(text: str, boxes: Floats) -> list[_Piece]:
    pieces: list[_Piece] = []
    kinds = _kinds(text)
    for _, group in itertools.groupby(
        range(len(text)), key=lambda index: (kinds[index], index if kinds[index] == "N" else -1)
    ):
        indices = list(group)
        box = boxes[indices]
        word = text[indices[0] : indices[-1] + 1]
        if kinds[indices[0]] == "R":
            word = _with_whole_ligatures(word, box)
        left, right = float(box[:, 0].min()), float(box[:, 2].max())
        if pieces and not (box[:, 3] > box[:, 1]).any():
            # A space that pdfium added stands at the wrong end of the word before.
            left = right = pieces[-1].left
        pieces.append(_Piece(kinds[indices[0]], word, left, right))
    return pieces


def _kinds(text: str) -> list[str]:
    """For each character: R right to left, L left to right (numbers too), N neither."""
    classes = [unicodedata.bidirectional(character) for character in text]
    kinds = []
    for index, name in enumerate(classes):
        if name in {"R", "AL", "NSM"}:
            kinds.append("R")
        elif name in _LEFT_TO_RIGHT or (
            name in _SEPARATORS
            and 0 < index < len(text) - 1
            and classes[index - 1] in _LEFT_TO_RIGHT
            and classes[index + 1] in _LEFT_TO_RIGHT
        ):
            kinds.append("L")
        else:
            kinds.append("N")
    return kinds


def _with_whole_ligatures(word: str, boxes: Floats) -> str:
    """`word` with the letters of each ligature, which share a box and which pdfium reverses, in order."""
    letters: list[str] = []
    for _, group in itertools.groupby(range(len(word)), key=lambda index: tuple(boxes[index].tolist())):
        part = [word[index] for index in group]
        letters += reversed(part) if all(letter.isalpha() for letter in part) else part
    return "".join(letters)
