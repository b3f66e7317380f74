"""Extracts the cited page of a PDF, with the quote highlighted."""

from itertools import pairwise
from pathlib import Path

import pypdfium2
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Highlight
from pypdf.generic import ArrayObject, FloatObject, RectangleObject

Box = tuple[float, float, float, float]


def write_marked_page(pdf: Path, page: int, quote: str, target: Path) -> int:
    """Write page `page` (1-based) of `pdf` to `target`. Returns the number of highlighted lines."""
    boxes = _boxes(pdf, page, quote)
    writer = PdfWriter()
    writer.add_page(PdfReader(pdf).pages[page - 1])
    for left, bottom, right, top in boxes:
        corners = (left, top, right, top, left, bottom, right, bottom)
        mark = Highlight(
            rect=RectangleObject((left, bottom, right, top)),
            quad_points=ArrayObject(map(FloatObject, corners)),
            highlight_color="ffe066",
        )
        writer.add_annotation(0, mark)
    writer.write(target)
    return len(boxes)


def _boxes(pdf: Path, page: int, quote: str) -> list[Box]:
    """The lines of the quote on the page; only letters and digits are compared."""
    with pypdfium2.PdfDocument(pdf) as document:
        text_page = document[page - 1].get_textpage()
        text = text_page.get_text_range()
        places = [place for place, character in enumerate(text) if character.isalnum()]
        wanted = "".join(filter(str.isalnum, quote))
        start = "".join(text[place] for place in places).find(wanted)
        if not wanted or start < 0:
            return []
        first, last = places[start], places[start + len(wanted) - 1]
        # A full stop after the last word belongs to the quote.
        last += text[last + 1 : last + 2] == "."
        count = text_page.count_rects(first, last + 1 - first)
        return _lines([text_page.get_rect(index) for index in range(count)])


def _lines(boxes: list[Box]) -> list[Box]:
    """Merge neighboring boxes that share a line."""
    merged = boxes[:1]
    for previous, (left, bottom, right, top) in pairwise(boxes):
        if abs(previous[1] - bottom) < (top - bottom) / 2:
            begin, low, _, high = merged[-1]
            merged[-1] = begin, min(low, bottom), right, max(high, top)
        else:
            merged.append((left, bottom, right, top))
    return merged
