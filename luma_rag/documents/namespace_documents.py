"""Documents in namespaces: adding and removing."""

from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, delete, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import (
    Principal,
    placements,
    require_document,
    require_namespace,
)
from luma_rag.access.principal import WRITE
from luma_rag.audit import record, set_actor
from luma_rag.db.models import Document, Namespace, NamespaceDoc, Placement, User
from luma_rag.documents import ingestion, quotas
from luma_rag.documents.ingestion import IngestionView
from luma_rag.errors import ConflictError, NotFoundError
from luma_rag.pagination import Page, Pagination
from luma_rag.settings import QuotaSettings


async def add(
    session: AsyncSession,
    principal: Principal,
    namespace_id: int,
    doc_id: int,
    *,
    limits: QuotaSettings = quotas.NONE,
) -> IngestionView:
    """Enqueue an uploaded document for a further namespace. Its stored embeddings are reused.

    Raises:
        ForbiddenError: the caller has less than level 2 there, or may only read the document and it is not
            public.
        ConflictError: the namespace already holds the document.
        QuotaExceededError: the namespace has no room for it.
    """
    await require_namespace(session, principal, namespace_id, WRITE)
    document = await require_document(session, principal, doc_id)
    if not document.is_public:
        await require_document(session, principal, doc_id, "write")
    held = await session.scalar(
        select(NamespaceDoc.id).where(
            NamespaceDoc.namespace_id == namespace_id, NamespaceDoc.doc_id == doc_id
        )
    )
    if held is not None:
        raise ConflictError("The namespace holds this document already.")
    size = document.file_metadata["size"]
    await quotas.require_room_in_namespaces(session, limits, [namespace_id], doc_id, size)
    return await enqueue(session, principal, namespace_id, doc_id)


async def enqueue(
    session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int, *, is_batch: bool = False
) -> IngestionView:
    """Enqueue a document for a namespace the caller may write to, unless it is already in progress.

    `is_batch` as for `ingestion.enqueue`. It leaves the namespace when the caller loses the right to add it.
    """
    await placements.lock_right(session, principal, doc_id)
    queued, is_new = await ingestion.enqueue(session, doc_id, namespace_id, is_batch=is_batch)
    if is_new:
        await placements.place(session, principal, doc_id, namespace_id)
        await record(
            session, "namespace.document-added", principal.user_id, namespace_id=namespace_id, doc_id=doc_id
        )
    return queued


async def remove(session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int) -> None:
    """Remove a document from a namespace, or cancel its ingestion. Requires level 2."""
    await require_namespace(session, principal, namespace_id, WRITE)
    await _end(session, principal, namespace_id, doc_id)


class DocumentNamespace(msgspec.Struct, frozen=True):
    """A namespace that contains a document, or into which it is being ingested, and the user who added it.

    Owners learn the id and name of namespaces that they can't read, to recognize where their documents are
    used, but nothing else about them. `placed_at` is null if unknown.
    """

    namespace_id: int
    name: str
    user_id: int
    username: str
    placed_at: datetime | None


async def namespaces_of(
    session: AsyncSession, principal: Principal, doc_id: int, pagination: Pagination
) -> Page[DocumentNamespace]:
    """The namespaces of a document, by id, also those that the caller can't read. Owner and administrators.

    A token restricted to some namespaces sees only these.
    """
    await require_document(session, principal, doc_id, "own")
    wanted = (Placement.doc_id == doc_id) & _in_reach(principal)
    total = await session.scalar(select(func.count()).select_from(Placement).where(wanted))
    rows = await session.execute(
        select(Namespace.id, Namespace.name, User.id, User.username, Placement.placed_at)
        .join(Placement, Placement.namespace_id == Namespace.id)
        .join(User, User.id == Placement.user_id)
        .where(wanted)
        .order_by(Namespace.id)
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page([DocumentNamespace(*row) for row in rows], total or 0)


async def withdraw(session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int) -> None:
    """Remove a document from a namespace, even if the caller can't read it. Owner and administrators."""
    await require_document(session, principal, doc_id, "own")
    await _end(session, principal, namespace_id, doc_id)


async def _end(session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int) -> None:
    # Lock the row, so that a worker storing the document either finishes first or finds no work.
    await session.scalar(select(Document.id).where(Document.id == doc_id).with_for_update())
    await set_actor(session, principal.user_id)
    ended = await session.scalar(
        delete(Placement)
        .where(Placement.doc_id == doc_id, Placement.namespace_id == namespace_id, _in_reach(principal))
        .returning(Placement.doc_id)
    )
    if ended is None:
        raise NotFoundError("This document is not in the namespace.")


def _in_reach(principal: Principal) -> ColumnElement[bool]:
    if principal.namespace_ids is None:
        return true()
    return Placement.namespace_id.in_(principal.namespace_ids)
