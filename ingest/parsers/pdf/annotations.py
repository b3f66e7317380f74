"""What is filled in, typed on, and linked on a page, but not part of its contents."""

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.parsers.pdf.characters import Characters
from ingest.parsers.pdf.lines import Fragment

_MOST = 2000
_MOST_LINKS = 200
_LONGEST = 100_000
_SCHEMES = ("http://", "https://", "mailto:", "ftp://")
_LINE_HEIGHT = 14.0
_INVISIBLE = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_TICKED = {pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON}
_WITH_VALUE = {
    pdfium.FPDF_FORMFIELD_TEXTFIELD,
    pdfium.FPDF_FORMFIELD_COMBOBOX,
    pdfium.FPDF_FORMFIELD_LISTBOX,
}
# As Word writes them.
_CHECKED, _UNCHECKED = "☒", "☐"
_TYPED_ON = {pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP}


def added_text(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage) -> tuple[list[Fragment], int]:
    """Values of form fields and typed-on text, where they stand; and how many notes were left out."""
    found: list[Fragment] = []
    notes = 0
    for annotation in _annotations(page):
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium.FPDF_ANNOT_TEXT:
            notes += bool(_value(annotation, b"Contents"))
        if pdfium.FPDFAnnot_GetFlags(annotation) & _INVISIBLE:
            continue
        text = ""
        if kind in _TYPED_ON:
            text = _value(annotation, b"Contents")
        elif kind == pdfium.FPDF_ANNOT_WIDGET and document.formenv:
            text = _field(document.formenv.raw, annotation)
        if text.strip():
            found += _fragments(annotation, text)
    return found, notes


def links(
    document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage, characters: Characters, text: str
) -> list[str]:
    """A line for each web address behind words of the page that `text` doesn't show: `words: address`."""
    position, link = ctypes.c_int(0), pdfium.FPDF_LINK()
    addresses: dict[str, str] = {}
    for _ in range(_MOST):
        if not pdfium.FPDFLink_Enumerate(page.raw, position, link) or len(addresses) == _MOST_LINKS:
            break
        address = _address(document, link)
        shown = address.split("://")[-1].removeprefix("mailto:").removeprefix("www.").rstrip("/")
        if address and address not in addresses and shown not in text:
            box = pdfium.FS_RECTF()
            pdfium.FPDFLink_GetAnnotRect(link, box)
            addresses[address] = _words_in(box, characters)
    return [f"{words}: {address}" if words else address for address, words in addresses.items()]


def _words_in(box: Any, characters: Characters) -> str:
    inside = characters.inside((box.left, box.bottom, box.right, box.top))
    return " ".join(characters.only(inside).text.split())


def _annotations(page: pypdfium2.PdfPage) -> Iterator[Any]:
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), _MOST)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        if annotation:
            try:
                yield annotation
            finally:
                pdfium.FPDFPage_CloseAnnot(annotation)


def _field(form: Any, annotation: Any) -> str:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _TICKED:
        return _CHECKED if pdfium.FPDFAnnot_IsChecked(form, annotation) else _UNCHECKED
    if kind in _WITH_VALUE:
        return _string(
            lambda buffer, size: pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, buffer, size)
        )
    return ""


def _value(annotation: Any, key: bytes) -> str:
    return _string(lambda buffer, size: pdfium.FPDFAnnot_GetStringValue(annotation, key, buffer, size))


def _string(read: Callable[[Any, int], int]) -> str:
    """The UTF-16 text that a function of pdfium writes into a buffer of the size it asks for."""
    size = min(read(None, 0), _LONGEST)
    if size <= 2:
        return ""
    buffer = (pdfium.FPDF_WCHAR * (size // 2 + 1))()
    read(buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", "replace").rstrip("\0")


def _address(document: pypdfium2.PdfDocument, link: Any) -> str:
    action = pdfium.FPDFLink_GetAction(link)
    if not action or pdfium.FPDFAction_GetType(action) != pdfium.PDFACTION_URI:
        return ""
    size = pdfium.FPDFAction_GetURIPath(document.raw, action, None, 0)
    if not 1 < size <= _LONGEST:
        return ""
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDFAction_GetURIPath(document.raw, action, buffer, size)
    address = buffer.raw[: size - 1].decode("utf-8", "replace").strip()
    # Others, such as files of the author's computer, are of no use to a reader.
    return address if address.lower().startswith(_SCHEMES) else ""


def _fragments(annotation: Any, text: str) -> list[Fragment]:
    box = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, box)
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    height = box.top - box.bottom
    if len(lines) > 1 or height > 2 * _LINE_HEIGHT:
        # pdfium doesn't tell where the lines of a taller box are.
        height = min(height / len(lines), _LINE_HEIGHT)
    return [
        Fragment(box.left, box.top - (at + 1) * height, box.right, box.top - at * height, line)
        for at, line in enumerate(lines)
    ]
