"""Compaction of the lexical index: merge small segments, and reindex those with outdated weights.

A search looks up every term in every segment, so many small segments make it slow, and each document adds one
per namespace. Searches continue during compaction: they see the old segments until the new one is committed.
"""

import asyncio
import logging
from collections.abc import Sequence

from sqlalchemy import delete, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db.models import (
    Chunk,
    Document,
    LexicalDocument,
    LexicalMember,
    LexicalSegment,
    NamespaceDoc,
)
from luma_rag.db.session import Sessions
from luma_rag.documents import lexical_index

logger = logging.getLogger(__name__)

FANOUT = 8
"""Segments of similar size merged into one. Each chunk is rewritten about log8(size) times."""
MAX_SEGMENT_CHUNKS = 8192
"""Chunks in the largest segment that a merge creates."""
MAX_DRIFT = 0.1
"""The relative drift of the mean length after which a segment is reindexed."""
_LOCK = 0x4C55_4D57

_TIER_FULL = f"""
SELECT namespace_id, (array_agg(id ORDER BY chunks, id)), (array_agg(chunks ORDER BY chunks, id))
FROM lexical_segment WHERE chunks < {MAX_SEGMENT_CHUNKS // 2}
GROUP BY namespace_id, floor(log({FANOUT}, chunks)) HAVING count(*) >= {FANOUT}
ORDER BY count(*) DESC LIMIT 1
"""  # noqa: S608 - of constants only
_DRIFTED = f"""
SELECT s.namespace_id, s.id FROM lexical_segment s JOIN (
  SELECT namespace_id, greatest(sum(length) / sum(chunks), 1) AS mean_length
  FROM lexical_segment GROUP BY namespace_id
) now USING (namespace_id)
WHERE abs(ln(s.mean_length / now.mean_length)) > {MAX_DRIFT}
ORDER BY s.id LIMIT 1
"""  # noqa: S608 - of constants only


async def compact(sessions: Sessions) -> bool:
    """Run one compaction step, if one is due and no other worker runs one. Returns whether it did."""
    async with sessions.begin() as session:
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return False
        # A concurrent deletion has priority; compaction is retried later.
        await session.execute(text("SET LOCAL lock_timeout = '2s'"))
        return await _index_old_document(session) or await _merge(session) or await _reindex_drifted(session)


async def _index_old_document(session: AsyncSession) -> bool:
    """Index a document that was stored before lexical search existed."""
    waiting = exists().where(Chunk.doc_id == Document.id) & ~exists().where(
        LexicalDocument.doc_id == Document.id
    )
    document = await session.scalar(
        select(Document).where(waiting).order_by(Document.id).limit(1).with_for_update(skip_locked=True)
    )
    if document is None:
        return False
    chunks = await session.execute(
        select(Chunk.heading, Chunk.text).where(Chunk.doc_id == document.id).order_by(Chunk.ordinal)
    )
    texts = ["\n".join(filter(None, (document.title, *row))) for row in chunks]
    await lexical_index.store(session, document.id, await asyncio.to_thread(lexical_index.analyze, texts))
    namespaces = await session.scalars(
        select(NamespaceDoc.namespace_id).where(NamespaceDoc.doc_id == document.id)
    )
    for namespace_id in namespaces.all():
        await lexical_index.index(session, namespace_id, [document.id])
    logger.info("Document %s is now in the lexical index: %s chunks", document.id, len(texts))
    return True


async def _merge(session: AsyncSession) -> bool:
    crowded = (await session.execute(text(_TIER_FULL))).one_or_none()
    if crowded is None:
        return False
    namespace_id, ids, sizes = crowded
    count = total = 0
    while count < len(ids) and total + sizes[count] <= MAX_SEGMENT_CHUNKS:
        total += sizes[count]
        count += 1
    await _replace(session, namespace_id, ids[:count])
    logger.info("Namespace %s: merged %s segments, %s chunks", namespace_id, count, total)
    return True


async def _reindex_drifted(session: AsyncSession) -> bool:
    drifted = (await session.execute(text(_DRIFTED))).one_or_none()
    if drifted is None:
        return False
    await _replace(session, drifted.namespace_id, [drifted.id])
    return True


async def _replace(session: AsyncSession, namespace_id: int, segment_ids: Sequence[int]) -> None:
    members = await session.scalars(
        select(LexicalMember.doc_id)
        .where(LexicalMember.segment_id.in_(segment_ids))
        .order_by(LexicalMember.doc_id)
        .with_for_update()
    )
    await lexical_index.index(session, namespace_id, members.all(), replaced=segment_ids)
    await session.execute(delete(LexicalSegment).where(LexicalSegment.id.in_(segment_ids)))
