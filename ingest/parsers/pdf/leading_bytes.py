"""Files in which something comes before the PDF, such as the headers of a message."""

import io
from typing import BinaryIO

SEARCHED = 2**16
"""How many bytes may come before a PDF."""
_HEADER = b"%PDF-"


def without_leading_bytes(file: BinaryIO) -> BinaryIO | None:
    """The PDF inside a file; None if nothing comes before it, or there is none."""
    file.seek(0)
    start = file.read(SEARCHED).find(_HEADER)
    return _Rest(file, start) if start > 0 else None


class _Rest(io.RawIOBase, BinaryIO):
    """A file without its first bytes."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file, self._start = file, start
        file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset + (self._start if whence == 0 else 0), whence) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
