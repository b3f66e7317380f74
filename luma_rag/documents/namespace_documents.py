"""Documents in namespaces: what one holds, putting a document in, taking it out."""

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
from luma_rag.documents import ingestion, vectors
from luma_rag.documents.ingestion import IngestionView
from luma_rag.documents.service import DocumentView, view
from luma_rag.errors import ConflictError, NotFoundError
from luma_rag.pagination import Page, Pagination


class NamespaceDocument(DocumentView, frozen=True):
    """A document in a namespace: its number of vectors there, and how the latest ingestion stands."""

    vec_count: int
    ingestion: IngestionView | None


async def documents_of(
    session: AsyncSession, principal: Principal, namespace_id: int, pagination: Pagination
) -> Page[NamespaceDocument]:
    """What the namespace holds and what is on its way there or failed, newest first. Level 1.

    What a namespace holds its readers may read. Until then, and where it fails, only those see a document
    who may read it anyhow.
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


async def add(session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int) -> IngestionView:
    """Queue an uploaded document for a further namespace, where its stored embeddings are reused.

    Raises:
        ForbiddenError: level below 2 there, or the document is only readable and not public.
        ConflictError: the namespace holds it already.
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
    return await enqueue(session, principal, namespace_id, doc_id)


async def enqueue(
    session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int
) -> IngestionView:
    """Queue a document for a namespace that the caller may write, unless it is on its way there already."""
    queued, is_new = await ingestion.enqueue(session, doc_id, namespace_id)
    if is_new:
        await record(
            session, "namespace.document-added", principal.user_id, namespace_id=namespace_id, doc_id=doc_id
        )
    return queued


async def remove(session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int) -> None:
    """Take a document out of a namespace, or stop bringing it there. Level 2."""
    await require_namespace(session, principal, namespace_id, WRITE)
    # The row is locked so that a worker that is just storing the document finishes before or finds no work.
    await session.scalar(select(Document.id).where(Document.id == doc_id).with_for_update())
    was_coming = await ingestion.cancel(session, doc_id, namespace_id)
    was_held = await vectors.unlink(session, doc_id, namespace_id)
    if not was_coming and not was_held:
        raise NotFoundError(f"Document {doc_id} not found in this namespace.")
    await record(
        session, "namespace.document-removed", principal.user_id, namespace_id=namespace_id, doc_id=doc_id
    )
