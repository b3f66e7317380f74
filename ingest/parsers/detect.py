"""Detects a file's type from its bytes, reading little: the server does this with untrusted files."""

import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, Never

from ingest.errors import UnsupportedTypeError
from ingest.types import DocumentType

_HEAD = 1024
# Mail programs and servers leave their headers before a PDF. There, only a whole line counts.
_LEADING = 2**16 - _HEAD
_PDF_LATER = re.compile(rb"[\r\n]%PDF-[12]\.\d")
# The central directory of a DOCX with ten thousand parts is nearly 1 MB.
_MOST_READ = 2 * 2**20
_CONTENT_TYPES = "[Content_Types].xml"
_MAIN_PART = re.compile(
    rb"application/vnd\.(openxmlformats-officedocument\.wordprocessingml\.(document|template)"
    rb"|ms-word\.(document|template)\.macroEnabled(Template)?)\.main\+xml"
)

_USE_INSTEAD = "Only PDF and DOCX files can be read."
_SAVE_AS = "Save it as PDF or DOCX and use that."
_SIGNATURES: list[tuple[bytes, str]] = [
    (b"{\\rtf", f"This is an RTF document. {_SAVE_AS}"),
    (
        b"\x89PNG\r\n",
        "This is a PNG image. Run it through text recognition (OCR) and use the PDF that comes out.",
    ),
    (
        b"\xff\xd8\xff",
        "This is a JPEG image. Run it through text recognition (OCR) and use the PDF that comes out.",
    ),
    (
        b"II*\x00",
        "This is a TIFF image. Run it through text recognition (OCR) and use the PDF that comes out.",
    ),
    (
        b"MM\x00*",
        "This is a TIFF image. Run it through text recognition (OCR) and use the PDF that comes out.",
    ),
    (b"GIF8", f"This is a GIF image. {_USE_INSTEAD}"),
    (b"%!PS", f"This is a PostScript file. {_SAVE_AS}"),
    (b"\x1f\x8b", f"This is a gzip archive. Unpack it and use what is inside. {_USE_INSTEAD}"),
    (b"7z\xbc\xaf\x27\x1c", f"This is a 7z archive. Unpack it and use what is inside. {_USE_INSTEAD}"),
    (b"Rar!", f"This is a RAR archive. Unpack it and use what is inside. {_USE_INSTEAD}"),
]
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def detect_type(path: Path) -> DocumentType:
    """Detect whether a file is a PDF or a DOCX (including macro, template and Strict Open XML variants).

    Looks at the bytes, never at the name. Reads at most 2 MB and unpacks at most 1 MB of a file of any size.
    A password-protected DOCX is a DOCX.

    Raises:
        UnsupportedTypeError: neither; the message says what the file looks like and what to do.
        OSError: `path` can't be read.
    """
    with path.open("rb") as file:
        return detect_type_of_file(file)


def detect_type_of_file(file: BinaryIO) -> DocumentType:
    """Detect the type of an open file as `detect_type` does."""
    file.seek(0)
    head = file.read(_HEAD)
    if head.startswith(b"PK"):
        return _detect_zip(file)
    if b"%PDF-" in head or _PDF_LATER.search(file.read(_LEADING)):
        return "pdf"
    if head.startswith(_OLE2):
        if is_encrypted_office_file(file):
            return "docx"
        raise UnsupportedTypeError(
            f"This is a file of an old Office program (.doc, .xls or .ppt). {_SAVE_AS}"
        )
    _refuse(head)


def is_encrypted_office_file(file: BinaryIO) -> bool:
    """Whether an OLE2 container holds a password-protected Office Open XML file ([MS-OFFCRYPTO] 2.3.2)."""
    file.seek(0)
    header = file.read(512)
    if len(header) < 512 or not header.startswith(_OLE2):
        return False
    # [MS-CFB] 2.2: the sector size is a power of two at offset 30, the first sector of the directory at 48.
    shift = int.from_bytes(header[30:32], "little")
    first = int.from_bytes(header[48:52], "little")
    if shift not in (9, 12):
        return False
    file.seek((first + 1) << shift)
    return "encryptedpackage".encode("utf-16-le") in file.read(4096).lower()


def _detect_zip(file: BinaryIO) -> DocumentType:
    try:
        with zipfile.ZipFile(_Frugal(file)) as archive:
            names = set(archive.namelist())
            if _CONTENT_TYPES in names:
                with archive.open(_CONTENT_TYPES) as part:
                    # `read(n)` unpacks at most n bytes, whatever the archive claims.
                    types = part.read(2**20)
            else:
                types = b""
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError, zlib.error):
        raise UnsupportedTypeError(
            "This is a zip archive or an Office file that is damaged or incomplete. Get a new copy of it. "
            f"{_USE_INSTEAD}"
        ) from None
    if _MAIN_PART.search(types) or "word/document.xml" in names:
        return "docx"
    kind = "a zip archive"
    if b"spreadsheetml" in types:
        kind = "an Excel workbook"
    elif b"presentationml" in types:
        kind = "a PowerPoint presentation"
    elif "META-INF/container.xml" in names:
        kind = "an e-book (EPUB)"
    elif {"content.xml", "mimetype"} <= names:
        kind = "an OpenDocument file"
    else:
        raise UnsupportedTypeError(f"This is a zip archive. Unpack it and use what is inside. {_USE_INSTEAD}")
    raise UnsupportedTypeError(f"This is {kind}. {_SAVE_AS}")


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


def _refuse(head: bytes) -> Never:
    if not head:
        raise UnsupportedTypeError("The file is empty. Get a new copy of it.")
    for signature, message in _SIGNATURES:
        if head.startswith(signature):
            raise UnsupportedTypeError(message)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise UnsupportedTypeError(f"This is a web page. Print it to PDF and use that. {_USE_INSTEAD}")
    if not re.search(rb"[\x00-\x08\x0e-\x1a]", head):
        raise UnsupportedTypeError(f"This looks like a plain text file. {_SAVE_AS}")
    raise UnsupportedTypeError(
        f"The file is neither a PDF nor a DOCX, or its beginning is missing. {_USE_INSTEAD}"
    )
