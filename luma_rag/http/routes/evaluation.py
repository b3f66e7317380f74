"""Retrieval evaluation: the question set of a namespace, and its runs. Level 2."""

from functools import partial
from typing import Any

from litestar import Request, Router, delete, get, post
from litestar.params import JSONBody

from luma_rag.evaluation import question_set, service
from luma_rag.evaluation.question_set import Candidate, KnownPlace, KnownQuestion, NewQuestion
from luma_rag.evaluation.report import Comparison
from luma_rag.evaluation.service import FullRun, RunView
from luma_rag.http.dependencies import Caller, PaginationDependency, RuntimeDependency, Session
from luma_rag.http.input import NewEvaluation, Questions
from luma_rag.http.openapi import problems
from luma_rag.http.parameters import Id
from luma_rag.http.rate_limit import limited, limits_of
from luma_rag.pagination import Page


@get("/questions")
async def list_questions(
    namespace_id: Id, session: Session, principal: Caller, pagination: PaginationDependency
) -> Page[KnownQuestion]:
    """List the questions of the set, oldest first."""
    return await question_set.questions_of(session, principal, namespace_id, pagination)


@post("/questions", responses=problems(409))
async def add_questions(
    namespace_id: Id, data: JSONBody[Questions], session: Session, principal: Caller
) -> Page[KnownQuestion]:
    """Add questions with the places of their answers."""
    new = [
        NewQuestion(q.question, [KnownPlace(p.doc_id, p.page, p.quote) for p in q.places])
        for q in data.questions
    ]
    added = await question_set.add(session, principal, namespace_id, new)
    return Page(added, len(added))


@delete("/questions/{question_id:int}")
async def remove_question(namespace_id: Id, question_id: Id, session: Session, principal: Caller) -> None:
    """Remove a question."""
    await question_set.remove(session, principal, namespace_id, question_id)


@get("/questions/candidates")
async def candidates(
    namespace_id: Id, session: Session, principal: Caller, pagination: PaginationDependency
) -> Page[Candidate]:
    """List candidates for the set: the caller's own questions with rated answers."""
    return await question_set.candidates(session, principal, namespace_id, pagination)


@post("/evaluations", opt=limited("questions"), responses=problems(409))
async def evaluate(
    namespace_id: Id,
    data: JSONBody[NewEvaluation],
    request: Request[Any, Any, Any],
    principal: Caller,
    runtime: RuntimeDependency,
) -> FullRun:
    """Run every question of the set and store the measures. As another user: level 3.

    Each question counts as a search.
    """
    return await service.evaluate(
        runtime,
        principal,
        namespace_id,
        mode=data.mode,
        k=data.k,
        rerank=data.rerank,
        user_id=data.user_id,
        before_searches=partial(limits_of(request).acquire, "searches", principal.user_id),
    )


@get("/evaluations")
async def list_evaluations(
    namespace_id: Id, session: Session, principal: Caller, pagination: PaginationDependency
) -> Page[RunView]:
    """List the runs, newest first."""
    return await service.runs_of(session, principal, namespace_id, pagination)


@get("/evaluations/{run_id:int}")
async def get_evaluation(namespace_id: Id, run_id: Id, session: Session, principal: Caller) -> FullRun:
    """Get a run with the measures of every question."""
    return await service.get_run(session, principal, namespace_id, run_id)


@get("/evaluations/{run_id:int}/compare/{other_id:int}", opt=limited("questions"))
async def compare_evaluations(
    namespace_id: Id, run_id: Id, other_id: Id, principal: Caller, runtime: RuntimeDependency
) -> Comparison:
    """Compare this run with another one, with a paired test over the questions."""
    return await service.compare(runtime, principal, namespace_id, run_id, other_id)


router = Router(
    "/api/namespaces/{namespace_id:int}",
    route_handlers=[
        list_questions,
        add_questions,
        remove_question,
        candidates,
        evaluate,
        list_evaluations,
        get_evaluation,
        compare_evaluations,
    ],
    tags=["evaluation"],
)
