"""The lines of a page in reading order, whatever way its text is turned."""

import re

import numpy as np

from ingest.parsers.pdf.characters import Characters
from ingest.parsers.pdf.lines import Fragment, fragments, upright
from ingest.parsers.pdf.order import Line, lines_in_order
from ingest.parsers.pdf.right_to_left import RIGHT_TO_LEFT


def lines_of_page(characters: Characters, added: list[Fragment]) -> tuple[list[Line], int]:
    """The lines of a page, and the number of quarter turns of most of them.

    Text in each direction is read by itself, that of most characters first. `added` is text that is not part
    of the page's contents, such as values of a form.
    """
    turns, counts = np.unique(characters.quarter_turns, return_counts=True)
    directions = [int(turns[index]) for index in np.argsort(-counts, kind="stable") if turns[index] >= 0]
    if 0 not in directions:
        directions.append(0)
    lines: list[Line] = []
    for direction in directions:
        found = fragments(upright(characters, direction))
        if direction == 0:
            found += added
        ordered = lines_in_order(found, right_to_left=_is_right_to_left(found))
        for line in ordered if lines else ():
            line.main = False
        lines += ordered
    return lines + _slanted(characters), directions[0]


def _is_right_to_left(found: list[Fragment]) -> bool:
    with_letters = [bool(RIGHT_TO_LEFT.search(fragment.text)) for fragment in found]
    return sum(with_letters) > 0.5 * len(with_letters)


def _slanted(characters: Characters) -> list[Line]:
    """Text at other angles, such as a watermark, in the order of pdfium."""
    slanted = characters.only(characters.quarter_turns < 0)
    text = re.sub(r"[\r\n]+", "\n", slanted.text).strip()
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return [Line([Fragment(0, 0, 0, 0, line)], main=False) for line in lines]
