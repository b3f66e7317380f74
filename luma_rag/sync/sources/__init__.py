"""Where files to synchronize come from. See ADR 32."""

from pathlib import Path

from luma_rag.sync.sources.folder import Folder
from luma_rag.sync.sources.objects import SCHEMES, Objects
from luma_rag.sync.sources.source import Entry, Left, Listing, Source

__all__ = ["Entry", "Left", "Listing", "Source", "open_source"]


def open_source(location: str) -> Source:
    """The source at a path or URL.

    Raises:
        NotFoundError: there is no such folder.
        ConfigurationError, InvalidInputError: see `Objects`.
    """
    if location.startswith(SCHEMES):
        return Objects(location)
    return Folder(Path(location))
