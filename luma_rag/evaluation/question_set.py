"""The question set of a namespace. Reading and changing it requires level 2.

Places are shown only while their document is in the namespace, since they quote it. They come back with it.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from luma_rag.access import Principal, own_chats, readable_documents, require_namespace
from luma_rag.access.principal import WRITE
from luma_rag.db.base import utcnow
from luma_rag.db.models import (
    Chat,
    Citation,
    EvaluationPlace,
    EvaluationQuestion,
    Feedback,
    Message,
    NamespaceDoc,
    Turn,
)
from luma_rag.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from luma_rag.pagination import Page, Pagination

MAX_QUESTIONS = 5000
"""The maximum size of a set: each question is a search in every run."""


class KnownPlace(msgspec.Struct, frozen=True):
    """A place that answers a question: a document of the namespace, optionally its page or a quote."""

    doc_id: int
    page: int | None = None
    quote: str | None = None


class NewQuestion(msgspec.Struct, frozen=True):
    """A question to add."""

    question: str
    places: list[KnownPlace]


class KnownQuestion(msgspec.Struct, frozen=True):
    """A question of the set. It is deleted with the last document that answers it.

    `places` are those in documents that are in the namespace now.
    """

    id: int
    question: str
    places: list[KnownPlace]
    created_at: datetime


class Candidate(msgspec.Struct, frozen=True):
    """A question that the caller asked and whose answer the caller rated; `places` are the answer's
    citations.

    `rating` is 1 for a helpful answer, whose places are probably right, or -1 for an unhelpful one.
    """

    message_id: int
    question: str
    rating: int
    comment: str | None
    places: list[KnownPlace]


async def add(
    session: AsyncSession, principal: Principal, namespace_id: int, questions: Sequence[NewQuestion]
) -> list[KnownQuestion]:
    """Add questions.

    Raises:
        InvalidInputError: a place is in no document of the namespace.
        ConflictError: the set would exceed `MAX_QUESTIONS`.
    """
    await require_namespace(session, principal, namespace_id, WRITE)
    there = await session.scalar(
        select(func.count())
        .select_from(EvaluationQuestion)
        .where(EvaluationQuestion.namespace_id == namespace_id)
    )
    if (there or 0) + len(questions) > MAX_QUESTIONS:
        raise ConflictError(
            f"A namespace is measured with {MAX_QUESTIONS} questions at most; it has {there} already. Take "
            "some out, or measure a larger set with luma eval retrieval, which reads it from a file."
        )
    named = {place.doc_id for question in questions for place in question.places}
    held = set(
        await session.scalars(
            select(NamespaceDoc.doc_id).where(
                NamespaceDoc.namespace_id == namespace_id,
                NamespaceDoc.doc_id.in_(named),
                NamespaceDoc.doc_id.in_(readable_documents(principal)),
            )
        )
    )
    if strange := sorted(named - held):
        message = f"document {strange[0]} is not in this namespace"
        raise InvalidInputError(f"The {message}; add it first.", errors=[FieldError("places", message)])
    now = utcnow()
    rows = [EvaluationQuestion(namespace_id=namespace_id, text=q.question, created_at=now) for q in questions]
    session.add_all(rows)
    await session.flush()
    session.add_all(
        EvaluationPlace(question_id=row.id, **msgspec.structs.asdict(place))
        for row, question in zip(rows, questions, strict=True)
        for place in question.places
    )
    await session.flush()
    return [
        KnownQuestion(row.id, row.text, question.places, now)
        for row, question in zip(rows, questions, strict=True)
    ]


def is_place_in(principal: Principal, namespace_id: int) -> ColumnElement[bool]:
    """A condition: the document of the `EvaluationPlace` is in the namespace, and the caller can read it."""
    held = select(NamespaceDoc.doc_id).where(
        NamespaceDoc.namespace_id == namespace_id, NamespaceDoc.doc_id.in_(readable_documents(principal))
    )
    return EvaluationPlace.doc_id.in_(held)


async def questions_of(
    session: AsyncSession, principal: Principal, namespace_id: int, pagination: Pagination
) -> Page[KnownQuestion]:
    """The set, in order of creation."""
    await require_namespace(session, principal, namespace_id, WRITE)
    mine = EvaluationQuestion.namespace_id == namespace_id
    total = await session.scalar(select(func.count()).select_from(EvaluationQuestion).where(mine))
    found = list(
        await session.scalars(
            select(EvaluationQuestion)
            .where(mine)
            .order_by(EvaluationQuestion.id)
            .limit(pagination.limit)
            .offset(pagination.offset)
        )
    )
    places: dict[int, list[KnownPlace]] = {}
    for place in await session.scalars(
        select(EvaluationPlace)
        .where(EvaluationPlace.question_id.in_([q.id for q in found]), is_place_in(principal, namespace_id))
        .order_by(EvaluationPlace.id)
    ):
        known = KnownPlace(place.doc_id, place.page, place.quote)
        places.setdefault(place.question_id, []).append(known)
    return Page([KnownQuestion(q.id, q.text, places.get(q.id, []), q.created_at) for q in found], total or 0)


async def remove(session: AsyncSession, principal: Principal, namespace_id: int, question_id: int) -> None:
    """Remove a question from the set.

    Raises:
        NotFoundError: it is not in the set.
    """
    await require_namespace(session, principal, namespace_id, WRITE)
    gone = await session.scalar(
        delete(EvaluationQuestion)
        .where(EvaluationQuestion.id == question_id, EvaluationQuestion.namespace_id == namespace_id)
        .returning(EvaluationQuestion.id)
    )
    if gone is None:
        raise NotFoundError(f"This namespace has no question {question_id}.")


async def candidates(
    session: AsyncSession, principal: Principal, namespace_id: int, pagination: Pagination
) -> Page[Candidate]:
    """The caller's own rated questions in this namespace, newest first. Other users' ratings are never
    included.
    """
    await require_namespace(session, principal, namespace_id, WRITE)
    asked = aliased(Message)
    judged = (
        select(Message.id, asked.content, Feedback.rating, Feedback.comment)
        .join(Feedback, Feedback.message_id == Message.id)
        .join(Turn, Turn.answer_id == Message.id)
        .join(asked, asked.id == Turn.question_id)
        .join(Chat, Chat.id == Message.chat_id)
        .where(Chat.id.in_(own_chats(principal)), Chat.namespace_id == namespace_id, Feedback.rating != 0)
    )
    total = await session.scalar(select(func.count()).select_from(judged.subquery()))
    rows = (
        await session.execute(
            judged.order_by(Message.id.desc()).limit(pagination.limit).offset(pagination.offset)
        )
    ).all()
    places: dict[int, list[KnownPlace]] = {}
    for cited in await session.scalars(
        select(Citation)
        .where(Citation.message_id.in_([row[0] for row in rows]), Citation.doc_id.is_not(None))
        .order_by(Citation.n)
    ):
        if cited.doc_id is not None:
            place = KnownPlace(cited.doc_id, cited.page, cited.quote)
            places.setdefault(cited.message_id, []).append(place)
    return Page(
        [Candidate(i, text or "", rating, comment, places.get(i, [])) for i, text, rating, comment in rows],
        total or 0,
    )
