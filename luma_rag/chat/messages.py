"""Stored messages with their citations, and the reader's feedback."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, own_chats, require_chat
from luma_rag.chat.branches import Branches, branches
from luma_rag.chat.failures import TurnProblem, recover
from luma_rag.db.base import utcnow
from luma_rag.db.models import Citation, Feedback, Message, Turn
from luma_rag.documents import version_rows
from luma_rag.errors import NotFoundError
from luma_rag.pagination import Page, Pagination


class CitationView(msgspec.Struct, frozen=True):
    """The source of `[n]` in an answer. `doc_id` is null if the document was deleted.

    If `is_of_earlier_version`, the quote was taken from an earlier version of the document.
    """

    n: int
    vec_id: str
    doc_id: int | None
    title: str
    page: int | None
    heading: str | None
    quote: str
    score: float
    is_of_earlier_version: bool = False


class FeedbackView(msgspec.Struct, frozen=True):
    """The reader's feedback on an answer."""

    message_id: int
    rating: int
    comment: str | None


class MessageView(msgspec.Struct, frozen=True):
    """A question or an answer, with its citations.

    `state` and `error` are those of the turn; a question with several answers has those of its newest.
    `answers` is the id of the question, for answers. `versions` are the ids of all versions of the message,
    oldest first. `feedback` is the reader's, on answers. `reasoning` is what the model thought before an
    answer, and `cut_off` why the answer ends early: at the `length` that it may have, or by the
    `content_filter` of the LLM server.
    """

    id: int
    chat_id: int
    sender_type: str
    content: str
    time_sent: datetime
    citations: list[CitationView]
    state: str
    error: TurnProblem | None
    answers: int | None
    versions: list[int]
    feedback: FeedbackView | None
    reasoning: str | None = None
    cut_off: str | None = None


class Exchange(msgspec.Struct, frozen=True):
    """A question and its answer."""

    user_message: MessageView
    llm_message: MessageView


async def list_messages(
    session: AsyncSession, principal: Principal, chat_id: int, branch: int | None, pagination: Pagination
) -> Page[MessageView]:
    """The messages of a branch in order: of the branch in use, or of the newest through the message `branch`.

    Raises:
        NotFoundError: the chat is not the caller's, or has no such message.
    """
    await require_chat(session, principal, chat_id)
    tree = await branches(session, principal, chat_id)
    if tree.is_running():
        # Nobody else might look for the turns of a process that has died.
        await recover(session)
        tree = await branches(session, principal, chat_id)
    places = _places(tree.branch(branch))
    wanted = places[pagination.offset :][: pagination.limit]
    return Page(await _views(session, principal, tree, wanted), len(places))


async def of_turn(session: AsyncSession, principal: Principal, turn: Turn) -> list[MessageView]:
    """The question of a turn, and its answer if any of it is stored."""
    tree = await branches(session, principal, turn.chat_id)
    return await _views(session, principal, tree, _places([turn]))


async def rate(
    session: AsyncSession, principal: Principal, message_id: int, rating: int, comment: str | None
) -> FeedbackView:
    """Store the reader's feedback on an answer in one of their chats.

    Raises:
        NotFoundError: there is no such answer in the caller's chats.
    """
    answer = await session.scalar(
        select(Message.id).where(
            Message.id == message_id,
            Message.sender_type == "LLM",
            Message.chat_id.in_(own_chats(principal)),
        )
    )
    if answer is None:
        raise NotFoundError("This answer is not in your chats.")
    feedback = {"rating": rating, "comment": comment, "given_at": utcnow()}
    await session.execute(
        upsert(Feedback)
        .values(message_id=message_id, **feedback)
        .on_conflict_do_update(index_elements=[Feedback.message_id], set_=feedback)
    )
    return FeedbackView(message_id, rating, comment)


def view(
    message: Message,
    turn: Turn,
    tree: Branches,
    citations: Sequence[CitationView] = (),
    feedback: Feedback | None = None,
) -> MessageView:
    """A message of a turn with its citations and its feedback."""
    is_question = message.id == turn.question_id
    return MessageView(
        message.id,
        message.chat_id,
        message.sender_type,
        message.content,
        message.time_sent,
        list(citations),
        turn.state,
        None if turn.error is None else msgspec.convert(turn.error, TurnProblem),
        None if is_question else turn.question_id,
        tree.questions(turn.follows_id) if is_question else tree.answers(turn.question_id),
        None if feedback is None else FeedbackView(message.id, feedback.rating, feedback.comment),
        None if is_question else turn.reasoning,
        None if is_question else turn.cut_off,
    )


def _places(turns: Sequence[Turn]) -> list[tuple[int, Turn]]:
    """The ids of the messages of turns in order, each with its turn."""
    return [
        (message_id, turn)
        for turn in turns
        for message_id in (turn.question_id, turn.answer_id)
        if message_id is not None
    ]


async def _views(
    session: AsyncSession, principal: Principal, tree: Branches, places: Sequence[tuple[int, Turn]]
) -> list[MessageView]:
    ids = [message_id for message_id, _ in places]
    found = await session.execute(
        select(Message, Feedback)
        .outerjoin(Feedback, Feedback.message_id == Message.id)
        .where(Message.id.in_(ids), Message.chat_id.in_(own_chats(principal)))
        .execution_options(populate_existing=True)
    )
    messages = {message.id: (message, feedback) for message, feedback in found}
    citations = await _citations(session, [message_id for message_id in ids if message_id in messages])
    return [
        view(message, turn, tree, citations.get(message_id, ()), feedback)
        for message_id, turn in places
        for message, feedback in [messages[message_id]]
    ]


async def _citations(session: AsyncSession, message_ids: Sequence[int]) -> dict[int, list[CitationView]]:
    """The citations of messages of the caller's, by message, in order."""
    cited = select(Citation).where(Citation.message_id.in_(message_ids)).order_by(Citation.n)
    found = (await session.scalars(cited.execution_options(populate_existing=True))).all()
    doc_ids = {citation.doc_id for citation in found if citation.doc_id is not None}
    earliest = await version_rows.earliest_vectors(session, doc_ids) if doc_ids else {}
    views: dict[int, list[CitationView]] = {}
    for citation in found:
        view = msgspec.convert(citation, CitationView, from_attributes=True)
        if citation.doc_id in earliest and int(citation.vec_id) < earliest[citation.doc_id]:
            view = msgspec.structs.replace(view, is_of_earlier_version=True)
        views.setdefault(citation.message_id, []).append(view)
    return views
