"""Where files to synchronize come from. See ADR 32."""

from pathlib import Path

from luma_rag.sync.sources.folder import Folder
from luma_rag.sync.sources.source import Entry, Left, Listing, Source

__all__ = ["Entry", "Left", "Listing", "Source", "open_source"]


def open_source(location: str) -> Source:
    """The source at a path.

    Raises:
        NotFoundError: there is no such folder.
    """
    return Folder(Path(location))
