"""Search inside one namespace, by one statement that carries the caller's rights."""

import time
from collections.abc import Sequence

import msgspec
from pgvector import HalfVector
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import Float, Text, cast, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.types import Vector
from luma_rag.access import Principal, readable_namespaces, require_namespace
from luma_rag.db.models import Chunk, ChunkVector, Document, Namespace
from luma_rag.db.models.document import DIMENSIONS
from luma_rag.db.session import Sessions
from luma_rag.retrieval.query_encoder import QueryEncoder

MAX_K = 100


class Hit(msgspec.Struct, frozen=True):
    """A chunk that was found. `score` is the cosine similarity, `rank` counts from 1."""

    vec_id: str
    doc_id: int
    title: str
    page: int | None
    heading: str | None
    text: str
    score: float
    rank: int


class Took(msgspec.Struct, frozen=True):
    """Milliseconds that each stage took; null for a stage that did not run."""

    embed: float
    search: float
    rerank: float | None
    total: float


class SearchResult(msgspec.Struct, frozen=True):
    """What a search found, best first, and how long it took."""

    hits: list[Hit]
    took_ms: Took


class Retriever:
    """Embeds queries and searches for them. No connection is held while the model works."""

    def __init__(self, sessions: Sessions, encoder: QueryEncoder) -> None:
        self._sessions = sessions
        self._encoder = encoder

    async def search(
        self,
        principal: Principal,
        namespace_id: int,
        query: str,
        *,
        k: int,
        doc_ids: Sequence[int] | None = None,
    ) -> SearchResult:
        """The `k` chunks of the namespace that are nearest to `query`, best first.

        `doc_ids` narrows the search to these documents; one that is not in the namespace finds nothing.

        Raises:
            NotFoundError: the namespace does not exist or may not be read.
        """
        started = time.perf_counter()
        embedding = await self._encoder.encode(query)
        embedded = time.perf_counter()
        async with self._sessions.begin() as session:
            hits = await dense(session, principal, namespace_id, embedding, k=k, doc_ids=doc_ids)
            if not hits:
                # Empty, or not the caller's to search? Only then is it worth a second question.
                await require_namespace(session, principal, namespace_id)
        done = time.perf_counter()
        took = Took(
            embed=_milliseconds(started, embedded),
            search=_milliseconds(embedded, done),
            rerank=None,
            total=_milliseconds(started, done),
        )
        return SearchResult(hits, took)


async def dense(
    session: AsyncSession,
    principal: Principal,
    namespace_id: int,
    embedding: Vector,
    *,
    k: int,
    doc_ids: Sequence[int] | None = None,
) -> list[Hit]:
    """Exact nearest neighbours by cosine, over the covering index of the namespace alone.

    `embedding` has shape (dimensions,) and length 1. Nothing is found where the caller may not read.
    """
    query = literal(HalfVector(embedding), HALFVEC(DIMENSIONS))
    # All vectors have length 1: the inner product is the cosine, and cheaper.
    distance = ChunkVector.embedding.op("<#>", return_type=Float)(query)
    permitted = select(Namespace.id).where(
        Namespace.id == namespace_id, Namespace.id.in_(readable_namespaces(principal))
    )
    nearest = (
        select(ChunkVector.id, distance.label("distance"))
        .where(ChunkVector.namespace_id == namespace_id, permitted.exists())
        .order_by(distance, ChunkVector.id)
        .limit(k)
    )
    if doc_ids is not None:
        nearest = nearest.where(ChunkVector.doc_id.in_(doc_ids))
    found = nearest.cte("nearest")
    rows = await session.execute(
        select(
            cast(ChunkVector.id, Text),
            Document.id,
            Document.title,
            Chunk.page,
            Chunk.heading,
            Chunk.text,
            -found.c.distance,
        )
        .join(ChunkVector, ChunkVector.id == found.c.id)
        .join(Chunk, Chunk.id == ChunkVector.chunk_id)
        .join(Document, Document.id == ChunkVector.doc_id)
        .order_by(found.c.distance, found.c.id)
    )
    return [
        Hit(vec_id, doc_id, title, page, heading, text, score, rank)
        for rank, (vec_id, doc_id, title, page, heading, text, score) in enumerate(rows.all(), start=1)
    ]


def _milliseconds(start: float, end: float) -> float:
    return round((end - start) * 1000, 3)
