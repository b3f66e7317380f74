"""The feedback of all readers, for administrators."""

from datetime import datetime

import msgspec
from sqlalchemy import func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, require_admin
from luma_rag.db.models import Chat, Feedback, Message, Namespace, User
from luma_rag.pagination import Page, Pagination


class FeedbackUser(msgspec.Struct, frozen=True):
    """The reader."""

    id: int
    username: str


class FeedbackNamespace(msgspec.Struct, frozen=True):
    """The namespace of the chat."""

    id: int
    name: str


class GivenFeedback(msgspec.Struct, frozen=True):
    """A reader's feedback on an answer. Neither the question nor the answer is shown: chats are private."""

    message_id: int
    rating: int
    comment: str | None
    given_at: datetime
    user: FeedbackUser
    namespace: FeedbackNamespace


async def all_feedback(
    session: AsyncSession, principal: Principal, rating: int | None, pagination: Pagination
) -> Page[GivenFeedback]:
    """The feedback of all readers, newest first, optionally of one rating. Administrators only."""
    require_admin(principal)
    wanted = true() if rating is None else Feedback.rating == rating
    total = await session.scalar(select(func.count()).select_from(Feedback).where(wanted))
    rows = await session.execute(
        select(Feedback, User.id, User.username, Namespace.id, Namespace.name)
        .join(Message, Message.id == Feedback.message_id)
        .join(Chat, Chat.id == Message.chat_id)
        .join(User, User.id == Chat.user_id)
        .join(Namespace, Namespace.id == Chat.namespace_id)
        .where(wanted)
        .order_by(Feedback.given_at.desc(), Feedback.message_id.desc())
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page(
        [
            GivenFeedback(
                given.message_id,
                given.rating,
                given.comment,
                given.given_at,
                FeedbackUser(user_id, username),
                FeedbackNamespace(namespace_id, name),
            )
            for given, user_id, username, namespace_id, name in rows
        ],
        total or 0,
    )
