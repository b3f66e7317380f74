"""Search inside one namespace: what to ask of the database, and what came of it."""

import asyncio
import time
from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlalchemy import ARRAY, Text, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, readable_namespaces, require_namespace
from luma_rag.db.models import LexicalSegment
from luma_rag.db.session import Sessions
from luma_rag.documents.vector_index import is_indexed
from luma_rag.metrics import RETRIEVAL
from luma_rag.retrieval.query_encoder import QueryEncoder
from luma_rag.retrieval.question import Question, meaning_share, query_terms
from luma_rag.retrieval.statement import search_statement

MAX_K = 100
Mode = Literal["hybrid", "dense", "lexical"]
MODES: tuple[Mode, ...] = ("hybrid", "dense", "lexical")


class Hit(msgspec.Struct, frozen=True):
    """A chunk that was found; `rank` counts from 1.

    `score` depends on the mode. Dense: the cosine of chunk and query, at most 1. Lexical: BM25, at least 0
    and without an upper limit, to be compared within one answer only. Hybrid: a mean of cosine and BM25,
    each as a share of the best there is, from 0 to 1, where 1 is the best in both; it tells how chunks
    compare, and not how well they fit.
    """

    vec_id: str
    doc_id: int
    title: str
    page: int | None
    heading: str | None
    text: str
    score: float
    rank: int


class Found(Hit, frozen=True):
    """A hit, and the cosine of chunk and query whatever the mode; None where the query was not embedded."""

    similarity: float | None


class Took(msgspec.Struct, frozen=True):
    """Milliseconds that each stage took; null for a stage that did not run."""

    embed: float | None
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
        mode: Mode = "hybrid",
        doc_ids: Sequence[int] | None = None,
    ) -> SearchResult:
        """As `retrieve`, without the similarity."""
        found, took = await self.retrieve(principal, namespace_id, query, k=k, mode=mode, doc_ids=doc_ids)
        names = Hit.__struct_fields__
        return SearchResult([Hit(**{name: getattr(hit, name) for name in names}) for hit in found], took)

    async def retrieve(
        self,
        principal: Principal,
        namespace_id: int,
        query: str,
        *,
        k: int,
        mode: Mode = "hybrid",
        doc_ids: Sequence[int] | None = None,
    ) -> tuple[list[Found], Took]:
        """The `k` chunks of the namespace that fit `query` best, best first.

        `doc_ids` narrows the search to these documents; one that is not in the namespace finds nothing.

        Raises:
            NotFoundError: the namespace does not exist or may not be read.
        """
        started = time.perf_counter()
        question, indexed, embed = await self._ask(principal, namespace_id, query, mode)
        asked = time.perf_counter()
        async with self._sessions.begin() as session:
            found = await find(
                session, principal, namespace_id, question, k=k, doc_ids=doc_ids, indexed=indexed
            )
            if not found:
                # Empty, or not the caller's to search? Only then is it worth a second question.
                await require_namespace(session, principal, namespace_id)
        done = time.perf_counter()
        took = Took(
            embed=embed,
            search=_milliseconds(asked, done),
            rerank=None,
            total=_milliseconds(started, done),
        )
        for stage, milliseconds in msgspec.structs.asdict(took).items():
            if milliseconds is not None:
                RETRIEVAL.labels(stage).observe(milliseconds / 1000)
        return found, took

    async def _ask(
        self, principal: Principal, namespace_id: int, query: str, mode: Mode
    ) -> tuple[Question, bool, float | None]:
        """The question of a query, whether there is an index, and the milliseconds the embedding took."""
        started = time.perf_counter()
        encoding = None
        if mode != "lexical":
            encoding = asyncio.ensure_future(self._encoder.encode(query, principal.user_id))
        try:
            # While the model works.
            async with self._sessions.begin() as session:
                languages, indexed = await outline(session, principal, namespace_id)
            terms = None if mode == "dense" else query_terms(query, languages)
            if encoding is None:
                return Question(terms=terms), indexed, None
            question = Question(await encoding, terms, meaning_share(query))
            return question, indexed, _milliseconds(started, time.perf_counter())
        finally:
            if encoding is not None:
                encoding.cancel()


async def find(
    session: AsyncSession,
    principal: Principal,
    namespace_id: int,
    question: Question,
    *,
    k: int,
    doc_ids: Sequence[int] | None = None,
    indexed: bool = False,
) -> list[Found]:
    """The `k` chunks that fit the question best. Nothing is found where the caller may not read."""
    statement, parameters = search_statement(
        principal, namespace_id, question, k=k, doc_ids=doc_ids, indexed=indexed
    )
    rows = await session.execute(statement, parameters)
    return [
        Found(vec_id, doc_id, title, page, heading, text, score, rank, similarity)
        for rank, (vec_id, doc_id, title, page, heading, text, score, similarity) in enumerate(
            rows.all(), start=1
        )
    ]


async def outline(session: AsyncSession, principal: Principal, namespace_id: int) -> tuple[list[str], bool]:
    """The languages in a namespace, and whether it has an index; none where the caller may not read it."""
    readable = LexicalSegment.namespace_id.in_(readable_namespaces(principal))
    languages = (
        select(func.unnest(LexicalSegment.languages))
        .where(LexicalSegment.namespace_id == namespace_id, readable)
        .distinct()
    )
    row = await session.execute(
        select(func.array(languages.scalar_subquery(), type_=ARRAY(Text)), is_indexed(namespace_id))
    )
    found, indexed = row.one()
    return list(found), bool(indexed)


def _milliseconds(start: float, end: float) -> float:
    return round((end - start) * 1000, 3)
