"""The numbers printed on pages, as a document stores them: only where they change.

Most documents count from their first page. In those that don't, the printed numbers mostly go up by one.
"""

from collections.abc import Mapping, Sequence

from ingest.types import Passage


def changes(passages: Sequence[Passage]) -> dict[str, str]:
    """The labels of the pages whose label doesn't follow from that of the page before; {} without labels."""
    found: dict[str, str] = {}
    offset = 0
    for passage in passages:
        if passage.page is None:
            continue
        label = passage.label or str(passage.page)
        if label != str(passage.page + offset):
            found[str(passage.page)] = label
            offset = int(label) - passage.page if label.isdecimal() and label == str(int(label)) else 0
    return found


def label_of(page: int | None, stored: Mapping[str, str] | None) -> str | None:
    """The number printed on a page, given what `changes` returned; None if it is the page's own number."""
    earlier = [int(start) for start in stored or () if page is not None and int(start) <= page]
    if not earlier or page is None or stored is None:
        return None
    start = max(earlier)
    label = stored[str(start)]
    if start != page:
        # Other labels than numbers are stored for each page.
        label = str(int(label) + page - start) if label.isdecimal() else str(page)
    return label if label != str(page) else None
