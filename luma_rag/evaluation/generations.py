"""Two generations of a namespace compared: by its question set, or by what both find for sampled texts."""

import importlib.util

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, readable_documents, require_namespace
from luma_rag.access.principal import ADMINISTER
from luma_rag.db.models import Chunk, NamespaceDoc
from luma_rag.evaluation.measures import MEASURES, compare
from luma_rag.evaluation.runner import run
from luma_rag.evaluation.service import known_questions
from luma_rag.retrieval.search import Retriever
from luma_rag.runtime import Runtime

SAMPLE = 50
"""Texts that are searched for without a question set."""
_WORDS = 12
_FIRST = 10


class Measured(msgspec.Struct, frozen=True):
    """A measure of both generations, with the probability of such a difference by chance."""

    live: float
    other: float
    difference: float
    p: float


class GenerationComparison(msgspec.Struct, frozen=True):
    """The quality of both generations.

    With a question set, `measures` are those of hybrid search over its questions. `overlap` is the mean share
    of the first ten hits that both have in common: of dense search for the first words of sampled chunks, or
    for the questions. It is null in an empty namespace.
    """

    questions: int
    measures: dict[str, Measured]
    overlap: float | None


async def compare_generations(
    runtime: Runtime, principal: Principal, namespace_id: int, generation_id: int
) -> GenerationComparison:
    """Compare a generation with the live one. Requires level 3."""
    async with runtime.sessions.begin() as session:
        await require_namespace(session, principal, namespace_id, ADMINISTER)
        questions = await known_questions(session, principal, namespace_id)
        texts = [question.text for question in questions[:SAMPLE]] or await _sample(
            session, principal, namespace_id
        )
    both = (runtime.retriever, runtime.retriever.reading(generation_id))
    overlap = await _overlap(both, principal, namespace_id, texts)
    if not questions or importlib.util.find_spec("ir_measures") is None:
        return GenerationComparison(0, {}, overlap)
    live, other = [
        await run(runtime.sessions, each, principal, namespace_id, questions, mode="hybrid", k=100)
        for each in both
    ]
    measures = {}
    for name in MEASURES:
        difference = compare(live.measures[name], other.measures[name])
        measures[name] = Measured(
            live.measures[name].mean, other.measures[name].mean, difference.mean, difference.p
        )
    return GenerationComparison(len(questions), measures, overlap)


async def _sample(session: AsyncSession, principal: Principal, namespace_id: int) -> list[str]:
    """The first words of a chunk of each of some documents."""
    chosen = (
        select(NamespaceDoc.doc_id)
        .where(
            NamespaceDoc.namespace_id == namespace_id, NamespaceDoc.doc_id.in_(readable_documents(principal))
        )
        .order_by(func.random())
        .limit(SAMPLE)
        .subquery()
    )
    found = await session.scalars(
        select(Chunk.text)
        .join(chosen, chosen.c.doc_id == Chunk.doc_id)
        .order_by(Chunk.doc_id, func.random())
        .ext(distinct_on(Chunk.doc_id))
    )
    return [" ".join(text.split()[:_WORDS]) for text in found]


async def _overlap(
    both: tuple[Retriever, Retriever], principal: Principal, namespace_id: int, texts: list[str]
) -> float | None:
    shares = []
    for text in texts:
        one, two = [
            {
                hit.vec_id
                for hit in (
                    await each.search(principal, namespace_id, text, k=_FIRST, mode="dense", rerank=False)
                ).hits
            }
            for each in both
        ]
        if one or two:
            shares.append(len(one & two) / max(len(one), len(two)))
    return round(sum(shares) / len(shares), 4) if shares else None
