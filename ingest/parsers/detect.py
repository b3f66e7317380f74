"""Detects a file's type from its bytes, reading little: the server does this with untrusted files."""

import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from ingest.errors import UnsupportedTypeError
from ingest.parsers.detect_text import sample, text_type
from ingest.parsers.formats import READABLE, type_of_suffix
from ingest.types import DocumentType

# Mail programs and servers leave their headers before a PDF. There, only a whole line counts.
_HEAD = 2**16
_PDF_NEAR = 1024
_PDF_LATER = re.compile(rb"[\r\n]%PDF-[12]\.\d")
# A text that only mentions the header of a PDF has none of its objects.
_PDF_OBJECT = re.compile(rb"\d\s+\d+\s+obj\b")
# The central directory of a DOCX with ten thousand parts is nearly 1 MB.
_MOST_READ = 2 * 2**20
_CONTENT_TYPES = "[Content_Types].xml"
_MAIN_PARTS: dict[DocumentType, re.Pattern[bytes]] = {
    "docx": re.compile(
        rb"application/vnd\.(openxmlformats-officedocument\.wordprocessingml\.(document|template)"
        rb"|ms-word\.(document|template)\.macroEnabled(Template)?)\.main\+xml"
    ),
    "xlsx": re.compile(
        rb"application/vnd\.(openxmlformats-officedocument\.spreadsheetml\.(sheet|template)"
        rb"|ms-excel\.(sheet|template)\.macroEnabled)\.main\+xml"
    ),
    "pptx": re.compile(
        rb"application/vnd\.(openxmlformats-officedocument\.presentationml\.(presentation|template|slideshow)"
        rb"|ms-powerpoint\.(presentation|template|slideshow)\.macroEnabled)\.main\+xml"
    ),
}
_MAIN_PART_NAMES: dict[str, DocumentType] = {
    "word/document.xml": "docx",
    "xl/workbook.xml": "xlsx",
    "ppt/presentation.xml": "pptx",
}
_OPEN_DOCUMENT_TEXT = (
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.text-template",
)

