"""The objects that draw a page: those of hidden layers, those with a text of their own, and pictures."""

import ctypes
import itertools
from ctypes import c_char_p, c_int, c_ulong, c_void_p
from typing import Any

import msgspec
import pypdfium2
import pypdfium2.raw as pdfium

from ingest.parsers.pdf.characters import function

_MOST = 50_000
_LONGEST_TEXT = 10_000


class ReplacedText(msgspec.Struct, frozen=True):
    """What an object stands for (ActualText), and where its baseline begins."""

    text: str
    x: float
    y: float
    objects: frozenset[int]


class Marked(msgspec.Struct, frozen=True):
    """Objects with marks that matter, by their addresses."""

    layers: dict[int, str]
    """The layer (optional content group) of each object that is in one."""
    replaced: list[ReplacedText]


def marked_objects(page: pypdfium2.PdfPage) -> Marked:
    """The objects of a page that are in layers, or have a text that replaces theirs."""
    handle = ctypes.cast(page.raw, c_void_p).value
    count = min(_count_objects(handle), _MOST)
    objects = list(map(_object, itertools.repeat(handle), range(count)))
    layers: dict[int, str] = {}
    texts: dict[str, tuple[int, list[int]]] = {}
    known: dict[int, tuple[str, str]] = {}
    for address, marks in zip(objects, map(_count_marks, objects), strict=True):
        for index in range(marks):
            mark = _mark(address, index)
            if mark not in known:
                known[mark] = _layer(mark), _actual_text(mark)
            layer, text = known[mark]
            if layer:
                layers[address] = layer
            if text and _type(address) == pdfium.FPDF_PAGEOBJ_TEXT:
                texts.setdefault(f"{mark}", (address, []))[1].append(address)
    replaced = []
    for key, (first, addresses) in texts.items():
        matrix = pdfium.FS_MATRIX()
        if _matrix(first, ctypes.addressof(matrix)):
            text = known[int(key)][1]
            replaced.append(ReplacedText(text, matrix.e, matrix.f, frozenset(addresses)))
    return Marked(layers, replaced)


def picture_share(page: pypdfium2.PdfPage) -> float:
    """How much of the page pictures cover, from 0 to 1; more than all of it counts as 1."""
    width, height = page.get_size()
    if width * height <= 0:
        return 0.0
    covered = 0.0
    for item in itertools.islice(page.get_objects(max_depth=1), _MOST):
        is_picture = item.type == pdfium.FPDF_PAGEOBJ_IMAGE or (
            item.type == pdfium.FPDF_PAGEOBJ_FORM and _holds_picture(item.raw)
        )
        if is_picture:
            try:
                left, bottom, right, top = item.get_bounds()
            except pypdfium2.PdfiumError:
                continue
            covered += max(0.0, right - left) * max(0.0, top - bottom)
    return float(min(1.0, covered / (width * height)))


def _holds_picture(form: Any) -> bool:
    return any(
        pdfium.FPDFPageObj_GetType(pdfium.FPDFFormObj_GetObject(form, index)) == pdfium.FPDF_PAGEOBJ_IMAGE
        for index in range(min(pdfium.FPDFFormObj_CountObjects(form), 100))
    )


def _layer(mark: int) -> str:
    # The parameters of a mark /OC are those of the group itself.
    return _parameter(mark, b"Name") if _parameter_type(mark, b"Type") == pdfium.FPDF_OBJECT_NAME else ""


def _actual_text(mark: int) -> str:
    text = _parameter(mark, b"ActualText")
    # Programs mark blanks by a text of NUL, or of a space.
    return text if any(map(str.isalnum, text)) else ""


def _parameter(mark: int, key: bytes) -> str:
    if _parameter_type(mark, key) != pdfium.FPDF_OBJECT_STRING:
        return ""
    size = c_ulong(0)
    _parameter_string(mark, key, None, 0, ctypes.addressof(size))
    if not 2 < size.value <= _LONGEST_TEXT:
        return ""
    buffer = ctypes.create_string_buffer(size.value)
    _parameter_string(mark, key, ctypes.addressof(buffer), size.value, ctypes.addressof(size))
    return buffer.raw[: size.value - 2].decode("utf-16-le", "replace")


_count_objects = function(pdfium.FPDFPage_CountObjects, c_int, c_void_p)
_object = function(pdfium.FPDFPage_GetObject, c_void_p, c_void_p, c_int)
_type = function(pdfium.FPDFPageObj_GetType, c_int, c_void_p)
_matrix = function(pdfium.FPDFPageObj_GetMatrix, c_int, c_void_p, c_void_p)
_count_marks = function(pdfium.FPDFPageObj_CountMarks, c_int, c_void_p)
_mark = function(pdfium.FPDFPageObj_GetMark, c_void_p, c_void_p, c_ulong)
_parameter_type = function(pdfium.FPDFPageObjMark_GetParamValueType, c_int, c_void_p, c_char_p)
_parameter_string = function(
    pdfium.FPDFPageObjMark_GetParamStringValue, c_int, c_void_p, c_char_p, c_void_p, c_ulong, c_void_p
)
