"""The rows to search: a document in a namespace, with its vectors in all generations and its terms."""

from sqlalchemy import Integer, cast, delete, func, insert, literal, null, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from luma_rag.db.models import Chunk, ChunkVector, Namespace, NamespaceDoc
from luma_rag.documents import embeddings, generations, lexical_index


async def unlink(session: AsyncSession, doc_id: int, namespace_id: int) -> bool:
    """Remove a document and its vectors from a namespace. Returns whether it was there."""
    await lexical_index.remove(session, namespace_id, doc_id)
    await session.execute(
        delete(ChunkVector).where(ChunkVector.namespace_id == namespace_id, ChunkVector.doc_id == doc_id)
    )
    removed = await session.scalar(
        delete(NamespaceDoc)
        .where(NamespaceDoc.namespace_id == namespace_id, NamespaceDoc.doc_id == doc_id)
        .returning(NamespaceDoc.id)
    )
    return removed is not None


async def place(session: AsyncSession, doc_id: int, namespace_id: int) -> int:
    """Copy the embeddings of a document's chunks into all generations of a namespace, replacing earlier ones.

    Returns the number of chunks. The caller has locked the document.
    """
    # Before its generations: whoever changes these has locked it.
    await session.execute(
        select(Namespace.id).where(Namespace.id == namespace_id).with_for_update(read=True, key_share=True)
    )
    await unlink(session, doc_id, namespace_id)
    kept = await generations.kept(session, namespace_id)
    inline = [embeddings.embedding_by(each.model_id) for each in kept if each.is_inline]
    copied = (
        insert(ChunkVector)
        .from_select(
            ["namespace_id", "doc_id", "chunk_id", "embedding"],
            select(literal(namespace_id, Integer), Chunk.doc_id, Chunk.id, inline[0] if inline else null())
            .where(Chunk.doc_id == doc_id)
            .order_by(Chunk.ordinal),
        )
        .returning(ChunkVector.id)
        .cte("copied")
    )
    ids = func.array_agg(aggregate_order_by(cast(copied.c.id, Text), copied.c.id))
    chunks = await session.scalar(
        insert(NamespaceDoc)
        .from_select(
            ["namespace_id", "doc_id", "vec_id"],
            select(literal(namespace_id, Integer), literal(doc_id, Integer), ids),
        )
        .returning(func.cardinality(NamespaceDoc.vec_id))
    )
    for generation in kept:
        if not generation.is_inline:
            await generations.copy_document(session, generation, namespace_id, doc_id)
    await lexical_index.index(session, namespace_id, [doc_id])
    return chunks or 0