_OCR = "Run it through text recognition (OCR) and use the PDF that comes out."
_UNPACK = f"Unpack it and use what is inside. {READABLE}"
_SIGNATURES: list[tuple[bytes, str]] = [
    (b"\x89PNG\r\n", f"This is a PNG image. {_OCR}"),
    (b"\xff\xd8\xff", f"This is a JPEG image. {_OCR}"),
    (b"II*\x00", f"This is a TIFF image. {_OCR}"),
    (b"MM\x00*", f"This is a TIFF image. {_OCR}"),
    (b"GIF8", f"This is a GIF image. {READABLE}"),
    (b"%!PS", "This is a PostScript file. Save it as PDF and use that."),
    (b"\x1f\x8b", f"This is a gzip archive. {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"This is a 7z archive. {_UNPACK}"),
    (b"Rar!", f"This is a RAR archive. {_UNPACK}"),
]
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def detect_type(path: Path, name: str | None = None) -> DocumentType:
    """Detect the type of a file that can be read (including macro, template and Strict Open XML variants).

    Looks at the bytes. `name`, by default that of `path`, only helps to tell one kind of text from another.
    Reads at most 2 MB and unpacks at most 1 MB of a file of any size. An Office file with a password has the
    type that its name says, or is a DOCX.

    Raises:
        UnsupportedTypeError: it can't be read; the message says what the file looks like and what to do.
        OSError: `path` can't be read.
    """
    with path.open("rb") as file:
        return detect_type_of_file(file, path.name if name is None else name)


def detect_type_of_file(file: BinaryIO, name: str = "") -> DocumentType:
    """Detect the type of an open file as `detect_type` does."""
    file.seek(0)
    head = file.read(_HEAD)
    if not head:
        raise UnsupportedTypeError("The file is empty. Get a new copy of it.")
    if head.startswith(b"PK"):
        return _detect_zip(file)
    if _is_pdf(head):
        return "pdf"
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if head.startswith(_OLE2):
        return _detect_ole2(file, name)
    for signature, message in _SIGNATURES:
        if head.startswith(signature):
            raise UnsupportedTypeError(message)
    kind = text_type(head, name)
    if kind is None:
        raise UnsupportedTypeError(f"The file is of an unknown kind, or its beginning is missing. {READABLE}")
    return kind


def _is_pdf(head: bytes) -> bool:
    if head.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-"):
        return True
    if b"%PDF-" not in head[:_PDF_NEAR] and not _PDF_LATER.search(head):
        return False
    return bool(_PDF_OBJECT.search(head)) or sample(head) is None


def is_encrypted_office_file(file: BinaryIO) -> bool:
    """Whether an OLE2 container holds a password-protected Office Open XML file ([MS-OFFCRYPTO] 2.3.2)."""
    return "encryptedpackage".encode("utf-16-le") in _ole2_directory(file)


def _ole2_directory(file: BinaryIO) -> bytes:
    """The beginning of the directory of an OLE2 container in lowercase, empty if it is none."""
    file.seek(0)
    header = file.read(512)
    if len(header) < 512 or not header.startswith(_OLE2):
        return b""
    # [MS-CFB] 2.2: the sector size is a power of two at offset 30, the first sector of the directory at 48.
    shift = int.from_bytes(header[30:32], "little")
    first = int.from_bytes(header[48:52], "little")
    if shift not in (9, 12):
        return b""
    file.seek((first + 1) << shift)
    return file.read(4096).lower()


def _detect_ole2(file: BinaryIO, name: str) -> DocumentType:
    directory = _ole2_directory(file)
    if "encryptedpackage".encode("utf-16-le") in directory:
        claimed = type_of_suffix(name)
        return claimed if claimed in ("pptx", "xlsx") else "docx"
    if "__properties_version1.0".encode("utf-16-le") in directory:
        raise UnsupportedTypeError(
            "This is a mail saved by Outlook (.msg). Save it as EML or PDF and use that."
        )
    raise UnsupportedTypeError(
        "This is a file of an old Office program (.doc, .xls or .ppt). Save it as DOCX, XLSX, PPTX, or PDF, "
        "and use that."
    )


def _detect_zip(file: BinaryIO) -> DocumentType:
    try:
        with zipfile.ZipFile(_Frugal(file)) as archive:
            names = set(archive.namelist())
            types = _beginning(archive, _CONTENT_TYPES) if _CONTENT_TYPES in names else b""
            mimetype = (
                _beginning(archive, "mimetype").decode("latin-1").strip() if "mimetype" in names else ""
            )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError, zlib.error):
        raise UnsupportedTypeError(
            "This is a zip archive or an Office file that is damaged or incomplete. Get a new copy of it. "
            f"{READABLE}"
        ) from None
    for kind, main_part in _MAIN_PARTS.items():
        if main_part.search(types):
            return kind
    for part, kind in _MAIN_PART_NAMES.items():
        if part in names:
            return kind
    if mimetype in _OPEN_DOCUMENT_TEXT and "content.xml" in names:
        return "odt"
    if b"ms-excel.sheet.binary" in types:
        raise UnsupportedTypeError("This is a binary Excel workbook (.xlsb). Save it as XLSX and use that.")
    if "META-INF/container.xml" in names:
        raise UnsupportedTypeError("This is an e-book (EPUB). Save it as PDF or HTML and use that.")
    if "content.xml" in names and mimetype:
        raise UnsupportedTypeError(
            "This is an OpenDocument file other than a text. Save it as XLSX, PPTX, or PDF, and use that."
        )
    raise UnsupportedTypeError(f"This is a zip archive. {_UNPACK}")


def _beginning(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as part:
        # `read(n)` unpacks at most n bytes, whatever the archive claims.
        return part.read(2**20)


class _Frugal(io.RawIOBase):
    """A file that can't be read beyond `_MOST_READ` bytes, which bounds what `zipfile` can load."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _MOST_READ

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        data = self._file.read(wanted)
        self._left -= len(data)
        if self._left < 0:
            raise zipfile.BadZipFile
        return data
