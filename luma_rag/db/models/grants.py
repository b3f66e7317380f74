"""Rights granted by one user to another. Only `luma_rag.access` may use these tables."""

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from luma_rag.db.base import Base


class DocUser(Base):
    """A document shared with a user."""

    __tablename__ = "doc_user"
    __table_args__ = (
        UniqueConstraint("doc_id", "user_id"),
        CheckConstraint("permission IN ('read', 'write')", name="permission"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    doc_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    permission: Mapped[str] = mapped_column(String(20))


class NamespaceAuth(Base):
    """A member of a namespace: 1 reads, 2 reads and writes, 3 administers."""

    __tablename__ = "namespace_auth"
    __table_args__ = (
        UniqueConstraint("user_id", "namespace_id"),
        CheckConstraint("auth_level IN (1, 2, 3)", name="auth_level"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespace.id", ondelete="CASCADE"), index=True)
    auth_level: Mapped[int]
