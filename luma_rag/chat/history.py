"""Stored chats: listing, searching, renaming, pinning and exporting."""

from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Select, case, delete, exists, func, null, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, own_chats, require_chat, require_namespace
from luma_rag.chat import messages
from luma_rag.chat.failures import recover
from luma_rag.chat.messages import MessageView
from luma_rag.db.base import utcnow
from luma_rag.db.models import Chat, ChatTitle, Message, PinnedChat, Turn
from luma_rag.pagination import Page, Pagination

_TITLE_LENGTH = 80
# Characters of a snippet: before the match, and in all.
_BEFORE, _SNIPPET = 60, 200
# No chat has as many messages.
_ALL = Pagination(2**31 - 1, 0)


class ChatView(msgspec.Struct, frozen=True):
    """A chat. The default title is the beginning of its first question.

    `last_activity_at` is the time of its newest message. `snippet` is text around the first match of a
    search; null without a search, and if only the title matches.
    """

    id: int
    user_id: int
    namespace_id: int
    started_at: datetime
    title: str
    pinned: bool
    last_activity_at: datetime
    is_running: bool
    snippet: str | None


class ChatExport(msgspec.Struct, frozen=True):
    """A chat with the messages of the branch in use."""

    chat: ChatView
    messages: list[MessageView]


async def start(session: AsyncSession, principal: Principal, namespace_id: int) -> ChatView:
    """Start a chat in a namespace. Level 1."""
    await require_namespace(session, principal, namespace_id)
    chat = Chat(user_id=principal.user_id, namespace_id=namespace_id, started_at=utcnow())
    session.add(chat)
    await session.flush()
    return await get(session, principal, chat.id)


async def list_own(
    session: AsyncSession,
    principal: Principal,
    pagination: Pagination,
    *,
    namespace_id: int | None = None,
    containing: str | None = None,
    pinned: bool | None = None,
) -> Page[ChatView]:
    """The caller's chats, newest message first.

    `containing` selects those with this text in the title or in a message, in any case.
    """
    mine: ColumnElement[bool] = Chat.id.in_(own_chats(principal))
    if namespace_id is not None:
        mine &= Chat.namespace_id == namespace_id
    if containing is not None:
        title = ChatTitle.title.icontains(containing, autoescape=True)
        text = Message.content.icontains(containing, autoescape=True)
        mine &= or_(
            exists().where(ChatTitle.chat_id == Chat.id, title).correlate(Chat),
            exists().where(Message.chat_id == Chat.id, text).correlate(Chat),
        )
    if pinned is not None:
        mine &= _is_pinned() if pinned else ~_is_pinned()
    total = await session.scalar(select(func.count()).select_from(Chat).where(mine))
    listed = (
        _views(containing)
        .where(mine)
        .order_by(_last_activity().desc(), Chat.id.desc())
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    chats = [_view(*row) for row in await session.execute(listed)]
    if any(chat.is_running for chat in chats):
        # Nobody else might look for the turns of a process that has died.
        await recover(session)
        chats = [_view(*row) for row in await session.execute(listed)]
    return Page(chats, total or 0)


async def get(session: AsyncSession, principal: Principal, chat_id: int) -> ChatView:
    """One of the caller's chats."""
    await require_chat(session, principal, chat_id)
    return _view(*(await session.execute(_views().where(Chat.id == chat_id))).one())


async def change(
    session: AsyncSession,
    principal: Principal,
    chat_id: int,
    *,
    title: str | None = None,
    pinned: bool | None = None,
) -> ChatView:
    """Rename, pin or unpin a chat. None leaves a property as it is."""
    await require_chat(session, principal, chat_id)
    if title is not None:
        await session.execute(
            upsert(ChatTitle)
            .values(chat_id=chat_id, title=title)
            .on_conflict_do_update(index_elements=[ChatTitle.chat_id], set_={"title": title})
        )
    if pinned is True:
        await session.execute(upsert(PinnedChat).values(chat_id=chat_id).on_conflict_do_nothing())
    elif pinned is False:
        await session.execute(delete(PinnedChat).where(PinnedChat.chat_id == chat_id))
    return await get(session, principal, chat_id)


async def remove(session: AsyncSession, principal: Principal, chat_id: int) -> None:
    """Delete a chat with its messages."""
    await require_chat(session, principal, chat_id)
    await session.execute(delete(Chat).where(Chat.id == chat_id))


async def export(session: AsyncSession, principal: Principal, chat_id: int) -> ChatExport:
    """A chat with all messages of the branch in use."""
    chat = await get(session, principal, chat_id)
    page = await messages.list_messages(session, principal, chat_id, None, _ALL)
    return ChatExport(chat, page.items)


def as_markdown(exported: ChatExport) -> str:
    """An exported chat as Markdown, with the citations below each answer."""
    parts = [f"# {exported.chat.title}"]
    for message in exported.messages:
        parts += [f"## {'Question' if message.answers is None else 'Answer'}", message.content]
        if message.answers is not None and message.state != "complete":
            parts.append("*This answer is incomplete.*")
        parts += [
            f"[{citation.n}] {citation.title}"
            f"{'' if citation.page is None else f', page {citation.page}'}: “{citation.quote}”"
            for citation in message.citations
        ]
    return "\n\n".join(parts) + "\n"


def _is_pinned() -> ColumnElement[bool]:
    return exists().where(PinnedChat.chat_id == Chat.id)


def _last_activity() -> ColumnElement[datetime]:
    newest = select(func.max(Message.time_sent)).where(Message.chat_id == Chat.id).scalar_subquery()
    return func.coalesce(newest, Chat.started_at)


def _views(
    containing: str | None = None,
) -> Select[Chat, str | None, str | None, bool, datetime, bool, str | None]:
    first_question = (
        select(Message.content)
        .where(Message.chat_id == Chat.id, Message.sender_type == "user")
        .order_by(Message.id)
        .limit(1)
        .scalar_subquery()
    )
    running = exists().where(Turn.chat_id == Chat.id, Turn.state == "running")
    return select(
        Chat,
        ChatTitle.title,
        first_question,
        _is_pinned(),
        _last_activity(),
        running,
        null() if containing is None else _snippet(containing),
    ).outerjoin(ChatTitle, ChatTitle.chat_id == Chat.id)


def _snippet(containing: str) -> ColumnElement[str | None]:
    """The text around the first match in the enclosing statement's `Chat`."""
    at = func.strpos(func.lower(Message.content), func.lower(containing))
    begin = func.greatest(at - _BEFORE, 1)
    return (
        select(
            case((begin > 1, "…"), else_="")
            + func.substr(Message.content, begin, _SNIPPET)
            + case((func.length(Message.content) >= begin + _SNIPPET, "…"), else_="")
        )
        .where(Message.chat_id == Chat.id, Message.content.icontains(containing, autoescape=True))
        .order_by(Message.id)
        .limit(1)
        .scalar_subquery()
    )


def _view(
    chat: Chat,
    title: str | None,
    first_question: str | None,
    pinned: bool,
    last_activity_at: datetime,
    is_running: bool,
    snippet: str | None,
) -> ChatView:
    if title is None:
        title = " ".join((first_question or "New chat").split())
        title = title if len(title) <= _TITLE_LENGTH else title[: _TITLE_LENGTH - 1].rstrip() + "…"
    return ChatView(
        chat.id,
        chat.user_id,
        chat.namespace_id,
        chat.started_at,
        title,
        pinned,
        last_activity_at,
        is_running,
        None if snippet is None else " ".join(snippet.split()),
    )
