"""A folder on this machine."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from luma_rag.documents.file_names import reason_to_skip
from luma_rag.errors import NotFoundError, UnavailableError
from luma_rag.sync.sources.source import PIECE_BYTES, Entry, Left, Listing


class Folder:
    """All files below a folder. Links to files are followed, links to folders are not."""

    def __init__(self, folder: Path) -> None:
        """Raises NotFoundError if there is no such folder."""
        if not folder.is_dir():
            raise NotFoundError(f"{folder} is no folder. Name a folder to keep a namespace in step with.")
        self._folder = folder.resolve()
        self.location = str(self._folder)

    def list(self) -> Listing:
        """Look at all files, without opening any.

        Raises:
            UnavailableError: the folder itself can't be listed.
        """
        listing = Listing([], [], [])
        self._look_into("", listing)
        return listing

    def pieces(self, path: str) -> Iterator[bytes]:
        """The bytes of a file."""
        with (self._folder / path).open("rb") as opened:
            while piece := opened.read(PIECE_BYTES):
                yield piece

    def local(self, path: str) -> Path:
        """The file itself."""
        return self._folder / path

    def _look_into(self, below: str, listing: Listing) -> None:
        try:
            with os.scandir(self._folder / below) as found:
                inside = sorted(found, key=lambda one: one.name)
        except OSError as error:
            reason = error.strerror or "It can't be read."
            if not below:
                raise UnavailableError(f"{self.location} can't be listed: {reason}") from error
            listing.failed.append(Left(below, reason))
            return
        for one in inside:
            path = f"{below}/{one.name}" if below else one.name
            try:
                self._look_at(path, one, listing)
            except UnicodeEncodeError:
                shown = path.encode("utf-8", "replace").decode()
                listing.failed.append(Left(shown, "Its name is not valid UTF-8."))
            except OSError as error:
                listing.failed.append(Left(path, error.strerror or "It can't be read."))

    def _look_at(self, path: str, one: "os.DirEntry[str]", listing: Listing) -> None:
        path.encode()
        if one.is_dir(follow_symlinks=False):
            if one.name.startswith("."):
                listing.skipped.append(Left(path, "This is a hidden folder."))
            else:
                self._look_into(path, listing)
        elif reason := reason_to_skip(one.name):
            listing.skipped.append(Left(path, reason))
        # Opening a named pipe would wait for a writer. A link that leads nowhere raises below.
        elif not stat.S_ISREG((found := one.stat()).st_mode):
            listing.skipped.append(Left(path, "This is no regular file."))
        else:
            listing.entries.append(Entry(path, found.st_size, str(found.st_mtime_ns)))
