"""Stored chats and messages: everything except answering."""

from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, own_chats, require_chat, require_namespace
from luma_rag.db.base import utcnow
from luma_rag.db.models import Chat, ChatTitle, Citation, Feedback, Message
from luma_rag.errors import NotFoundError
from luma_rag.pagination import Page, Pagination

_TITLE_LENGTH = 80


class ChatView(msgspec.Struct, frozen=True):
    """A chat. The default title is the beginning of its first question."""

    id: int
    user_id: int
    namespace_id: int
    started_at: datetime
    title: str


class CitationView(msgspec.Struct, frozen=True):
    """The source of `[n]` in an answer. `doc_id` is null if the document was deleted."""

    n: int
    vec_id: str
    doc_id: int | None
    title: str
    page: int | None
    heading: str | None
    quote: str
    score: float


class MessageView(msgspec.Struct, frozen=True):
    """A message with its citations."""

    id: int
    chat_id: int
    sender_type: str
    content: str
    time_sent: datetime
    citations: list[CitationView]


class Exchange(msgspec.Struct, frozen=True):
    """A question and its answer."""

    user_message: MessageView
    llm_message: MessageView


class FeedbackView(msgspec.Struct, frozen=True):
    """The reader's feedback on an answer."""

    message_id: int
    rating: int
    comment: str | None


async def start(session: AsyncSession, principal: Principal, namespace_id: int) -> ChatView:
    """Start a chat in a namespace. Level 1."""
    await require_namespace(session, principal, namespace_id)
    chat = Chat(user_id=principal.user_id, namespace_id=namespace_id, started_at=utcnow())
    session.add(chat)
    await session.flush()
    return await get(session, principal, chat.id)


async def list_own(
    session: AsyncSession, principal: Principal, namespace_id: int | None, pagination: Pagination
) -> Page[ChatView]:
    """The caller's chats, newest message first."""
    mine: ColumnElement[bool] = Chat.id.in_(own_chats(principal))
    if namespace_id is not None:
        mine &= Chat.namespace_id == namespace_id
    total = await session.scalar(select(func.count()).select_from(Chat).where(mine))
    newest = select(func.max(Message.time_sent)).where(Message.chat_id == Chat.id).scalar_subquery()
    rows = await session.execute(
        _views()
        .where(mine)
        .order_by(func.coalesce(newest, Chat.started_at).desc(), Chat.id.desc())
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page([_view(*row) for row in rows], total or 0)


async def get(session: AsyncSession, principal: Principal, chat_id: int) -> ChatView:
    """One of the caller's chats."""
    await require_chat(session, principal, chat_id)
    return _view(*(await session.execute(_views().where(Chat.id == chat_id))).one())


async def rename(session: AsyncSession, principal: Principal, chat_id: int, title: str) -> ChatView:
    """Set the title of a chat."""
    await require_chat(session, principal, chat_id)
    await session.execute(
        upsert(ChatTitle)
        .values(chat_id=chat_id, title=title)
        .on_conflict_do_update(index_elements=[ChatTitle.chat_id], set_={"title": title})
    )
    return await get(session, principal, chat_id)


async def remove(session: AsyncSession, principal: Principal, chat_id: int) -> None:
    """Delete a chat with its messages."""
    await require_chat(session, principal, chat_id)
    await session.execute(delete(Chat).where(Chat.id == chat_id))


async def messages(
    session: AsyncSession, principal: Principal, chat_id: int, pagination: Pagination
) -> Page[MessageView]:
    """The messages of a chat in order."""
    await require_chat(session, principal, chat_id)
    total = await session.scalar(select(func.count()).select_from(Message).where(Message.chat_id == chat_id))
    found = list(
        await session.scalars(
            select(Message)
            .where(Message.chat_id == chat_id)
            .order_by(Message.id)
            .limit(pagination.limit)
            .offset(pagination.offset)
        )
    )
    cited = await session.scalars(
        select(Citation).where(Citation.message_id.in_([m.id for m in found])).order_by(Citation.n)
    )
    citations: dict[int, list[CitationView]] = {}
    for citation in cited:
        citations.setdefault(citation.message_id, []).append(
            msgspec.convert(citation, CitationView, from_attributes=True)
        )
    return Page([message_view(m, citations.get(m.id, [])) for m in found], total or 0)


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
        raise NotFoundError(f"Answer {message_id} not found in your chats.")
    feedback = {"rating": rating, "comment": comment, "given_at": utcnow()}
    await session.execute(
        upsert(Feedback)
        .values(message_id=message_id, **feedback)
        .on_conflict_do_update(index_elements=[Feedback.message_id], set_=feedback)
    )
    return FeedbackView(message_id, rating, comment)


def message_view(message: Message, citations: list[CitationView]) -> MessageView:
    """A message with its citations."""
    return MessageView(
        message.id, message.chat_id, message.sender_type, message.content, message.time_sent, citations
    )


def _views() -> Select[Chat, str | None, str | None]:
    first_question = (
        select(Message.content)
        .where(Message.chat_id == Chat.id, Message.sender_type == "user")
        .order_by(Message.id)
        .limit(1)
        .scalar_subquery()
    )
    return select(Chat, ChatTitle.title, first_question).outerjoin(ChatTitle, ChatTitle.chat_id == Chat.id)


def _view(chat: Chat, title: str | None, first_question: str | None) -> ChatView:
    if title is None:
        title = " ".join((first_question or "New chat").split())
        title = title if len(title) <= _TITLE_LENGTH else title[: _TITLE_LENGTH - 1].rstrip() + "…"
    return ChatView(chat.id, chat.user_id, chat.namespace_id, chat.started_at, title)
