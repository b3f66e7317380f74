"""All documents of one user at once: deletion, and transfer to a new owner."""

from collections.abc import Sequence

from sqlalchemy import case, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from luma_rag.audit import record
from luma_rag.db.base import utcnow
from luma_rag.db.models import (
    Chunk,
    ChunkDigest,
    Citation,
    Document,
    EvaluationPlace,
    Ingestion,
    LexicalDocument,
    NamespaceDoc,
    Passage,
    Placement,
    Reread,
    SyncItem,
    SyncSource,
)
from luma_rag.documents import embeddings, generations, ingestion, search_rows


async def remove_all(session: AsyncSession, user_id: int) -> tuple[list[int], list[str]]:
    """Delete a user's documents with all their rows, in every namespace.

    Returns the document ids, and the stored files to remove after the commit.
    """
    gone = await session.execute(
        delete(Document).where(Document.user_id == user_id).returning(Document.id, Document.file_path)
    )
    rows = gone.all()
    return sorted(doc_id for doc_id, _ in rows), [path for _, path in rows]


async def transfer(
    session: AsyncSession, user_id: int, to: int, *, actor_id: int | None
) -> tuple[list[int], list[str]]:
    """Transfer a user's documents to another user. If the new owner already has the same file, the two are
    merged.

    The audit trail names each namespace that gains a document by a merge, with `actor_id` as the actor.
    Returns the ids of the transferred documents, and the stored files to remove after the commit.
    """
    source, target = Document, aliased(Document)
    same_file = source.file_metadata["sha256"].as_string() == target.file_metadata["sha256"].as_string()
    twins = await session.execute(
        select(source.id, target.id)
        .join(target, same_file)
        .where(source.user_id == user_id, target.user_id == to)
        .order_by(source.id)
    )
    merged = [
        (source_id, await _merge(session, source_id, target_id, actor_id))
        for source_id, target_id in twins.all()
    ]
    await session.execute(update(SyncSource).where(SyncSource.user_id == user_id).values(user_id=to))
    moved = await session.scalars(
        update(Document).where(Document.user_id == user_id).values(user_id=to).returning(Document.id)
    )
    return sorted([*moved, *(doc_id for doc_id, _ in merged)]), [path for _, path in merged]


async def _merge(session: AsyncSession, source: int, target: int, actor_id: int | None) -> str:
    """Replace `source` by `target`, a document with the same bytes, in every namespace; then delete `source`.

    Grants on `target` stay unchanged, because its owner never shared it with the users of `source`.
    """
    # A worker storing one of them either finishes first or finds no work.
    both = select(Document.id).where(Document.id.in_([source, target])).order_by(Document.id)
    await session.execute(both.with_for_update())
    if not await session.scalar(select(exists().where(Chunk.doc_id == target))):
        await _take_text(session, source, target)
    ready, pending = await _namespaces(session, source), await _pending_namespaces(session, source)
    held = await _namespaces(session, target) | await _pending_namespaces(session, target)
    missing = sorted((ready | pending) - held)
    await _take_placements(session, source, target, missing)
    for namespace_id in missing:
        if namespace_id in ready:
            await search_rows.unlink(session, source, namespace_id)
        models = await generations.models_of(session, [namespace_id], live_only=True)
        if namespace_id in ready and not await embeddings.missing(session, target, models):
            await _place(session, target, namespace_id)
        else:
            await ingestion.enqueue(session, target, namespace_id)
        await _record_added(session, target, namespace_id, actor_id)
    for named in (Citation, EvaluationPlace, SyncItem):
        await session.execute(update(named).where(named.doc_id == source).values(doc_id=target))
    paths = await session.scalars(delete(Document).where(Document.id == source).returning(Document.file_path))
    return paths.one()


async def _take_placements(
    session: AsyncSession, source: int, target: int, namespace_ids: Sequence[int]
) -> None:
    """Give `target` the placements of `source` in these namespaces.

    A user who has no right to `target` can't have put it there: such placements become its owner's, who sees
    them and can end them.
    """
    # Those of failed ingestions.
    await session.execute(
        delete(Placement).where(Placement.doc_id == target, Placement.namespace_id.in_(namespace_ids))
    )
    owner = select(Document.user_id).where(Document.id == target).scalar_subquery()
    stands = func.placement_stands(target, Placement.user_id)
    await session.execute(
        update(Placement)
        .where(Placement.doc_id == source, Placement.namespace_id.in_(namespace_ids))
        .values(doc_id=target, user_id=case((stands, Placement.user_id), else_=owner))
        .execution_options(synchronize_session=False)
    )


async def _record_added(session: AsyncSession, doc_id: int, namespace_id: int, actor_id: int | None) -> None:
    # From here on, readers of another owner's namespace can read the document.
    await record(session, "namespace.document-added", actor_id, namespace_id=namespace_id, doc_id=doc_id)


async def _take_text(session: AsyncSession, source: int, target: int) -> None:
    # The same bytes have the same text, so nothing has to be embedded again.
    await session.execute(update(Passage).where(Passage.doc_id == source).values(doc_id=target))
    await session.execute(update(Chunk).where(Chunk.doc_id == source).values(doc_id=target))
    await session.execute(update(ChunkDigest).where(ChunkDigest.doc_id == source).values(doc_id=target))
    # The text may be that of an earlier version.
    if not await session.scalar(select(exists().where(Reread.doc_id == target))):
        await session.execute(update(Reread).where(Reread.doc_id == source).values(doc_id=target))
    await session.execute(
        update(LexicalDocument).where(LexicalDocument.doc_id == source).values(doc_id=target)
    )
    read = select(Document.file_metadata).where(Document.id == source).scalar_subquery()
    await session.execute(
        update(Document)
        .where(Document.id == target)
        .values(file_metadata=read.op("||")(Document.file_metadata))
        .execution_options(synchronize_session=False)
    )


async def _place(session: AsyncSession, doc_id: int, namespace_id: int) -> None:
    chunks = await search_rows.place(session, doc_id, namespace_id)
    now = utcnow()
    session.add(
        Ingestion(
            doc_id=doc_id,
            namespace_id=namespace_id,
            state="ready",
            progress=1.0,
            chunks=chunks,
            created_at=now,
            updated_at=now,
        )
    )
    await session.flush()


async def _namespaces(session: AsyncSession, doc_id: int) -> set[int]:
    return set(await session.scalars(select(NamespaceDoc.namespace_id).where(NamespaceDoc.doc_id == doc_id)))


async def _pending_namespaces(session: AsyncSession, doc_id: int) -> set[int]:
    return set(
        await session.scalars(
            select(Ingestion.namespace_id).where(
                Ingestion.doc_id == doc_id, Ingestion.state.in_(["queued", "running"])
            )
        )
    )
