"""The embeddings that a document has already, for the chunks that stay the same when it is read again."""

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.pipeline import DIGEST_BYTES, NOTHING_KNOWN, Known
from luma_rag.db.models import Chunk, ChunkDigest
from luma_rag.documents.embeddings import embedding_by


async def known_embeddings(session: AsyncSession, doc_id: int, model_id: int) -> Known:
    """The embeddings of a document's chunks by a model, by digest; none before its first reading."""
    digests = await session.scalar(select(ChunkDigest.digests).where(ChunkDigest.doc_id == doc_id))
    if digests is None:
        return NOTHING_KNOWN
    embeddings = await session.scalars(
        select(embedding_by(model_id)).where(Chunk.doc_id == doc_id).order_by(Chunk.ordinal)
    )
    keys = [digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES)]
    found = embeddings.all()
    if len(keys) != len(found):
        # The document was deleted between the two statements.
        return NOTHING_KNOWN
    return {
        key: np.asarray(embedding, np.float32)
        for key, embedding in zip(keys, found, strict=True)
        if embedding is not None
    }
