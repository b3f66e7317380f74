"""Uploaded files on disk. Names on disk are random; the user's file name is stored in the database."""

import asyncio
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from luma_rag.errors import InvalidInputError, TooLargeError, UnavailableError


class StoredFile(msgspec.Struct, frozen=True):
    """A complete file in the storage. `path` is relative to the storage folder; `size` is in bytes."""

    path: str
    size: int
    sha256: str


class FileOnDisk(msgspec.Struct, frozen=True):
    """A file found in the storage folder; `path` is relative to it, `size` in bytes, `age` in seconds."""

    path: str
    size: int
    age: float


class FileStorage:
    """A folder of files, each written completely or not at all.

    A file is written under `incoming/`, flushed to disk, then renamed. Files that a crash leaves in
    `incoming/` belong to no document.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def write(self, pieces: AsyncIterator[bytes]) -> StoredFile:
        """Store a stream of bytes, with at most one piece in memory.

        Raises:
            TooLargeError: there are more bytes than allowed.
            InvalidInputError: there are none.
            UnavailableError: the disk is full or broken.
        """
        name = secrets.token_hex(16)
        incoming = self._incoming / name
        digest = hashlib.sha256()
        size = 0
        try:
            with incoming.open("xb") as file:
                async for piece in pieces:
                    size += len(piece)
                    if size > self._max_bytes:
                        raise TooLargeError(
                            f"The file is larger than {self._max_bytes >> 20} MB, the most that is accepted "
                            "(LUMA_MAX_UPLOAD_MB)."
                        )
                    await asyncio.to_thread(_append, file, digest, piece)
                if size == 0:
                    raise InvalidInputError("The file is empty.")
                await asyncio.to_thread(os.fsync, file.fileno())
            path = f"{name[:2]}/{name}"
            await asyncio.to_thread(self._place, incoming, path)
        except OSError as error:
            raise UnavailableError(
                f"The file could not be stored: {error.strerror}. Free some disk space or ask the operator."
            ) from error
        finally:
            incoming.unlink(missing_ok=True)
        return StoredFile(path, size, digest.hexdigest())

    def path(self, stored: str) -> Path:
        """The path of a stored file."""
        return self._folder / stored

    def files(self) -> Iterator[FileOnDisk]:
        """All files in the folder, including uploads in progress. Symbolic links are not followed."""
        now = time.time()
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder) / name
                # An upload may have ended, or a document been deleted, since the folder was listed.
                with suppress(FileNotFoundError):
                    found = path.lstat()
                    yield FileOnDisk(str(path.relative_to(self._folder)), found.st_size, now - found.st_mtime)

    def remove(self, *stored: str) -> None:
        """Delete stored files. Missing files are ignored."""
        for path in stored:
            self.path(path).unlink(missing_ok=True)

    def _place(self, incoming: Path, path: str) -> None:
        target = self.path(path)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        incoming.rename(target)
        for folder in (target.parent, self._folder):
            _sync_folder(folder)


def _append(file: BinaryIO, digest: "hashlib._Hash", piece: bytes) -> None:
    digest.update(piece)
    file.write(piece)


def _sync_folder(folder: Path) -> None:
    # A rename is durable only after the folder is synced.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
