"""Which documents of a namespace a page of its list shows, and how many there are.

A namespace may hold 100,000 documents, so a page must not read all of them. What the namespace holds and what
is on its way there are found apart, each in the order of an index and no further than the page goes, and then
merged. Numbers are counted in indexes.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Integer,
    Select,
    UnaryExpression,
    and_,
    exists,
    func,
    literal,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.orm import aliased

from luma_rag.access import Principal, readable_documents, readable_namespaces
from luma_rag.db.models import Document, Ingestion, NamespaceDoc, Placement
from luma_rag.documents.listing import Listing, contains, sort_key
from luma_rag.pagination import Pagination

# Constants, because a generic plan uses a partial index only if the statement itself implies its condition.
_UNREADY = "ingestion.state <> 'ready'"
_CONDITIONS = {
    "failed": f"{_UNREADY} AND ingestion.state = 'failed'",
    "pending": f"{_UNREADY} AND ingestion.state IN ('queued', 'running')",
}

_MOST = 2**31 - 1


class _Part(NamedTuple):
    """A part of the list: a select of documents, with their ids and what they are sorted by."""

    statement: Select[Any]
    doc_id: Any
    key: Any


def find(
    principal: Principal, namespace_id: int, pagination: Pagination, listing: Listing
) -> Select[int, list[int]]:
    """The number of documents in the list, and the ids of those on a page of it."""
    coming = _coming(principal, namespace_id, listing).cte("coming")
    held = (
        select(NamespaceDoc.doc_id)
        .where(_is_held(principal, namespace_id))
        .where(
            _has_state(NamespaceDoc.doc_id, namespace_id, listing), _contains(NamespaceDoc.doc_id, listing)
        )
    )
    numbers = [
        select(func.count()).select_from(part.subquery()).scalar_subquery()
        for part in (held, select(coming.c.doc_id).where(_contains(coming.c.doc_id, listing)))
    ]
    page = _page(principal, namespace_id, pagination, listing, coming)
    return select(numbers[0] + numbers[1], func.array(page.scalar_subquery(), type_=ARRAY(Integer)))


def _page(
    principal: Principal, namespace_id: int, pagination: Pagination, listing: Listing, coming: CTE
) -> Select[int]:
    most = min(pagination.limit + pagination.offset, _MOST)
    firsts = [
        part.statement.with_only_columns(part.doc_id.label("doc_id"), part.key.label("key"))
        .where(_contains(part.doc_id, listing))
        .order_by(*_order(listing, part.key, part.doc_id))
        .limit(most)
        for part in _parts(principal, namespace_id, listing, coming)
    ]
    merged = union_all(*(first.subquery().select() for first in firsts)).subquery()
    return (
        select(merged.c.doc_id)
        .order_by(*_order(listing, merged.c.key, merged.c.doc_id))
        .limit(pagination.limit)
        .offset(pagination.offset)
    )


def _parts(principal: Principal, namespace_id: int, listing: Listing, coming: CTE) -> Iterator[_Part]:
    is_held = _is_held(principal, namespace_id)
    if listing.sort.endswith("added"):
        # Those without a date are older than the table of placements.
        held = (
            select(Placement)
            .join(NamespaceDoc, NamespaceDoc.doc_id == Placement.doc_id)
            .where(is_held, Placement.namespace_id == namespace_id)
            .where(_has_state(Placement.doc_id, namespace_id, listing))
        )
        yield _Part(held.where(Placement.placed_at.is_not(None)), Placement.doc_id, Placement.placed_at)
        undated = held.join(Document, Document.id == Placement.doc_id).where(Placement.placed_at.is_(None))
        yield _Part(undated, Placement.doc_id, Document.uploaded_at)
    else:
        sorted_otherwise = (
            select(Document)
            .join(NamespaceDoc, NamespaceDoc.doc_id == Document.id)
            .where(is_held, _has_state(Document.id, namespace_id, listing))
        )
        yield _Part(sorted_otherwise, Document.id, sort_key(listing.sort))
    placed = (Placement.doc_id == Document.id) & (Placement.namespace_id == namespace_id)
    found = select(Document).join(coming, coming.c.doc_id == Document.id).outerjoin(Placement, placed)
    added = func.coalesce(Placement.placed_at, Document.uploaded_at)
    yield _Part(found, Document.id, sort_key(listing.sort, added))


def _order(listing: Listing, key: Any, doc_id: Any) -> list[UnaryExpression[Any]]:
    # What has no pages comes last, whatever the direction. No other key is ever missing; the indexes of those
    # can be read backward only if nothing is said of missing ones.
    is_ascending = not listing.sort.startswith("-")
    ordered = key.asc() if is_ascending else key.desc()
    if listing.sort.endswith("pages"):
        ordered = ordered.nulls_last()
    return [ordered, doc_id.asc() if is_ascending else doc_id.desc()]


def _is_held(principal: Principal, namespace_id: int) -> ColumnElement[bool]:
    """Of `NamespaceDoc`. Whoever reads the namespace reads what it holds."""
    return and_(NamespaceDoc.namespace_id == namespace_id, _is_readable(principal, namespace_id))


def _is_readable(principal: Principal, namespace_id: int) -> ColumnElement[bool]:
    # Not asked of each row.
    readable: ColumnElement[bool] = literal(namespace_id, Integer).in_(readable_namespaces(principal))
    return readable


def _coming(principal: Principal, namespace_id: int, listing: Listing) -> Select[int]:
    """Documents that the namespace does not hold yet. Each has to be readable by itself."""
    is_held = exists().where(
        NamespaceDoc.namespace_id == namespace_id, NamespaceDoc.doc_id == Ingestion.doc_id
    )
    found = _latest(namespace_id, _CONDITIONS.get(listing.state or "", _UNREADY)).where(
        _is_readable(principal, namespace_id),
        ~is_held,
        Ingestion.doc_id.in_(readable_documents(principal)),
    )
    return found.where(text("false")) if listing.state == "ready" else found


def _has_state(doc_id: Any, namespace_id: int, listing: Listing) -> ColumnElement[bool]:
    """Whether a document that the namespace holds has the wanted state."""
    if listing.state is None:
        return true()
    if listing.state == "ready":
        return ~exists(_latest(namespace_id, _UNREADY).where(Ingestion.doc_id == doc_id))
    wanted: ColumnElement[bool] = doc_id.in_(_latest(namespace_id, _CONDITIONS[listing.state]))
    return wanted


def _latest(namespace_id: int, condition: str) -> Select[int]:
    """Documents whose latest ingestion into the namespace fulfills the condition."""
    newer = aliased(Ingestion)
    is_old = exists().where(
        newer.doc_id == Ingestion.doc_id, newer.namespace_id == namespace_id, newer.id > Ingestion.id
    )
    return select(Ingestion.doc_id).where(Ingestion.namespace_id == namespace_id, text(condition), ~is_old)


def _contains(doc_id: Any, listing: Listing) -> ColumnElement[bool]:
    if listing.containing is None:
        return true()
    wanted: ColumnElement[bool] = doc_id.in_(select(Document.id).where(contains(listing.containing)))
    return wanted
