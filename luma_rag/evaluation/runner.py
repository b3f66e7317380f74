"""A run: every question asked once, through the service's own search and with a user's rights."""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import select

from luma_rag.access import Principal, readable_documents
from luma_rag.db.models import Document, NamespaceDoc
from luma_rag.db.session import Sessions
from luma_rag.errors import NotFoundError
from luma_rag.evaluation.judging import Ranking, rank
from luma_rag.evaluation.measures import Latency, Measured, latency, measure
from luma_rag.evaluation.questions import Question
from luma_rag.retrieval.hits import Hit
from luma_rag.retrieval.search import Mode, Retriever


class Run(msgspec.Struct, frozen=True):
    """The results of a run. `leaked` counts hits that the caller may not read; it must be 0.

    `unknown` are documents named by questions but missing from the namespace for this caller; they lower
    every metric. `reranked` counts the questions whose hits were reranked; for others the reranker failed or
    was late.
    """

    mode: Mode
    k: int
    questions: int
    measures: dict[str, Measured]
    latency: Latency
    leaked: int
    unknown: list[str]
    reranked: int = 0


async def run(
    sessions: Sessions,
    retriever: Retriever,
    principal: Principal,
    namespace_id: int,
    questions: Sequence[Question],
    *,
    mode: Mode,
    k: int,
    rerank: bool | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Run:
    """Ask all questions, of which there is at least one. A caller without read access finds nothing.

    `rerank` is passed to `Retriever.retrieve`.

    Raises:
        InvalidInputError: `rerank` was requested but no reranker is configured.
    """
    names = await _names(sessions, principal, namespace_id)
    rankings: list[Ranking] = []
    seen: set[int] = set()
    reranked = 0
    # Warm up with the first question, so that no loading is timed.
    for number, question in enumerate([questions[0], *questions]):
        started = time.perf_counter()
        try:
            result = await retriever.search(
                principal, namespace_id, question.text, k=k, mode=mode, rerank=rerank
            )
        except NotFoundError:
            # A caller without access finds nothing, and that is worth measuring too.
            hits: list[Hit] = []
            done = False
        else:
            hits = result.hits
            done = result.reranking == "done"
        milliseconds = (time.perf_counter() - started) * 1000
        if number > 0:
            reranked += done
            seen.update(hit.doc_id for hit in hits)
            rankings.append(rank(question, hits, names, milliseconds))
            on_progress(number)
    known = frozenset[str]().union(*names.values(), map(str, names))
    unknown = {place.document for question in questions for place in question.places} - known
    return Run(
        mode=mode,
        k=k,
        questions=len(questions),
        # Takes seconds of processor time for a large set.
        measures=await asyncio.to_thread(measure, rankings),
        latency=latency(rankings),
        leaked=await _unreadable(sessions, principal, namespace_id, seen),
        unknown=sorted(unknown),
        reranked=reranked,
    )


async def _names(sessions: Sessions, principal: Principal, namespace_id: int) -> dict[int, frozenset[str]]:
    """The names of each document in a namespace: its file name and its title."""
    async with sessions.begin() as session:
        rows = await session.execute(
            select(Document.id, Document.title, Document.file_metadata["original_filename"].as_string())
            .join(NamespaceDoc, NamespaceDoc.doc_id == Document.id)
            .where(NamespaceDoc.namespace_id == namespace_id, Document.id.in_(readable_documents(principal)))
        )
        return {doc_id: frozenset({title, filename}) for doc_id, title, filename in rows}


async def _unreadable(sessions: Sessions, principal: Principal, namespace_id: int, seen: set[int]) -> int:
    """How many of the documents seen are outside the namespace or not readable."""
    async with sessions.begin() as session:
        permitted = await session.scalars(
            select(NamespaceDoc.doc_id).where(
                NamespaceDoc.namespace_id == namespace_id,
                NamespaceDoc.doc_id.in_(seen),
                NamespaceDoc.doc_id.in_(readable_documents(principal)),
            )
        )
        return len(seen - set(permitted))
