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
from luma_rag.retrieval.fit import fits
from luma_rag.retrieval.hits import Found, Hit
from luma_rag.retrieval.query_encoder import QueryEncoder
from luma_rag.retrieval.question import Question, meaning_share, query_terms
from luma_rag.retrieval.selection import select as select_hits
from luma_rag.retrieval.statement import search_statement
from luma_rag.retrieval.surroundings import surroundings

MAX_K = 100
# Looked at beyond what is asked for, in the place of what is left out; so many where one document could have
# all of it.
_SPARE, _MANY = 20, 400
Mode = Literal["hybrid", "dense", "lexical"]
MODES: tuple[Mode, ...] = ("hybrid", "dense", "lexical")


class Took(msgspec.Struct, frozen=True):
    """Milliseconds that each stage took; null for a stage that did not run."""

    embed: float | None
    search: float
    rerank: float | None
    total: float


class SearchResult(msgspec.Struct, frozen=True):
    """What a search found, best first, and how long it took.

    `fits` says whether any of it is likely to be about the query, null where that can't be told: by words
    alone, or by meaning alone in a script that the model can't read.
    """

    hits: list[Hit]
    took_ms: Took
    fits: bool | None = None


class Retrieved(msgspec.Struct, frozen=True):
    """As `SearchResult`, with all that is known of the hits."""

    found: list[Found]
    took: Took
    fits: bool | None


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
        per_document: int | None = None,
    ) -> SearchResult:
        """As `retrieve`, without what callers of the interface do not get."""
        retrieved = await self.retrieve(
            principal, namespace_id, query, k=k, mode=mode, doc_ids=doc_ids, per_document=per_document
        )
        names = Hit.__struct_fields__
        hits = [Hit(**{name: getattr(hit, name) for name in names}) for hit in retrieved.found]
        return SearchResult(hits, retrieved.took, retrieved.fits)

    async def retrieve(
        self,
        principal: Principal,
        namespace_id: int,
        query: str,
        *,
        k: int,
        mode: Mode = "hybrid",
        doc_ids: Sequence[int] | None = None,
        per_document: int | None = None,
        surrounded: int = 0,
    ) -> Retrieved:
        """The `k` places in the namespace that fit `query` best, best first.

        Neighbours and copies of better ones are left out, see `luma_rag.retrieval.selection`. `doc_ids`
        narrows the search to these documents; one that is not in the namespace finds nothing. `per_document`
        is the most that one document may have. The first `surrounded` come with what stands round them.

        Raises:
            NotFoundError: the namespace does not exist or may not be read.
        """
        started = time.perf_counter()
        question, indexed, embed = await self._ask(principal, namespace_id, query, mode)
        asked = time.perf_counter()
        async with self._sessions.begin() as session:
            found = await find(
                session,
                principal,
                namespace_id,
                question,
                k=2 * k + _SPARE if per_document is None else _MANY,
                doc_ids=doc_ids,
                indexed=indexed,
            )
            if not found:
                # Empty, or not the caller's to search? Only then is it worth a second question.
                await require_namespace(session, principal, namespace_id)
            found = select_hits(found, k, per_document)
            if surrounded:
                found = await _with_surroundings(session, principal, namespace_id, found, surrounded)
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
        return Retrieved(found, took, fits(query, found))

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
            question = Question(await encoding, terms, meaning_share(query, languages))
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
        Found(vec_id, doc_id, title, page, heading, text, score, rank, *more)
        for rank, (vec_id, doc_id, title, page, heading, text, score, *more) in enumerate(rows.all(), start=1)
    ]  # fmt: skip


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


async def _with_surroundings(
    session: AsyncSession, principal: Principal, namespace_id: int, found: list[Found], first: int
) -> list[Found]:
    around = await surroundings(session, principal, namespace_id, [hit.vec_id for hit in found[:first]])
    return [
        msgspec.structs.replace(hit, before=around[hit.vec_id].before, after=around[hit.vec_id].after)
        if hit.vec_id in around
        else hit
        for hit in found
    ]


def _milliseconds(start: float, end: float) -> float:
    return round((end - start) * 1000, 3)
