"""The outline of a document: its headings, and its pages where it has none."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, require_document
from luma_rag.db.models import Passage

# As parsers join the headings above a passage.
_SEPARATOR = " > "


class OutlineItem(msgspec.Struct, frozen=True):
    """A heading, or a page without one, where `heading` is null. `ordinal` is that of its first passage."""

    heading: str | None
    page: int | None
    ordinal: int
    children: list["OutlineItem"]


class Outline(msgspec.Struct, frozen=True):
    """The headings as a tree, in the order of the text."""

    items: list[OutlineItem]


async def outline(session: AsyncSession, principal: Principal, doc_id: int) -> Outline:
    """The outline of a document; empty until it has been read."""
    await require_document(session, principal, doc_id)
    rows = await session.execute(
        select(Passage.heading, Passage.page, Passage.ordinal)
        .where(Passage.doc_id == doc_id)
        .order_by(Passage.ordinal)
    )
    return Outline(as_tree((heading, page, ordinal) for heading, page, ordinal in rows))


def as_tree(passages: Iterable[tuple[str | None, int | None, int]]) -> list[OutlineItem]:
    """The tree of passages, given as headings (the whole path), pages and ordinals."""
    root: list[OutlineItem] = []
    open_items: list[OutlineItem] = []
    for path, page, ordinal in passages:
        headings = path.split(_SEPARATOR) if path is not None else []
        if not headings and page is not None:
            open_items = []
            root.append(OutlineItem(None, page, ordinal, []))
        kept = 0
        while kept < min(len(headings), len(open_items)) and open_items[kept].heading == headings[kept]:
            kept += 1
        # The same path again is the same section on a further page; a part of it is a section of its own.
        del open_items[kept:]
        for heading in headings[kept:]:
            item = OutlineItem(heading, page, ordinal, [])
            (open_items[-1].children if open_items else root).append(item)
            open_items.append(item)
    return root
