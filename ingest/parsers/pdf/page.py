"""The lines of a page in reading order."""

import re
import statistics

import numpy as np

from ingest.parsers.pdf.characters import Characters
from ingest.parsers.pdf.lines import Fragment, fragments, is_ideographic, upright
from ingest.parsers.pdf.order import Line, lines_in_order
from ingest.parsers.pdf.right_to_left import RIGHT_TO_LEFT


def lines_of_page(characters: Characters, added: list[Fragment]) -> list[Line]:
    """The lines of a page; `added` is text that is not part of its contents, such as values of a form.

    Text in each direction is read by itself, that of most characters first.
    """
    directions, counts = np.unique(characters.quarter_turns, return_counts=True)
    ordered = [int(directions[index]) for index in np.argsort(-counts, kind="stable")]
    lines: list[Line] = []
    for turns in [direction for direction in ordered if direction >= 0] or [0]:
        found = fragments(upright(characters, turns))
        if turns == 0:
            found += added
        lines += lines_in_order(found, right_to_left=_is_right_to_left(found))
    if 0 not in ordered and added:
        lines += lines_in_order(added)
    return lines + _slanted(characters)


def _is_right_to_left(found: list[Fragment]) -> bool:
    with_letters = [bool(RIGHT_TO_LEFT.search(fragment.text)) for fragment in found]
    return sum(with_letters) > 0.5 * len(with_letters) if with_letters else False


def _slanted(characters: Characters) -> list[Line]:
    """Text at other angles, such as a watermark, in the order of pdfium."""
    slanted = characters.only(characters.quarter_turns < 0)
    text = re.sub(r"[\r\n]+", "\n", slanted.text).strip()
    return [Line([Fragment(0, 0, 0, 0, line)]) for line in text.split("\n") if line.strip()]


def joined(lines: list[Line]) -> str:
    """The text of lines, without line ends within a paragraph of a script that has no spaces."""
    if not lines:
        return ""
    widths = [line.x1 - line.x0 for line in lines]
    full = 0.75 * max(widths)
    parts = [lines[0].text]
    for before, width, line in zip(lines, widths, lines[1:], strict=False):
        text = line.text
        continues = (
            width >= full
            and is_ideographic(parts[-1][-1])
            and is_ideographic(text[0])
            and abs(line.cells[0].height - before.cells[0].height) < 1
            and abs(before.y0 - line.y0) < 3 * line.cells[0].height
        )
        parts += [text] if continues else ["\n", text]
    return "".join(parts)


def usual_height(lines: list[Line]) -> float:
    """The median height of the text, in points."""
    return statistics.median(line.cells[0].height for line in lines) if lines else 0.0
