"""Headings of pages by the outline (the bookmarks) of a PDF."""

import itertools

import pypdfium2

from ingest.parsers.text import clean

_DEPTH = 6
_ENTRIES = 5000


def headings_of(document: pypdfium2.PdfDocument) -> list[str | None]:
    """For each page, the path of its outline entries; None before the first entry."""
    starts: list[tuple[int, tuple[str, ...]]] = []
    path: list[str] = []
    for bookmark in itertools.islice(document.get_toc(max_depth=_DEPTH), _ENTRIES):
        path = [*path[: bookmark.level], " ".join(clean(bookmark.get_title()).split())]
        destination = bookmark.get_dest()
        page = None if destination is None else destination.get_index()
        if page is not None:
            starts.append((page, tuple(part for part in path if part)))
    starts.sort(key=lambda start: start[0])
    headings: list[str | None] = [None] * len(document)
    current: tuple[str, ...] = ()
    following = 0
    for page in range(len(document)):
        here = []
        while following < len(starts) and starts[following][0] <= page:
            here.append(starts[following][1])
            following += 1
        # If several sections begin on a page, only their common path applies to the whole page.
        shared = _shared(here) if here else current
        headings[page] = " > ".join(shared) or None
        current = here[-1] if here else current
    return headings


def _shared(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    shared = tuple(
        column[0]
        for column in itertools.takewhile(lambda column: len(set(column)) == 1, zip(*paths, strict=False))
    )
    return shared or paths[0]
