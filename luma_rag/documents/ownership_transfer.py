"""All documents of one user at once: when they go, or become somebody else's."""

from sqlalchemy import delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from luma_rag.audit import record
from luma_rag.db.base import utcnow
from luma_rag.db.models import (
    Chunk,
    Citation,
    Document,
    EvaluationPlace,
    Ingestion,
    LexicalDocument,
    NamespaceDoc,
    Passage,
)
from luma_rag.documents import ingestion, vectors


async def remove_all(session: AsyncSession, user_id: int) -> tuple[list[int], list[str]]:
    """Delete a user's documents with all their rows, wherever they stand.

    Returns their ids, and the stored files, to be removed after the commit.
    """
    gone = await session.execute(
        delete(Document).where(Document.user_id == user_id).returning(Document.id, Document.file_path)
    )
    rows = gone.all()
    return sorted(doc_id for doc_id, _ in rows), [path for _, path in rows]


async def transfer(
    session: AsyncSession, user_id: int, to: int, *, actor_id: int | None
) -> tuple[list[int], list[str]]:
    """Make a user's documents another's. Where these have the same file already, theirs takes its place.

    The trail names each namespace that gets a document by that, as `actor_id`'s doing.
    Returns the ids that the documents had, and the stored files that nobody needs any more, to be removed
    after the commit.
    """
    given, kept = Document, aliased(Document)
    same_file = given.file_metadata["sha256"].as_string() == kept.file_metadata["sha256"].as_string()
    twins = await session.execute(
        select(given.id, kept.id)
        .join(kept, same_file)
        .where(given.user_id == user_id, kept.user_id == to)
        .order_by(given.id)
    )
    merged = [
        (given_id, await _merge(session, given_id, kept_id, actor_id)) for given_id, kept_id in twins.all()
    ]
    moved = await session.scalars(
        update(Document).where(Document.user_id == user_id).values(user_id=to).returning(Document.id)
    )
    return sorted([*moved, *(doc_id for doc_id, _ in merged)]), [path for _, path in merged]


async def _merge(session: AsyncSession, given: int, kept: int, actor_id: int | None) -> str:
    """Let `kept` stand wherever `given` does, a document with the same bytes, and delete that.

    Who has which right on `kept` stays as it is: its owner never shared it with those who had `given`.
    """
    # A worker that stores one of them finishes before, or finds no work.
    both = select(Document.id).where(Document.id.in_([given, kept])).order_by(Document.id)
    await session.execute(both.with_for_update())
    if not await session.scalar(select(exists().where(Chunk.doc_id == kept))):
        await _take_text(session, given, kept)
    held = await _namespaces(session, given)
    for namespace_id in sorted(held - await _namespaces(session, kept)):
        await vectors.unlink(session, given, namespace_id)
        await _place(session, kept, namespace_id)
        await _record_added(session, kept, namespace_id, actor_id)
    coming = await _on_the_way(session, given)
    for namespace_id in sorted(coming - held - await _namespaces(session, kept)):
        _, is_new = await ingestion.enqueue(session, kept, namespace_id)
        if is_new:
            await _record_added(session, kept, namespace_id, actor_id)
    for named in (Citation, EvaluationPlace):
        await session.execute(update(named).where(named.doc_id == given).values(doc_id=kept))
    paths = await session.scalars(delete(Document).where(Document.id == given).returning(Document.file_path))
    return paths.one()


async def _record_added(session: AsyncSession, doc_id: int, namespace_id: int, actor_id: int | None) -> None:
    # Who reads a namespace of somebody else's can read the document from here on.
    await record(session, "namespace.document-added", actor_id, namespace_id=namespace_id, doc_id=doc_id)


async def _take_text(session: AsyncSession, given: int, kept: int) -> None:
    # The same bytes read the same, so that nothing has to be embedded anew.
    await session.execute(update(Passage).where(Passage.doc_id == given).values(doc_id=kept))
    await session.execute(update(Chunk).where(Chunk.doc_id == given).values(doc_id=kept))
    await session.execute(update(LexicalDocument).where(LexicalDocument.doc_id == given).values(doc_id=kept))
    read = select(Document.file_metadata).where(Document.id == given).scalar_subquery()
    await session.execute(
        update(Document)
        .where(Document.id == kept)
        .values(file_metadata=read.op("||")(Document.file_metadata))
        .execution_options(synchronize_session=False)
    )


async def _place(session: AsyncSession, doc_id: int, namespace_id: int) -> None:
    chunks = await vectors.place(session, doc_id, namespace_id)
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


async def _on_the_way(session: AsyncSession, doc_id: int) -> set[int]:
    return set(
        await session.scalars(
            select(Ingestion.namespace_id).where(
                Ingestion.doc_id == doc_id, Ingestion.state.in_(["queued", "running"])
            )
        )
    )
