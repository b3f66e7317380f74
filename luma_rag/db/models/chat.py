"""Chats, messages and citations."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, Text
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
