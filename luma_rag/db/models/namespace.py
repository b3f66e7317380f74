"""Namespaces, their documents, and the vectors to search."""

from datetime import datetime

from pgvector import HalfVector
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from luma_rag.db.base import Base
from luma_rag.db.models.document import DIMENSIONS


class Namespace(Base):
    """A set of documents that is searched together. Its name is unique for its owner."""

    __tablename__ = "namespace"
    __table_args__ = (Index("uq_namespace_user_id_name", "user_id", "name", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    is_public: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class NamespaceDoc(Base):
    """A document in a namespace. `vec_id` lists the ids of its `chunk_vector` rows there, as text."""

    __tablename__ = "namespace_doc"
    __table_args__ = (UniqueConstraint("namespace_id", "doc_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespace.id", ondelete="CASCADE"))
    doc_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), index=True)
    vec_id: Mapped[list[str]] = mapped_column(ARRAY(Text))


class Placement(Base):
    """A document in a namespace, whatever the state of its ingestion. `user_id` added it.

    Triggers delete the row in the transaction that ends this user's right to add the document. Another
    trigger then removes the document from the namespace and records it in the audit trail. `placed_at` is
    null for rows older than the table.
    """

    __tablename__ = "placement"

    doc_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    namespace_id: Mapped[int] = mapped_column(
        ForeignKey("namespace.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    placed_at: Mapped[datetime | None]


class ChunkVector(Base):
    """The search table: one narrow row per (namespace, chunk). The text stays in `chunk`.

    A search reads only the covering index. The embedding is stored PLAIN, never out of line, which would make
    an exact scan several times slower. It belongs to the inline generation of the namespace, and is null
    without one.
    """

    __tablename__ = "chunk_vector"
    __table_args__ = (
        UniqueConstraint("chunk_id", "namespace_id"),
        Index(
            "ix_chunk_vector_search",
            "namespace_id",
            "id",
            postgresql_include=["doc_id", "embedding"],
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespace.id", ondelete="CASCADE"))
    doc_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), index=True)
    chunk_id: Mapped[int] = mapped_column(ForeignKey("chunk.id", ondelete="CASCADE"))
    embedding: Mapped[HalfVector | None] = mapped_column(HALFVEC(DIMENSIONS))
