"""The data of a dynamic XFA form, whose pages only say that the viewer can't show it."""

import ctypes
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium
from lxml import etree

_LARGEST = 2**24
_DATA = "{http://www.xfa.org/schema/xfa-data/1.0/}data"


def form_data(document: pypdfium2.PdfDocument) -> str:
    """The form's fixed text, then what is filled in, one `label: value` a line; "" if nothing is."""
    fixed: list[str] = []
    labels: dict[str, str] = {}
    values: list[tuple[str, str]] = []
    for root in _packets(document):
        for element in root.iter(etree.Element):
            name = etree.QName(element).localname
            if name == "draw":
                fixed.append(_text(element))
            elif name == "field" and "name" in element.attrib:
                labels.setdefault(element.attrib["name"], _text(element.find("{*}caption")))
        data = root if root.tag == _DATA else root.find(f".//{_DATA}")
        for element in () if data is None else data.iter(etree.Element):
            value = (element.text or "").strip()
            if value:
                values.append((etree.QName(element).localname, value))
    if not values:
        return ""
    filled = [f"{(labels.get(name) or name).rstrip(':')}: {value}" for name, value in values]
    return "\n".join([line for line in fixed if line] + filled)


def _packets(document: pypdfium2.PdfDocument) -> Iterator[etree._Element]:
    """The XML of each packet: one for the whole form, or one for each of its parts."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    for index in range(max(0, pdfium.FPDF_GetXFAPacketCount(document.raw))):
        content = _content(document, index)
        root = etree.fromstring(content, parser) if content.strip() else None
        if root is not None:
            yield root


def _content(document: pypdfium2.PdfDocument, index: int) -> bytes:
    size = ctypes.c_ulong(0)
    pdfium.FPDF_GetXFAPacketContent(document.raw, index, None, 0, size)
    if not 0 < size.value <= _LARGEST:
        return b""
    buffer = ctypes.create_string_buffer(size.value)
    pdfium.FPDF_GetXFAPacketContent(document.raw, index, buffer, size.value, size)
    return buffer.raw


def _text(element: etree._Element | None) -> str:
    return "" if element is None else " ".join(" ".join(map(str, element.itertext())).split())
