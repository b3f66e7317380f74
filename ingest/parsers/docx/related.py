"""What a part of a DOCX refers to by an id: addresses, charts, SmartArt, and documents inside it."""

import re
import zipfile
from collections.abc import Callable, Iterable
from io import BytesIO

from docx.opc.part import Part
from docx.oxml.parser import parse_xml
from lxml import etree

from ingest.errors import PermanentError
from ingest.parsers.blocks import Block
from ingest.parsers.docx.charts import chart_blocks, diagram_block
from ingest.parsers.docx.remarks import Remarks
from ingest.parsers.html import blocks_of_page
from ingest.parsers.package import raise_if_memory

_LONGEST_ADDRESS = 500
_ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]+:")


class Related:
    """The parts and addresses that one part refers to. `read_document` reads a DOCX inside this one."""

    def __init__(
        self, part: Part, remarks: Remarks, read_document: Callable[[bytes], Iterable[Block]] | None
    ) -> None:
        self._part = part
        self._remarks = remarks
        self._read_document = read_document

    def address(self, key: str) -> str | None:
        """The address of a link, None if it has none worth telling."""
        relationship = self._part.rels.get(key)
        if relationship is None or not relationship.is_external:
            return None
        return readable_address(relationship.target_ref)

    def chart(self, key: str) -> list[Block]:
        """The titles and values of a chart."""
        root = self._xml(key)
        return [] if root is None else list(chart_blocks(root))

    def diagram(self, key: str) -> list[Block]:
        """The texts of a SmartArt."""
        root = self._xml(key)
        block = None if root is None else diagram_block(root)
        return [] if block is None else [block]

    def embedded_object(self, key: str, program: str) -> list[Block]:
        """The text of an embedded document if it is Word's; any other object is counted as unread."""
        data = self._data(key)
        blocks = None if data is None else self._blocks_of_document(data)
        if blocks is None:
            self._remarks.unread_objects[program] = self._remarks.unread_objects.get(program, 0) + 1
            return []
        self._remarks.documents_read += 1
        return blocks

    def inserted_document(self, key: str) -> list[Block]:
        """The text of an altChunk: a DOCX, a web page or plain text, which Word shows in its place."""
        data = self._data(key)
        blocks = None
        if data is not None:
            blocks = self._blocks_of_document(data) if data.startswith(b"PK") else _text_blocks(data)
        if blocks is None:
            self._remarks.documents_unread += 1
            return []
        self._remarks.documents_read += 1
        return blocks

    def _blocks_of_document(self, data: bytes) -> list[Block] | None:
        if self._read_document is None or not zipfile.is_zipfile(BytesIO(data)):
            return None
        try:
            return list(self._read_document(data))
        except PermanentError:
            return None

    def _xml(self, key: str) -> etree._Element | None:
        data = self._data(key)
        try:
            return None if data is None else parse_xml(data)
        except etree.XMLSyntaxError as error:
            raise_if_memory(error)
            self._remarks.damaged[str(self._part.related_parts[key].partname)] = None
            return None

    def _data(self, key: str) -> bytes | None:
        part = self._part.related_parts.get(key)
        return None if part is None else part.blob


def readable_address(address: str) -> str | None:
    """An address as people write it, None for a file beside this one, and if it is too long."""
    if not _ADDRESS.match(address) or len(address) > _LONGEST_ADDRESS:
        return None
    return address.strip().removeprefix("mailto:").partition("?subject=")[0]


def _text_blocks(data: bytes) -> list[Block] | None:
    """The blocks of a web page or plain text, None for what is neither."""
    start = data[:2000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{\\rtf") or (b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff"))):
        return None
    if b"<" not in data:
        return [Block(line) for line in data.decode(errors="replace").splitlines() if line.strip()]
    return blocks_of_page(data)
