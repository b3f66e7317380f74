"""Stored evaluation runs over the question set of a namespace. Requires level 2."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, require_namespace
from luma_rag.access.principal import ADMINISTER, WRITE
from luma_rag.accounts.account_status import is_enabled
from luma_rag.db.base import utcnow
from luma_rag.db.models import EvaluationPlace, EvaluationQuestion, EvaluationRun, User
from luma_rag.errors import ConflictError, NotFoundError
from luma_rag.evaluation import question_set
from luma_rag.evaluation.measures import MEASURES, require_libraries
from luma_rag.evaluation.questions import Place, Question
from luma_rag.evaluation.report import Comparison, compare_runs
from luma_rag.evaluation.runner import Run, run
from luma_rag.pagination import Page, Pagination
from luma_rag.retrieval.search import Mode
from luma_rag.runtime import Runtime


class RunView(msgspec.Struct, frozen=True):
    """A stored run in brief: the mean of each metric."""

    id: int
    user_id: int
    created_at: datetime
    mode: str
    k: int
    questions: int
    leaked: int
    measures: dict[str, float]
    reranked: int


class FullRun(msgspec.Struct, frozen=True):
    """A stored run with confidence intervals and every question's value by id."""

    id: int
    user_id: int
    created_at: datetime
    result: Run


async def evaluate(
    runtime: Runtime,
    principal: Principal,
    namespace_id: int,
    *,
    mode: Mode,
    k: int,
    rerank: bool | None,
    user_id: int | None,
    before_searches: Callable[[int], None] = lambda questions: None,
) -> FullRun:
    """Ask every question of the set and store the results.

    With `user_id`, the searches run with that user's rights, which requires level 3. A user without access
    has to find nothing. `before_searches` receives the number of questions and may refuse by raising.

    Raises:
        ConflictError: the set is empty.
        InvalidInputError: `rerank` was requested but no reranker is configured.
        NotFoundError: there is no such user.
        UnavailableError: the extra `eval` is not installed.
    """
    async with runtime.sessions.begin() as session:
        await require_namespace(session, principal, namespace_id, WRITE)
        searcher = principal
        if user_id is not None and user_id != principal.user_id:
            await require_namespace(session, principal, namespace_id, ADMINISTER)
            searcher = await _principal_of(session, user_id)
        questions = await known_questions(session, principal, namespace_id)
    if not questions:
        raise ConflictError("There is no question to ask: add some whose documents are in this namespace.")
    require_libraries()
    before_searches(len(questions))
    result = await run(
        runtime.sessions,
        runtime.retriever,
        searcher,
        namespace_id,
        questions,
        mode=mode,
        k=k,
        rerank=rerank,
    )
    async with runtime.sessions.begin() as session:
        await require_namespace(session, principal, namespace_id, WRITE)
        kept = EvaluationRun(
            namespace_id=namespace_id,
            user_id=searcher.user_id,
            result=msgspec.to_builtins(result),
            created_at=utcnow(),
        )
        session.add(kept)
        await session.flush()
        return FullRun(kept.id, kept.user_id, kept.created_at, result)


async def runs_of(
    session: AsyncSession, principal: Principal, namespace_id: int, pagination: Pagination
) -> Page[RunView]:
    """The runs, newest first."""
    await require_namespace(session, principal, namespace_id, WRITE)
    here = EvaluationRun.namespace_id == namespace_id
    total = await session.scalar(select(func.count()).select_from(EvaluationRun).where(here))
    # The values of single questions are most of a run.
    short: ColumnElement[dict[str, Any]] = cast(EvaluationRun.result, JSONB)
    for name in MEASURES:
        short = short.op("#-")(array(["measures", name, "values"]))
    rows = await session.execute(
        select(EvaluationRun.id, EvaluationRun.user_id, EvaluationRun.created_at, short)
        .where(here)
        .order_by(EvaluationRun.id.desc())
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page([_view(*row) for row in rows], total or 0)


async def get_run(session: AsyncSession, principal: Principal, namespace_id: int, run_id: int) -> FullRun:
    """One complete run.

    Raises:
        NotFoundError: this namespace has no such run.
    """
    await require_namespace(session, principal, namespace_id, WRITE)
    kept = await session.scalar(
        select(EvaluationRun).where(EvaluationRun.id == run_id, EvaluationRun.namespace_id == namespace_id)
    )
    if kept is None:
        raise NotFoundError(f"This namespace has no evaluation {run_id}.")
    return FullRun(kept.id, kept.user_id, kept.created_at, msgspec.convert(kept.result, Run))


async def compare(
    runtime: Runtime, principal: Principal, namespace_id: int, first_id: int, second_id: int
) -> Comparison:
    """Compare two runs by a paired test over questions.

    Raises:
        InvalidInputError: they have no question in common.
        NotFoundError: this namespace has no such run.
    """
    async with runtime.sessions.begin() as session:
        first = await get_run(session, principal, namespace_id, first_id)
        second = await get_run(session, principal, namespace_id, second_id)
    names = (str(first_id), str(second_id))
    return await asyncio.to_thread(compare_runs, first.result, second.result, names)


async def _principal_of(session: AsyncSession, user_id: int) -> Principal:
    role = await session.scalar(select(User.role).where(User.id == user_id, is_enabled()))
    if role is None:
        raise NotFoundError(f"There is no user {user_id}, or their account is disabled.")
    return Principal(user_id, role)


async def known_questions(session: AsyncSession, principal: Principal, namespace_id: int) -> list[Question]:
    """The questions of the set that documents of the namespace answer."""
    rows = await session.execute(
        select(EvaluationQuestion, EvaluationPlace)
        .join(EvaluationPlace, EvaluationPlace.question_id == EvaluationQuestion.id)
        .where(
            EvaluationQuestion.namespace_id == namespace_id, question_set.is_place_in(principal, namespace_id)
        )
        .order_by(EvaluationPlace.id)
    )
    texts: dict[str, str] = {}
    places: dict[str, list[Place]] = {}
    for question, place in rows:
        key = str(question.id)
        texts[key] = question.text
        places.setdefault(key, []).append(Place(str(place.doc_id), page=place.page, quote=place.quote))
    return [Question(key, text, tuple(places[key])) for key, text in texts.items()]


def _view(run_id: int, user_id: int, created_at: datetime, result: dict[str, Any]) -> RunView:
    return RunView(
        id=run_id,
        user_id=user_id,
        created_at=created_at,
        mode=result["mode"],
        k=result["k"],
        questions=result["questions"],
        leaked=result["leaked"],
        measures={name: measured["mean"] for name, measured in result["measures"].items()},
        # Runs from before reranking existed lack these fields.
        reranked=result.get("reranked", 0),
    )
