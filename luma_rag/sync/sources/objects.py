"""A bucket of an object store: S3, Google Cloud Storage, or Azure, through obstore (the extra `objects`)."""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from luma_rag.documents.file_names import reason_to_skip
from luma_rag.errors import ConfigurationError, InvalidInputError, UnavailableError
from luma_rag.sync.sources.source import PIECE_BYTES, Entry, Left, Listing

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3://", "gs://", "az://")


class Objects:
    """All objects below a prefix. Credentials come from the environment variables of the provider."""

    def __init__(self, url: str) -> None:
        """Raises ConfigurationError without obstore, InvalidInputError if the URL names no bucket."""
        self.location = url.rstrip("/")
        self._store = _open(self.location)

    def list(self) -> Listing:
        """Look at all objects, without reading any.

        Raises:
            UnavailableError: the bucket can't be listed.
        """
        import obstore
        from obstore.exceptions import BaseError

        listing = Listing([], [], [])
        try:
            for found in obstore.list(self._store, chunk_size=1000):
                for one in found:
                    stamp = one["e_tag"] or one["last_modified"].isoformat()
                    _sort(Entry(one["path"], one["size"], stamp), listing)
        except (BaseError, OSError) as error:
            raise UnavailableError(f"{self.location} can't be listed: {_first_line(error)}") from error
        listing.entries.sort(key=lambda entry: entry.path)
        return listing

    def pieces(self, path: str) -> Iterator[bytes]:
        """The bytes of an object, all of one version."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            for piece in obstore.get(self._store, path).stream(min_chunk_size=PIECE_BYTES):
                yield bytes(piece)
        except (BaseError, OSError) as error:
            raise UnavailableError(f"It can't be read: {_first_line(error)}") from error

    def local(self, path: str) -> None:
        """Objects are nowhere on this machine."""


def _open(url: str) -> "ObjectStore":
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"{url} needs obstore, which is not installed. Run: pip install 'luma-rag[objects]'"
        ) from None
    try:
        return from_url(url, client_options={"allow_http": _allows_http(url, os.environ)})
    except (BaseError, ValueError) as error:
        raise InvalidInputError(f"{url} can't be opened: {_first_line(error)}") from error


def _allows_http(url: str, environment: Mapping[str, str]) -> bool:
    """Whether an own server was named that is reached without encryption."""
    return url.startswith("s3://") and environment.get("AWS_ENDPOINT_URL", "").startswith("http://")


def _sort(entry: Entry, listing: Listing) -> None:
    *folders, name = entry.path.split("/")
    reason = reason_to_skip(name)
    if any(folder.startswith(".") for folder in folders):
        reason = "It is in a hidden folder."
    elif entry.size == 0:
        # Some tools make such objects in place of folders.
        reason = "It is empty."
    if reason is None:
        listing.entries.append(entry)
    else:
        listing.skipped.append(Left(entry.path, reason))


def _first_line(error: Exception) -> str:
    """The first line of an error of obstore's, whose others are for its developers."""
    return str(error).splitlines()[0].rstrip(".") + "."
