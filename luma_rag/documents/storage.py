"""Uploaded files on disk. Names on disk are random; the user's file name is stored in the database.

A file is *pending* while it is undecided whether a document has it: from before its first byte until its
document is committed, and from before the commit of a deletion until the file is gone. An empty marker in
`pending/` names it, and the process that decides holds a `flock` on the marker. If that process dies, the
kernel releases the lock, and the next process that opens the store resolves the file.
"""

import asyncio
import fcntl
import hashlib
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import quote, unquote

import msgspec

from luma_rag.errors import InvalidInputError, TooLargeError, UnavailableError

logger = logging.getLogger(__name__)
_PENDING = "pending"
_STORE_ID = "store-id"
# Earlier releases wrote uploads here, without a lock. Nobody uploads a file for a day.
_FORMER_INCOMING = "incoming"
_ABANDONED_SECONDS = 24 * 3600.0


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


class PendingFile:
    """A file that its owner will keep or discard; `path` is relative to the storage folder.

    As a context manager, it discards the file at the end unless something else was decided.
    """

    def __init__(self, path: str, file: Path, marker: Path, lock: int | None) -> None:
        self.path = path
        self._file = file
        self._marker = marker
        self._lock = lock
        self._is_resolved = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def keep(self) -> None:
        """A document has the file."""
        if not self._is_resolved:
            self._remove_marker()
            self.release()

    def discard(self) -> None:
        """No document has the file: delete it, durably, before its marker."""
        if self._is_resolved:
            return
        try:
            self._file.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                sync_folder(self._file.parent)
            self._remove_marker()
        except OSError as error:
            logger.warning("%s can't be removed: %s; the next start tries again", self.path, error.strerror)
        finally:
            self.release()

    def release(self) -> None:
        """Leave the decision to the next process that opens the store."""
        self._is_resolved = True
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _remove_marker(self) -> None:
        # Without the lock, the marker belongs to another owner.
        if self._lock is not None:
            self._marker.unlink(missing_ok=True)


class FileStorage:
    """A folder of files, each written completely or not at all."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._pending = folder / _PENDING
        self._pending.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def write(self, pieces: AsyncIterator[bytes]) -> tuple[PendingFile, StoredFile]:
        """Store a stream of bytes durably, with at most one piece in memory. The caller owns the result.

        Raises:
            TooLargeError: there are more bytes than allowed.
            InvalidInputError: there are none.
            UnavailableError: the disk is full or broken.
        """
        name = secrets.token_hex(16)
        path = f"{name[:2]}/{name}"
        try:
            pending = self.pend(path)
            try:
                await asyncio.to_thread(self.sync_markers)
                return pending, await self._write(path, pieces)
            except BaseException:
                pending.discard()
                raise
        except OSError as error:
            raise UnavailableError(
                f"The file could not be stored: {error.strerror}. Free disk space, or contact the operator."
            ) from error

    def pend(self, path: str, *, is_new: bool = True) -> PendingFile:
        """Mark a file as pending. The marker is durable after `sync_markers`.

        Raises:
            OSError: the disk is full or broken, and the file is new.
        """
        marker = self._pending / quote(path, safe="")
        try:
            lock = _lock(marker, create=True)
        except OSError:
            # A full disk must not prevent a deletion.
            if is_new:
                raise
            lock = None
        return PendingFile(path, self.path(path), marker, lock)

    def sync_markers(self) -> None:
        """Wait until all markers are on disk."""
        sync_folder(self._pending)

    def abandoned(self) -> Iterator[PendingFile]:
        """Pending files whose owner has died. The caller owns them."""
        for marker in list(self._pending.iterdir()):
            path = unquote(marker.name)
            if (lock := _lock(marker, create=False)) is not None:
                yield PendingFile(path, self.path(path), marker, lock)

    def read_id(self) -> str | None:
        """The id of the store that the folder belongs to, if any."""
        with suppress(FileNotFoundError):
            # After a power failure, the file may contain anything.
            return (self._folder / _STORE_ID).read_text(errors="replace").strip() or None
        return None

    def write_id(self, store_id: str) -> None:
        """Assign the folder to a store, durably."""
        new = self._folder / f"{_STORE_ID}.new"
        with new.open("wb") as file:
            file.write(store_id.encode() + b"\n")
            _sync_file(file)
        new.replace(self._folder / _STORE_ID)
        sync_folder(self._folder)

    def remove_former_uploads(self) -> None:
        """Delete what interrupted uploads of earlier releases have left."""
        incoming = self._folder / _FORMER_INCOMING
        with suppress(OSError):
            for file in incoming.iterdir():
                if time.time() - file.stat().st_mtime > _ABANDONED_SECONDS:
                    file.unlink()
            incoming.rmdir()

    def path(self, stored: str) -> Path:
        """The path of a stored file."""
        return self._folder / stored

    def files(self) -> Iterator[FileOnDisk]:
        """All files in the folder, including uploads in progress. Symbolic links are not followed."""
        now = time.time()
        for folder, folders, names in os.walk(self._folder):
            if Path(folder) == self._folder:
                folders.remove(_PENDING)
                with suppress(ValueError):
                    names.remove(_STORE_ID)
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

    async def _write(self, path: str, pieces: AsyncIterator[bytes]) -> StoredFile:
        target = self.path(path)
        is_new_folder = not target.parent.exists()
        target.parent.mkdir(exist_ok=True, mode=0o700)
        digest = hashlib.sha256()
        size = 0
        with target.open("xb") as file:
            async for piece in pieces:
                size += len(piece)
                if size > self._max_bytes:
                    raise TooLargeError(f"The file exceeds the limit of {self._max_bytes >> 20} MB.")
                await asyncio.to_thread(_append, file, digest, piece)
            if size == 0:
                raise InvalidInputError("The file is empty.")
            await asyncio.to_thread(_sync_file, file)
        await asyncio.to_thread(sync_folder, target.parent)
        if is_new_folder:
            await asyncio.to_thread(sync_folder, self._folder)
        return StoredFile(path, size, digest.hexdigest())


def discard_all(files: Iterable[PendingFile]) -> None:
    """Discard files; blocks while the disk works."""
    for file in files:
        file.discard()


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _append(file: BinaryIO, digest: "hashlib._Hash", piece: bytes) -> None:
    digest.update(piece)
    file.write(piece)


def _sync_file(file: BinaryIO) -> None:
    # Only what has left Python's buffer reaches the disk.
    file.flush()
    os.fsync(file.fileno())


def _lock(marker: Path, *, create: bool) -> int | None:
    """A descriptor that holds the lock on a marker; None if another one holds it."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    while True:
        try:
            descriptor = os.open(marker, flags, 0o600)
        except FileNotFoundError:
            if create:
                raise
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # On a file system without locks, a marker may be in use: new ones work, and none is abandoned.
            if create and not isinstance(error, BlockingIOError):
                return descriptor
            os.close(descriptor)
            return None
        # Its former owner may have removed the marker meanwhile.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), marker.stat()):
                return descriptor
        os.close(descriptor)
