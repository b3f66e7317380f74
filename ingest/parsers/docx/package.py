"""The zip archive of a DOCX (Open Packaging Conventions, ECMA-376 part 2): parts and relationships."""

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

DAMAGED = (
    "The document is damaged and could not be read. If Word or LibreOffice still opens it, save it as a new "
    "DOCX from there and use that."
)


class Relationship(NamedTuple):
    """`kind` is the last word of the relationship's type (`footnotes`), `target` the name of a part."""

    kind: str
    target: str


class Package:
    """The parts of an Office file, read one by one within `limits`."""

    def __init__(self, file: BinaryIO, limits: ParserLimits) -> None:
        self.warnings: list[str] = []
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()

    def xml(self, name: str) -> etree._Element | None:
        """The root of a part, in transitional namespaces; None if there is no such part.

        A damaged part counts as missing and adds a warning.

        Raises:
            LimitError: this part, or all parts together, are too large to parse.
        """
        info = self._parts.get(name.lower())
        if info is None:
            return None
        # Entities are not expanded, nothing is fetched, and libxml2's own limits on depth and size stay on.
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )
        try:
            data = self._read(info)
            if b"purl.oclc.org/ooxml" in data:
                data = _STRICT.sub(_TRANSITIONAL, data)
            return etree.fromstring(data, parser)
        except (*_ZIP_ERRORS, etree.XMLSyntaxError) as error:
            if isinstance(error, etree.XMLSyntaxError) and error.code == etree.ErrorTypes.ERR_NO_MEMORY:
                raise MemoryError from error
            self.warnings.append(
                f"A part of the document is damaged and was left out: {posixpath.basename(name)}."
            )
            return None

    def relationships(self, name: str = "") -> list[Relationship]:
        """The internal relationships of the part `name`, or of the whole package."""
        folder, base = posixpath.split(name)
        root = self.xml(posixpath.join(folder, "_rels", f"{base}.rels"))
        found = []
        for element in () if root is None else root:
            kind, target = element.get("Type", ""), element.get("Target", "")
            if element.get("TargetMode") != "External" and target:
                target = posixpath.normpath(posixpath.join("/", folder, target.replace("\\", "/")))
                found.append(Relationship(kind.rpartition("/")[2], target.lstrip("/")))
        return found

    def main_part(self) -> str:
        """The name of the main part."""
        for relationship in self.relationships():
            if relationship.kind == "officeDocument" and relationship.target.lower() in self._parts:
                return relationship.target
        return "word/document.xml"

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        # Check the declared size before unpacking. `zipfile` returns no more than that, and reading in blocks
        # limits each allocation.
        self._spend(info.file_size)
        blocks = []
        with self._archive.open(info) as part:
            while block := part.read(_BLOCK):
                blocks.append(block)
        return b"".join(blocks)

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise LimitError(
                "The document unpacks to more than can be read at once. Split it into smaller files."
            )
