"""Chats, messages, turns and citations."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from luma_rag.db.base import Base


class Chat(Base):
    """A conversation of one user with one namespace."""

    __tablename__ = "chats"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespace.id", ondelete="CASCADE"), index=True)
    started_at: Mapped[datetime]


class ChatTitle(Base):
    """The title of a chat. Without a row, the first question is the title."""

    __tablename__ = "chat_title"

    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True)
    title: Mapped[str] = mapped_column(Text)


class PinnedChat(Base):
    """A chat that its user has pinned."""

    __tablename__ = "pinned_chat"

    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True)


class Message(Base):
    """A message. Within a chat, ids increase in the order of writing."""

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint("sender_type IN ('user', 'LLM')", name="sender_type"),
        Index("ix_message_chat_id", "chat_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"))
    sender_type: Mapped[str] = mapped_column(String(10))
    content: Mapped[str] = mapped_column(Text)
    time_sent: Mapped[datetime]


class Turn(Base):
    """A question with one answer to it. Regenerating the answer adds a turn with the same question.

    The turns of a chat are a tree: each follows another one, or none. Questions that follow the same turn are
    versions of each other, as are answers to the same question. The chat continues from its newest turn.
    """

    __tablename__ = "turn"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'complete', 'stopped', 'failed')", name="state"),
        CheckConstraint("(state = 'running') = (process IS NOT NULL)", name="process"),
        CheckConstraint("cut_off IN ('length', 'content_filter')", name="cut_off"),
        Index("uq_turn_running", "chat_id", unique=True, postgresql_where=text("state = 'running'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"), index=True)
    follows_id: Mapped[int | None] = mapped_column(ForeignKey("turn.id", ondelete="CASCADE"), index=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), index=True)
    # NULL until a part of the answer is stored, and if none ever was.
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), unique=True)
    doc_ids: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    state: Mapped[str] = mapped_column(Text)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    # What the model thought before it answered, and why the answer ends early.
    reasoning: Mapped[str | None] = mapped_column(Text)
    cut_off: Mapped[str | None] = mapped_column(Text)
    # The process that writes the answer; see `luma_rag.chat.processes`.
    process: Mapped[int | None]
    is_stopping: Mapped[bool] = mapped_column(server_default=false())


class Citation(Base):
    """`[n]` in an answer. The quote is kept when the document is deleted; `doc_id` is then NULL."""

    __tablename__ = "citation"

    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    vec_id: Mapped[str] = mapped_column(Text)
    doc_id: Mapped[int | None] = mapped_column(ForeignKey("document.id", ondelete="SET NULL"), index=True)
    title: Mapped[str] = mapped_column(Text)
    page: Mapped[int | None]
    heading: Mapped[str | None] = mapped_column(Text)
    quote: Mapped[str] = mapped_column(Text)
    score: Mapped[float]


class Feedback(Base):
    """A reader's rating of an answer: -1, 0 or 1."""

    __tablename__ = "feedback"
    __table_args__ = (CheckConstraint("rating IN (-1, 0, 1)", name="rating"),)

    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True)
    rating: Mapped[int] = mapped_column(SmallInteger)
    comment: Mapped[str | None] = mapped_column(Text)
    given_at: Mapped[datetime]
