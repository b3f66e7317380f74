"""Documents in namespaces: listing, adding, removing."""

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import (
    Principal,
    document_permission,
    readable_documents,
    readable_namespaces,
    require_document,
    require_namespace,
)
from luma_rag.access.principal import WRITE
from luma_rag.audit import record
from luma_rag.db.models import Document, Ingestion, NamespaceDoc
from luma_rag.documents import ingestion, quotas, vectors
from luma_rag.documents.ingestion import IngestionView
from luma_rag.documents.service import DocumentView, view
from luma_rag.errors import ConflictError, NotFoundError
from luma_rag.pagination import Page, Pagination
from luma_rag.settings import QuotaSettings


class NamespaceDocument(DocumentView, frozen=True):
    """A document in a namespace, with its number of vectors there and its latest ingestion."""

    vec_count: int
    ingestion: IngestionView | None


async def documents_of(
    session: AsyncSession, principal: Principal, namespace_id: int, pagination: Pagination
) -> Page[NamespaceDocument]:
    """Documents in the namespace, on their way there, or failed; newest first. Requires level 1.

    Readers of a namespace may read the documents in it. A document that is still on its way, or failed, is
    listed only for callers who may read it anyway.
    """
    await require_namespace(session, principal, namespace_id)
    vec_count = (
        select(func.cardinality(NamespaceDoc.vec_id))
        .where(NamespaceDoc.doc_id == Document.id, NamespaceDoc.namespace_id == namespace_id)
        .scalar_subquery()
    )
    latest = (
        select(func.max(Ingestion.id))
        .where(Ingestion.doc_id == Document.id, Ingestion.namespace_id == namespace_id)
        .correlate(Document)
        .scalar_subquery()
    )
    held = select(NamespaceDoc.doc_id).where(NamespaceDoc.namespace_id == namespace_id)
    coming = select(Ingestion.doc_id).where(Ingestion.namespace_id == namespace_id)
    is_readable = (
        select(func.count())
        .where(readable_namespaces(principal).subquery().c.id == namespace_id)
        .scalar_subquery()
        > 0
    )
    wanted = (
        Document.id.in_(held.union(coming)) & Document.id.in_(readable_documents(principal)) & is_readable
    )
    total = await session.scalar(select(func.count()).select_from(Document).where(wanted))
    rows = await session.execute(
        select(Document, document_permission(principal), vec_count, Ingestion)
        .outerjoin(Ingestion, Ingestion.id == latest)
        .where(wanted)
        .order_by(Document.id.desc())
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page(
        [
            NamespaceDocument(
                **msgspec.structs.asdict(view(document, permission or "read")),
                vec_count=count or 0,
                ingestion=ingestion.view(work) if work is not None else None,
            )
            for document, permission, count, work in rows
        ],
        total or 0,
    )


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
    session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int
) -> IngestionView:
    """Enqueue a document for a namespace the caller may write to, unless it is already in progress."""
    queued, is_new = await ingestion.enqueue(session, doc_id, namespace_id)
    if is_new:
        await record(
            session, "namespace.document-added", principal.user_id, namespace_id=namespace_id, doc_id=doc_id
        )
    return queued


async def remove(session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int) -> None:
    """Remove a document from a namespace, or cancel its ingestion. Requires level 2."""
    await require_namespace(session, principal, namespace_id, WRITE)
    # Lock the row, so that a worker storing the document either finishes first or finds no work.
    await session.scalar(select(Document.id).where(Document.id == doc_id).with_for_update())
    was_coming = await ingestion.cancel(session, doc_id, namespace_id)
    was_held = await vectors.unlink(session, doc_id, namespace_id)
    if not was_coming and not was_held:
        raise NotFoundError(f"Document {doc_id} not found in this namespace.")
    await record(
        session, "namespace.document-removed", principal.user_id, namespace_id=namespace_id, doc_id=doc_id
    )
