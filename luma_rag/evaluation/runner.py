"""A run: every question asked once, in the service's own way and with somebody's rights."""

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
    """What a run measured. `leaked` counts hits that the caller may not read, and must be 0.

    `unknown` are the documents that questions name and the caller does not find in the namespace: nothing can
    be found there, which lowers every measure. `reranked` counts the questions whose hits a reranker has put
    in order; with others it may have failed, or not been done in time.
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
    """Ask all questions, of which there is at least one. Who may not read the namespace finds nothing.

    `rerank` is that of `Retriever.retrieve`.

    Raises:
        InvalidInputError: there is no reranker to rerank with.
    """
    names = await _names(sessions, principal, namespace_id)
    rankings: list[Ranking] = []
    seen: set[int] = set()
    reranked = 0
    # The first one is asked twice, so that nothing is loaded while the clock runs.
    for number, question in enumerate([questions[0], *questions]):
        started = time.perf_counter()
        try:
            result = await retriever.search(
                principal, namespace_id, question.text, k=k, mode=mode, rerank=rerank
            )
        except NotFoundError:
            # Whoever may not read the namespace finds nothing, which is to be measured as well.
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
        # Some seconds of the processor for a large set.
        measures=await asyncio.to_thread(measure, rankings),
        latency=latency(rankings),
        leaked=await _unreadable(sessions, principal, namespace_id, seen),
        unknown=sorted(unknown),
        reranked=reranked,
    )


async def _names(sessions: Sessions, principal: Principal, namespace_id: int) -> dict[int, frozenset[str]]:
    """What the documents of a namespace are called: by file name and by title."""
    async with sessions.begin() as session:
        rows = await session.execute(
            select(Document.id, Document.title, Document.file_metadata["original_filename"].as_string())
            .join(NamespaceDoc, NamespaceDoc.doc_id == Document.id)
            .where(NamespaceDoc.namespace_id == namespace_id, Document.id.in_(readable_documents(principal)))
        )
        return {doc_id: frozenset({title, filename}) for doc_id, title, filename in rows}


async def _unreadable(sessions: Sessions, principal: Principal, namespace_id: int, seen: set[int]) -> int:
    """How many of the documents seen are not ones that stand in the namespace and may be read."""
    async with sessions.begin() as session:
        permitted = await session.scalars(
            select(NamespaceDoc.doc_id).where(
                NamespaceDoc.namespace_id == namespace_id,
                NamespaceDoc.doc_id.in_(seen),
                NamespaceDoc.doc_id.in_(readable_documents(principal)),
            )
        )
        return len(seen - set(permitted))
