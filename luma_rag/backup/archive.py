"""The format of a backup: an uncompressed tar archive, written and read as a stream. See ADR 17.

| Member | Contents |
|---|---|
| `luma.json` | `Header` |
| `files/PATH` | the stored files |
| `tables/NAME/PART.gz` | rows in Postgres's binary COPY format, in separately gzipped parts |
| `manifest.json` | `Manifest`; an archive without it is incomplete |
"""

import hashlib
import io
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol, TypeVar

import msgspec

from luma_rag.errors import InvalidInputError

FORMAT = 1
HEADER = "luma.json"
MANIFEST = "manifest.json"
FILES = "files/"
PIECE_BYTES = 2**20

Progress = Callable[[str, int], None]
"""Called with the name of the part in progress and the number of bytes copied since the last call."""
Contents = TypeVar("Contents")


class Header(msgspec.Struct, frozen=True):
    """Where an archive comes from. `tables` has their columns, in an order that satisfies foreign keys."""

    format: int
    version: str
    revision: str
    started_at: str
    tables: dict[str, list[str]]


class Manifest(msgspec.Struct, frozen=True):
    """The number of rows by table, the last value by table of its sequence, and the checksums by member."""

    rows: dict[str, int]
    sequences: dict[str, int]
    sha256: dict[str, str]


class Readable(Protocol):
    """A source of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


class ArchiveWriter:
    """Writes the members in turn. All methods block."""

    def __init__(self, output: BinaryIO) -> None:
        # Not in tarfile's mode for streams, which would write to the output even after a failure.
        self._tar = tarfile.TarFile(
            # In this mode, tarfile calls only write() and tell().
            fileobj=_Output(output),  # type: ignore[arg-type]
            mode="w",
            format=tarfile.PAX_FORMAT,
        )
        self.sha256: dict[str, str] = {}

    def add(self, name: str, content: Readable, size: int) -> str:
        """Copy `size` bytes into a new member. Returns their SHA-256.

        Raises:
            OSError: the source is shorter, or the output can't be written.
        """
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, int(time.time())
        hashed = _Hashed(content)
        self._tar.addfile(member, hashed)
        # Otherwise, tarfile keeps every member in memory.
        self._tar.members.clear()  # type: ignore[attr-defined]
        self.sha256[name] = hashed.hexdigest()
        return self.sha256[name]

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a small member."""
        self.add(name, io.BytesIO(content), len(content))

    def close(self, manifest: Manifest) -> None:
        """Complete the archive. Without this call, it is recognizable as incomplete."""
        self.add_bytes(MANIFEST, msgspec.json.encode(manifest))
        self._tar.close()


class _Output:
    """An output without seek(), such as a pipe."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._written = 0

    def write(self, piece: bytes) -> int:
        self._output.write(piece)
        self._written += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._written


class Member:
    """A member of an archive that is being read; `path` is its name."""

    def __init__(self, path: str, content: Readable) -> None:
        self.path = path
        self._content = _Hashed(content)

    def pieces(self) -> Iterator[bytes]:
        """The bytes, at most `PIECE_BYTES` at a time.

        Raises:
            InvalidInputError: the archive ends within the member.
        """
        while piece := _reading(lambda: self._content.read(PIECE_BYTES)):
            yield piece

    def read(self) -> bytes:
        """All bytes."""
        return b"".join(self.pieces())

    def hexdigest(self) -> str:
        """The SHA-256 of the bytes that were read."""
        return self._content.hexdigest()


class ArchiveReader:
    """Reads the members in turn. All methods block, and raise InvalidInputError for a damaged archive."""

    def __init__(self, source: BinaryIO) -> None:
        self._tar = _reading(lambda: tarfile.open(fileobj=source, mode="r|"))  # noqa: SIM115
        self._ahead: Member | None = None
        self._taken: Member | None = None
        self._sha256: dict[str, str] = {}
        self._advance()
        header = self.take(HEADER)
        self.header = _decode(header.read(), Header)
        if self.header.format != FORMAT:
            raise InvalidInputError(
                f"This backup has format {self.header.format}, and this Luma reads format {FORMAT}. Restore "
                f"it with Luma {self.header.version}."
            )

    def take(self, prefix: str) -> Member:
        """The next member, whose name must begin with `prefix`."""
        taken = self.take_if(prefix)
        if taken is None:
            found = "ends early" if self._ahead is None else f"has {self._ahead.path!r} in its place"
            raise _damaged(f"{prefix!r} is missing: the archive {found}")
        return taken

    def take_if(self, prefix: str) -> Member | None:
        """The next member if its name begins with `prefix`. Read it before the next call."""
        self._finish()
        if self._ahead is None:
            self._advance()
        if self._ahead is None or not self._ahead.path.startswith(prefix):
            return None
        self._taken, self._ahead = self._ahead, None
        return self._taken

    def check(self) -> Manifest:
        """Read the manifest, and compare the checksums of all members with it."""
        self._finish()
        seen = dict(self._sha256)
        manifest = _decode(self.take(MANIFEST).read(), Manifest)
        if missing := manifest.sha256.keys() - seen.keys():
            raise _damaged(f"{min(missing)} is missing")
        if extra := seen.keys() - manifest.sha256.keys():
            raise _damaged(f"{min(extra)} does not belong to it")
        for path, digest in seen.items():
            if digest != manifest.sha256[path]:
                raise _damaged(f"the checksum of {path} differs")
        return manifest

    def _finish(self) -> None:
        if self._taken is not None:
            if self._taken.path in self._sha256:
                raise _damaged(f"it contains {self._taken.path} twice")
            self._sha256[self._taken.path] = self._taken.hexdigest()
            self._taken = None

    def _advance(self) -> None:
        found = _reading(self._tar.next)
        if found is None:
            return
        self._tar.members.clear()  # type: ignore[attr-defined]
        content = self._tar.extractfile(found) if found.isfile() else None
        path = PurePosixPath(found.name)
        if content is None or path.is_absolute() or ".." in path.parts:
            raise _damaged(f"{found.name!r} is not a member that Luma writes")
        self._ahead = Member(found.name, content)


class _Hashed:
    """Computes the hash of a source while it is read."""

    def __init__(self, content: Readable) -> None:
        self._content = content
        self._digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        piece = self._content.read(size)
        self._digest.update(piece)
        return piece

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _reading(read: Callable[[], Contents]) -> Contents:
    try:
        return read()
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(str(error)) from error


def _decode(content: bytes, kind: type[Contents]) -> Contents:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise _damaged(str(error)) from error


def _damaged(reason: str) -> InvalidInputError:
    return InvalidInputError(f"This is not a complete backup of Luma: {reason}. Use another copy of it.")
