"""The list of the documents of a namespace."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    ScalarSelect,
    any_,
    case,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from luma_rag.access import (
    Principal,
    document_permission,
    namespace_level,
    readable_documents,
    readable_namespaces,
    require_namespace,
)
from luma_rag.access.principal import WRITE
from luma_rag.db.models import Document, Ingestion, Namespace, NamespaceDoc, Placement, User
from luma_rag.documents import namespace_page
from luma_rag.documents.ingestion import IngestionView
from luma_rag.documents.ingestion import view as view_ingestion
from luma_rag.documents.listing import Listing, StateHere, byte_count, order, page_count, state_of
from luma_rag.documents.service import DocumentView, view
from luma_rag.pagination import Page, Pagination


class AddedBy(msgspec.Struct, frozen=True):
    """The user who added a document to a namespace."""

    id: int
    username: str


class NamespaceDocument(DocumentView, frozen=True):
    """A document in a namespace, with its number of vectors there and its latest ingestion.

    `added_at` is null if unknown, `added_by` also for callers with level 1, unless they own the document.
    """

    vec_count: int
    ingestion: IngestionView | None
    state: StateHere
    added_at: datetime | None
    added_by: AddedBy | None


class DocumentSummary(msgspec.Struct, frozen=True):
    """How many documents a namespace has in each state, with the sums of their known pages and bytes."""

    all: int
    ready: int
    pending: int
    failed: int
    pages: int
    bytes: int


async def documents_of(
    session: AsyncSession,
    principal: Principal,
    namespace_id: int,
    pagination: Pagination,
    listing: Listing = Listing(),  # noqa: B008 - immutable
) -> Page[NamespaceDocument]:
    """Documents in the namespace, on their way there, or failed; by default newest first. Requires level 1.

    Readers of a namespace may read the documents in it. A document that is still on its way, or failed, is
    listed only for callers who may read it anyway.
    """
    await require_namespace(session, principal, namespace_id)
    found = await session.execute(namespace_page.find(principal, namespace_id, pagination, listing))
    total, doc_ids = found.one()
    vec_count = (
        select(func.cardinality(NamespaceDoc.vec_id))
        .where(NamespaceDoc.doc_id == Document.id, NamespaceDoc.namespace_id == namespace_id)
        .scalar_subquery()
    )
    latest = _of_latest(Ingestion.id, namespace_id)
    placed = (Placement.doc_id == Document.id) & (Placement.namespace_id == namespace_id)
    ordered = order(listing.sort, func.coalesce(Placement.placed_at, Document.uploaded_at))
    owner, adder = aliased(User), aliased(User)
    sees_adder = or_(Document.user_id == principal.user_id, namespace_level(principal) >= WRITE)
    rows = await session.execute(
        select(
            Document,
            document_permission(principal),
            owner.username,
            vec_count,
            Ingestion,
            _state(namespace_id),
            Placement.placed_at,
            case((sees_adder, adder.id)),
            adder.username,
        )
        .join(owner, owner.id == Document.user_id)
        .join(Namespace, Namespace.id == namespace_id)
        .outerjoin(Ingestion, Ingestion.id == latest)
        .outerjoin(Placement, placed)
        .outerjoin(adder, adder.id == Placement.user_id)
        .where(Document.id == any_(literal(doc_ids, ARRAY(Integer))))
        .order_by(*ordered)
    )
    return Page(
        [
            NamespaceDocument(
                **msgspec.structs.asdict(view(document, permission, username)),
                vec_count=count or 0,
                ingestion=view_ingestion(work) if work is not None else None,
                state=state,
                added_at=added_at,
                added_by=None if adder_id is None else AddedBy(adder_id, adder_name),
            )
            for (
                document,
                permission,
                username,
                count,
                work,
                state,
                added_at,
                adder_id,
                adder_name,
            ) in rows
        ],
        total,
    )


async def summary(session: AsyncSession, principal: Principal, namespace_id: int) -> DocumentSummary:
    """The numbers of the documents that `documents_of` lists. Requires level 1."""
    await require_namespace(session, principal, namespace_id)
    state = _state(namespace_id).label("state")
    rows = await session.execute(
        select(state, func.count(), func.sum(page_count()), func.sum(byte_count()).cast(BigInteger))
        .where(_in_namespace(principal, namespace_id))
        .group_by(state)
    )
    counts, pages, size = {}, 0, 0
    for name, count, pages_there, size_there in rows:
        counts[name] = count
        pages += pages_there or 0
        size += size_there or 0
    return DocumentSummary(
        sum(counts.values()),
        counts.get("ready", 0),
        counts.get("pending", 0),
        counts.get("failed", 0),
        pages,
        size,
    )


def _in_namespace(principal: Principal, namespace_id: int) -> ColumnElement[bool]:
    """Of the enclosing statement's `Document`: it is listed in the namespace, and the caller can read it."""
    readable = readable_namespaces(principal)
    held = select(NamespaceDoc.doc_id).where(
        NamespaceDoc.namespace_id == namespace_id, NamespaceDoc.namespace_id.in_(readable)
    )
    # Whoever reads the namespace reads what it holds. Only the others have to be asked for one by one.
    coming = select(Ingestion.doc_id).where(
        Ingestion.namespace_id == namespace_id,
        Ingestion.namespace_id.in_(readable),
        Ingestion.doc_id.not_in(held),
        Ingestion.doc_id.in_(readable_documents(principal)),
    )
    return Document.id.in_(held.union(coming))


def _state(namespace_id: int) -> ColumnElement[str]:
    # What is listed without an ingestion is held.
    return state_of(_of_latest(Ingestion.state, namespace_id), is_held=true())


def _of_latest(column: InstrumentedAttribute[Any], namespace_id: int) -> ScalarSelect[Any]:
    """A column of the latest ingestion of the enclosing statement's `Document`."""
    return (
        select(column)
        .where(Ingestion.doc_id == Document.id, Ingestion.namespace_id == namespace_id)
        .order_by(Ingestion.id.desc())
        .limit(1)
        .correlate(Document)
        .scalar_subquery()
    )
