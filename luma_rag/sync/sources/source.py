"""The protocol of sources. All methods block."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

PIECE_BYTES = 2**20


class Entry(msgspec.Struct, frozen=True):
    """A file of a source. `path` is relative to it, with slashes; `size` is in bytes.

    `stamp` differs after a change of the content: a time of change, or a tag of the content.
    """

    path: str
    size: int
    stamp: str


class Left(msgspec.Struct, frozen=True):
    """A file, or a whole folder, that was left out, and why."""

    path: str
    reason: str


class Listing(msgspec.Struct, frozen=True):
    """What a source contains. `skipped` was left out by its name; `failed` could not be looked at.

    Of what failed, and of what is below it, nobody knows whether it is still there.
    """

    entries: list[Entry]
    skipped: list[Left]
    failed: list[Left]


class Source(Protocol):
    """A place with files, which are told apart by their paths."""

    @property
    def location(self) -> str:
        """The absolute path or URL, always the same for the same place."""
        ...

    def list(self) -> Listing:
        """Look at all files, without opening any.

        Raises:
            UnavailableError: the source itself can't be listed.
        """
        ...

    def pieces(self, path: str) -> Iterator[bytes]:
        """The bytes of a file, in pieces of about `PIECE_BYTES`.

        Raises:
            OSError, UnavailableError: it can't be read.
        """
        ...

    def local(self, path: str) -> Path | None:
        """The file itself, if it is on this machine."""
        ...
