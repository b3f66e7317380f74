"""The characters of a page with their boxes, read from pdfium in bulk.

pdfium answers one call per character and property. Called through the prototypes of pypdfium2, with an
object for each answer, these calls take longer than reading the page; here, they write into an array.
"""

import ctypes
import itertools
import re
from collections import deque
from collections.abc import Sequence
from ctypes import c_int, c_uint, c_void_p
from typing import Any

import msgspec
import numpy as np
import pypdfium2
import pypdfium2.raw
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_TURN = np.pi / 2
# Neighbors that lie over each other, not side by side. Raised figures and drop caps make a few of them.
_FEW_TURNED = 3
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]")


class Characters(msgspec.Struct, frozen=True):
    """Characters in the order of pdfium, which is mostly the order of drawing.

    `boxes[i]` is left, bottom, right, top of `text[i]` in points, with the height of the font; where pdfium
    added a space or a line end itself, it has no width and no height. `quarter_turns[i]` is 0 for horizontal
    text, 1 for text read upwards, 2 for text upside down, 3 for text read downwards, and -1 for any other
    angle.
    """

    text: str
    boxes: Floats
    quarter_turns: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.text)

    def inside(self, box: tuple[float, float, float, float]) -> Bools:
        """Which characters have their middle inside a box."""
        middle_x = (self.boxes[:, 0] + self.boxes[:, 2]) / 2
        middle_y = (self.boxes[:, 1] + self.boxes[:, 3]) / 2
        left, bottom, right, top = box
        inside: Bools = (middle_x >= left) & (middle_x <= right) & (middle_y >= bottom) & (middle_y <= top)
        return inside

    def only(self, kept: Bools) -> "Characters":
        """The characters for which `kept` is true."""
        if kept.all():
            return self
        text = "".join(itertools.compress(self.text, kept))
        return Characters(text, self.boxes[kept], self.quarter_turns[kept])


def read_characters(text_page: pypdfium2.PdfTextPage) -> Characters:
    """All characters of a page."""
    handle = ctypes.cast(text_page.raw, c_void_p).value
    count = text_page.count_chars()
    text = text_page.get_text_range(0, count) if count else ""
    if len(text) != count:
        # pdfium leaves out characters that it can't map to Unicode.
        codes = map(_unicode, itertools.repeat(handle), range(count))
        text = _SURROGATES.sub(
            _combined, "".join(chr(code) if code <= 0x10FFFF else "\ufffd" for code in codes)
        )
    boxes = np.zeros((count, 4), np.float32)
    address, size = boxes.ctypes.data, boxes.itemsize * 4
    addresses = range(address, address + count * size, size)
    deque(map(_loose_box, itertools.repeat(handle), range(count), addresses), maxlen=0)
    # pdfium writes left, top, right, bottom.
    boxes = boxes[:, [0, 3, 2, 1]]
    np.nan_to_num(boxes, copy=False, nan=0, posinf=0, neginf=0)
    return Characters(text, boxes, _quarter_turns(handle, boxes))


def text_objects(text_page: pypdfium2.PdfTextPage) -> list[int | None]:
    """The address of the page object that draws each character; None for those that pdfium added."""
    handle = ctypes.cast(text_page.raw, c_void_p).value
    return list(map(_text_object, itertools.repeat(handle), range(text_page.count_chars())))


def fonts_of(text_page: pypdfium2.PdfTextPage, indices: Sequence[int]) -> list[int | None]:
    """The address of the font of each of these characters; None for those that pdfium added."""
    handle = ctypes.cast(text_page.raw, c_void_p).value
    objects = map(_text_object, itertools.repeat(handle), indices)
    return [None if address is None else _font(address) for address in objects]


def has_map_error(text_page: pypdfium2.PdfTextPage, indices: Sequence[int]) -> Bools:
    """For each of these characters, whether its font doesn't tell its Unicode value."""
    handle = ctypes.cast(text_page.raw, c_void_p).value
    answers = map(_has_map_error, itertools.repeat(handle), indices)
    return np.fromiter((answer == 1 for answer in answers), np.bool_, len(indices))


def _combined(match: re.Match[str]) -> str:
    """The character of a surrogate pair, and a noncharacter that keeps the number of characters."""
    if len(match[0]) == 1:
        return "\ufffd"
    return match[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le") + "\uffff"


def _quarter_turns(handle: int | None, boxes: Floats) -> NDArray[np.int8]:
    count = len(boxes)
    turns = np.zeros(count, np.int8)
    if count < 2:
        return turns
    drawn = boxes[:, 3] > boxes[:, 1]
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    steps = np.abs(np.diff(centers, axis=0))
    height = np.minimum(boxes[1:, 3] - boxes[1:, 1], boxes[:-1, 3] - boxes[:-1, 1])
    width = np.minimum(boxes[1:, 2] - boxes[1:, 0], boxes[:-1, 2] - boxes[:-1, 0])
    near = (steps < 2 * np.maximum(height, width)[:, None]).all(axis=1) & drawn[1:] & drawn[:-1]
    turned = near & (steps[:, 1] > 0.25 * np.maximum(height, width)) & (steps[:, 0] < 2 * steps[:, 1])
    # Upside down, each character touches the left side of the one before.
    turned |= near & (np.abs(boxes[1:, 2] - boxes[:-1, 0]) < 0.1 * height) & (boxes[1:, 0] < boxes[:-1, 0])
    if np.count_nonzero(turned) <= _FEW_TURNED:
        return turns
    angles = np.fromiter(map(_angle, itertools.repeat(handle), range(count)), np.float32, count)
    # pdfium measures clockwise.
    quarters = -angles / _TURN
    whole = np.round(quarters)
    turns = (whole % 4).astype(np.int8)
    turns[np.abs(quarters - whole) > 0.05] = -1
    # Characters that pdfium added have no angle of their own.
    last = np.maximum.accumulate(np.where(drawn, np.arange(count), 0))
    return turns[last]


def function(found: Any, result: Any, *arguments: Any) -> Any:
    """A function of pdfium that takes addresses as numbers."""
    return ctypes.CFUNCTYPE(result, *arguments)(ctypes.cast(found, c_void_p).value or 0)


_unicode = function(pypdfium2.raw.FPDFText_GetUnicode, c_uint, c_void_p, c_int)
_loose_box = function(pypdfium2.raw.FPDFText_GetLooseCharBox, c_int, c_void_p, c_int, c_void_p)
_angle = function(pypdfium2.raw.FPDFText_GetCharAngle, ctypes.c_float, c_void_p, c_int)
_text_object = function(pypdfium2.raw.FPDFText_GetTextObject, c_void_p, c_void_p, c_int)
_font = function(pypdfium2.raw.FPDFTextObj_GetFont, c_void_p, c_void_p)
_has_map_error = function(pypdfium2.raw.FPDFText_HasUnicodeMapError, c_int, c_void_p, c_int)
