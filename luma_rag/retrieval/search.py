"""Search within one namespace."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.types import Vector
from ingest.words import DEFAULT_LANGUAGE
from luma_rag import tracing
from luma_rag.access import Principal, require_namespace
from luma_rag.db.replica import Searching
from luma_rag.db.session import Reader
from luma_rag.errors import FieldError, InvalidInputError
from luma_rag.metrics import RETRIEVAL
from luma_rag.retrieval.adjustment import adjusted, title_scores
from luma_rag.retrieval.context_window import context_windows
from luma_rag.retrieval.deduplication import deduplicate
from luma_rag.retrieval.glossary import rewritten
from luma_rag.retrieval.hits import Hit, ScoredChunk
from luma_rag.retrieval.query_encoders import QueryEncoders
from luma_rag.retrieval.relevance import is_relevant
from luma_rag.retrieval.reranking import CANDIDATES, Outcome, Reranking
from luma_rag.retrieval.search_query import (
    SearchQuery,
    mean_embedding,
    mean_terms,
    query_terms,
    question_language,
)
from luma_rag.retrieval.statement import search_statement
from luma_rag.retrieval.vector_source import INLINE, VectorSource, namespace_profile

MAX_K = 100
# Extra candidates to replace dropped duplicates; the larger number applies if one document could fill the
# result.
_SPARE, _MANY = 20, 400
Mode = Literal["hybrid", "dense", "lexical"]
MODES: tuple[Mode, ...] = ("hybrid", "dense", "lexical")


class Timings(msgspec.Struct, frozen=True):
    """Milliseconds per stage; null for a stage that did not run."""

    embed: float | None
    search: float
    rerank: float | None
    total: float


class SearchResult(msgspec.Struct, frozen=True):
    """Search hits, best first, with timings and the outcome of reranking.

    `is_relevant` says whether any hit is likely to be about the query; null if unknown: in lexical search,
    and in dense search for a script the model can't read. `fits` is its deprecated alias. `reranking` is
    `off` (not requested, or no reranker), `done`, `late` or `failed`; after `late` and `failed` the hits have
    their original order.
    """

    hits: list[Hit]
    took_ms: Timings
    is_relevant: bool | None
    fits: bool | None
    reranking: Outcome


class RetrievalResult(msgspec.Struct, frozen=True):
    """A `SearchResult` with the full retrieval signals."""

    found: list[ScoredChunk]
    took: Timings
    is_relevant: bool | None
    reranking: Outcome


class Retriever:
    """Embeds queries and runs searches. Holds no database connection while the model works."""

    def __init__(
        self,
        engine: Searching,
        encoders: QueryEncoders,
        reranking: Reranking | None = None,
        generation_id: int | None = None,
    ) -> None:
        """With `generation_id`, searches of its namespace read this generation instead of the live one."""
        self._engine = engine
        self._encoders = encoders
        self._reranking = reranking
        self._generation_id = generation_id
        # The models of namespaces as of their last search, so that embedding need not wait for the database.
        self._model_of: dict[int, int] = {}

    def reading(self, generation_id: int) -> "Retriever":
        """A retriever that searches a generation that may not be live."""
        return Retriever(self._engine, self._encoders, self._reranking, generation_id)

    async def search(
        self,
        principal: Principal,
        namespace_id: int,
        query: str,
        *,
        k: int,
        mode: Mode = "hybrid",
        rerank: bool | None = None,
        doc_ids: Sequence[int] | None = None,
        per_document: int | None = None,
    ) -> SearchResult:
        """`retrieve`, reduced to the public fields."""
        retrieved = await self.retrieve(
            principal,
            namespace_id,
            query,
            k=k,
            mode=mode,
            rerank=rerank,
            doc_ids=doc_ids,
            per_document=per_document,
        )
        names = Hit.__struct_fields__
        hits = [Hit(**{name: getattr(hit, name) for name in names}) for hit in retrieved.found]
        return SearchResult(
            hits, retrieved.took, retrieved.is_relevant, retrieved.is_relevant, retrieved.reranking
        )

    async def retrieve(
        self,
        principal: Principal,
        namespace_id: int,
        query: str,
        *,
        k: int,
        mode: Mode = "hybrid",
        rerank: bool | None = None,
        doc_ids: Sequence[int] | None = None,
        per_document: int | None = None,
        surrounded: int = 0,
    ) -> RetrievalResult:
        """The `k` best places in the namespace, best first.

        Duplicates and direct neighbors are dropped; see `luma_rag.retrieval.deduplication`. `rerank` chooses
        whether to rerank; None reranks if a reranker is configured. `doc_ids` narrows the search to these
        documents; ids outside the namespace match nothing. `per_document` is the maximum number of hits per
        document. The first `surrounded` hits come with their context window.

        Raises:
            InvalidInputError: `rerank` was requested but no reranker is configured.
            NotFoundError: the namespace does not exist or the caller may not read it.
        """
        started = time.perf_counter()
        reranking = self._chosen(rerank)
        wanted = k if reranking is None else max(k, CANDIDATES)
        question, source, embed = await self._ask(principal, namespace_id, query, mode)
        asked = time.perf_counter()
        async with self._engine.connect() as connection:
            found = await find(
                connection,
                principal,
                namespace_id,
                question,
                k=2 * wanted + _SPARE if per_document is None else _MANY,
                doc_ids=doc_ids,
                source=source,
            )
            if not found:
                # Only an empty result is worth a second statement: is the namespace empty, or not readable?
                async with AsyncSession(connection) as session:
                    await require_namespace(session, principal, namespace_id)
        found = deduplicate(found, wanted, per_document)
        # A lexical search needs no model.
        model_id = None if mode == "lexical" else source.model_id
        encoder = await self._encoders.get(model_id or self._encoders.own_id)
        # On the scores before reranking, for which the threshold was chosen.
        relevant = is_relevant(query, found, encoder.ranking)
        searched = time.perf_counter()
        outcome: Outcome = "off"
        if reranking is not None:
            outcome, found = await reranking.rerank(query, found)
        reranked = time.perf_counter()
        found = found[:k]
        if surrounded:
            async with self._engine.connect() as connection:
                found = await _with_context(connection, principal, namespace_id, found, surrounded)
        done = time.perf_counter()
        took = Timings(
            embed=embed,
            search=_milliseconds(asked, searched),
            rerank=None if reranking is None else _milliseconds(searched, reranked),
            total=_milliseconds(started, done),
        )
        for stage, milliseconds in msgspec.structs.asdict(took).items():
            if milliseconds is not None:
                RETRIEVAL.labels(stage).observe(milliseconds / 1000)
        stages = {"query": (started, asked), "search": (asked, searched)}
        if reranking is not None:
            stages["rerank"] = (searched, reranked)
        if surrounded:
            stages["context"] = (reranked, done)
        tracing.record("retrieval", (started, done), stages, mode=mode, k=k)
        return RetrievalResult(found, took, relevant, outcome)

    def _chosen(self, rerank: bool | None) -> Reranking | None:
        if rerank and self._reranking is None:
            raise InvalidInputError(
                "This service has no reranker. Leave `rerank` out.",
                errors=[FieldError("rerank", "There is no reranker.")],
            )
        return None if rerank is False else self._reranking

    async def _ask(
        self, principal: Principal, namespace_id: int, query: str, mode: Mode
    ) -> tuple[SearchQuery, VectorSource, float | None]:
        """The search query, where to search it, and the milliseconds spent on embedding."""
        started = time.perf_counter()
        second = rewritten(query) if mode == "hybrid" else None
        # Both forms are one batch of the model.
        forms = [query] if second is None else [query, second]
        model_id = self._model_of.get(namespace_id, self._encoders.own_id)
        encoding = None if mode == "lexical" else self._encode(forms, principal, model_id)
        try:
            # Concurrent with the model.
            async with self._engine.connect() as connection:
                languages, source = await namespace_profile(
                    connection, principal, namespace_id, self._generation_id
                )
            terms: Mapping[int, float] | None = None if mode == "dense" else query_terms(query, languages)
            if encoding is None:
                return SearchQuery(terms=terms), source, None
            if source.model_id is not None and source.model_id != model_id:
                encoding.cancel()
                self._model_of[namespace_id] = model_id = source.model_id
                encoding = self._encode(forms, principal, model_id)
            language = question_language(query, languages)
            embedding, *others = await encoding
            weight = (await self._encoders.get(model_id)).ranking.weight_in(language)
            if second is not None and terms is not None and language == DEFAULT_LANGUAGE:
                embedding = mean_embedding(embedding, others[0])
                terms = mean_terms(terms, query_terms(second, languages))
            question = SearchQuery(embedding, terms, weight, tuple(languages))
            return question, source, _milliseconds(started, time.perf_counter())
        finally:
            if encoding is not None:
                encoding.cancel()

    def _encode(
        self, forms: Sequence[str], principal: Principal, model_id: int
    ) -> "asyncio.Future[list[Vector]]":
        return asyncio.gather(*(self._encoders.encode(form, principal.user_id, model_id) for form in forms))


async def find(
    reader: Reader,
    principal: Principal,
    namespace_id: int,
    question: SearchQuery,
    *,
    k: int,
    doc_ids: Sequence[int] | None = None,
    source: VectorSource = INLINE,
) -> list[ScoredChunk]:
    """The `k` best chunks. Empty if the caller may not read the namespace."""
    statement, parameters = search_statement(
        principal, namespace_id, question, k=k, doc_ids=doc_ids, source=source
    )
    rows = (await reader.execute(statement, parameters)).all()
    found = [
        ScoredChunk(vec_id, doc_id, title, page, heading, text, score, rank, *more)
        for rank, (vec_id, doc_id, title, page, heading, text, score, *more, _, _) in enumerate(rows, start=1)
    ]  # fmt: skip
    if not found or question.embedding is None or not question.terms:
        return found
    weights = dict(zip(sorted(question.terms), rows[0].term_weights, strict=True))
    names = [f"{row.title} {row.file_name or ''}" for row in rows]
    return adjusted(found, title_scores(names, weights, question.languages))


async def _with_context(
    reader: Reader, principal: Principal, namespace_id: int, found: list[ScoredChunk], first: int
) -> list[ScoredChunk]:
    around = await context_windows(reader, principal, namespace_id, [hit.vec_id for hit in found[:first]])
    return [
        msgspec.structs.replace(hit, before=around[hit.vec_id].before, after=around[hit.vec_id].after)
        if hit.vec_id in around
        else hit
        for hit in found
    ]


def _milliseconds(start: float, end: float) -> float:
    return round((end - start) * 1000, 3)
