"""The zip archive of an Office file (Open Packaging Conventions, ECMA-376-2): parts and relationships."""

import posixpath
import re
import zipfile
import zlib
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from lxml import etree

from ingest.errors import EncryptedError, LimitError, PermanentError
from ingest.parsers.detect import is_encrypted_office_file
from ingest.settings import ParserLimits

_BLOCK = 2**16
# A parsed tree takes some eight times the memory of its XML.
_TREE_COST = 8
# Strict Open XML (ISO/IEC 29500-1) uses other namespaces than Word's transitional form (29500-4).
_STRICT = re.compile(rb"([\"'])http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_TRANSITIONAL = rb"\1http://schemas.openxmlformats.org/\2/2006/\3"
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)

_MAIN_PARTS = ("word/document.xml", "xl/workbook.xml", "ppt/presentation.xml")
_TITLE = "{http://purl.org/dc/elements/1.1/}title"

DAMAGED = (
    "The document is damaged and could not be read. If the program it comes from still opens it, save it "
    "again from there and use that."
)


class Relationship(NamedTuple):
    """`kind` is the last word of the relationship's type (`footnotes`).

    `target` is the name of a part as the archive has it, or an address if it is `external`.
    """

    id: str
    kind: str
    target: str
    external: bool


class Package:
    """The parts of an Office file, read one by one within `limits`."""

    def __init__(self, file: BinaryIO, limits: ParserLimits) -> None:
        self.damaged: set[str] = set()
        """Parts that can't be read, and count as missing."""
        self._left = limits.memory_mb * 2**20 // _TREE_COST
        if is_encrypted_office_file(file):
            raise EncryptedError(
                "The document is protected with a password. Save a copy without it and use that."
            )
        try:
            self._archive = zipfile.ZipFile(file)
        except _ZIP_ERRORS as error:
            raise PermanentError(DAMAGED) from error
        # Part names are case-insensitive (ECMA-376 part 2, 6.2.2.3).
        self._parts = {info.filename.lower(): info for info in self._archive.infolist()}
        self._read: dict[str, bytes | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()
        self._read.clear()

    def part(self, name: str) -> bytes | None:
        """The bytes of a part, XML in transitional namespaces; None if there is none that can be read.

        Raises:
            LimitError: this part, or all parts together, are too large to parse.
        """
        if name in self.damaged:
            return None
        if name not in self._read:
            self._read[name] = self._unpacked(name)
        return self._read[name]

    def relationships(self, name: str = "") -> list[Relationship]:
        """The relationships of the part `name`, or of the whole package, without dangling ones."""
        folder, base = posixpath.split(name)
        rels = posixpath.join(folder, "_rels", f"{base}.rels")
        root = self.xml(rels)
        found = []
        for number, element in enumerate(() if root is None else root):
            kind, target = element.get("Type", "").rpartition("/")[2], element.get("Target", "")
            external = element.get("TargetMode") == "External"
            if not external:
                path = posixpath.normpath(posixpath.join("/", folder, target.replace("\\", "/")))
                info = self._parts.get(path.lstrip("/").lower())
                target = "" if info is None else info.filename
            if target:
                found.append(Relationship(element.get("Id", f"none{number}"), kind, target, external))
        return found

    def main_part(self) -> str:
        """The name of the main part.

        Raises:
            PermanentError: there is none.
        """
        for relationship in self.relationships():
            if relationship.kind == "officeDocument" and not relationship.external:
                return relationship.target
        for usual in _MAIN_PARTS:
            if usual in self._parts:
                return self._parts[usual].filename
        raise PermanentError(DAMAGED)

    def title(self) -> str | None:
        """The title among the properties."""
        for relationship in self.relationships():
            if relationship.kind == "core-properties":
                root = self.xml(relationship.target)
                return None if root is None else root.findtext(_TITLE)
        return None

    def xml(self, name: str) -> etree._Element | None:
        """The root of a part, None if there is none that can be read."""
        data = self.part(name)
        try:
            return None if data is None else etree.fromstring(data, _parser())
        except etree.XMLSyntaxError as error:
            raise_if_memory(error)
            self.damaged.add(name)
            return None

    def _unpacked(self, name: str) -> bytes | None:
        info = self._parts.get(name.lower())
        if info is None:
            return None
        # Check the declared size before unpacking. `zipfile` returns no more than that, and reading in blocks
        # limits each allocation.
        self._spend(info.file_size)
        blocks = []
        try:
            with self._archive.open(info) as part:
                while block := part.read(_BLOCK):
                    blocks.append(block)
        except _ZIP_ERRORS:
            self.damaged.add(name)
            return None
        data = b"".join(blocks)
        return _STRICT.sub(_TRANSITIONAL, data) if b"purl.oclc.org/ooxml" in data else data

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise LimitError(
                "The document unpacks to more than can be read at once. Split it into smaller files."
            )

    def drop_damaged(self) -> None:
        """Count parts that are no well-formed XML as missing."""
        for name, data in self._read.items():
            if data is not None and name.lower().endswith(".xml"):
                try:
                    etree.fromstring(data, _parser())
                except etree.XMLSyntaxError as error:
                    raise_if_memory(error)
                    self.damaged.add(name)


def raise_if_memory(error: etree.XMLSyntaxError) -> None:
    """Raise `MemoryError` if the parser ran out of memory, which it reports as a mistake in the file."""
    if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
        raise MemoryError from error


def _parser() -> etree.XMLParser:
    # Entities are not expanded, nothing is fetched, and libxml2's own limits on depth and size stay on.
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
