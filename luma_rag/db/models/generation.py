"""Embedding models, and the generations of the vectors of namespaces. See ADR 34.

A vector of the first model of the database is in `Chunk.embedding`, and a vector of the first generation of a
namespace in `ChunkVector.embedding`, if it has `DIMENSIONS`. All others are in the tables here.
"""

from datetime import datetime
from typing import Any

from pgvector import HalfVector
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from luma_rag.db.base import Base

FIRST_MODEL = 1
"""The id of the first model of a database."""
MAX_COVERED = 1300
"""The most dimensions of a vector that fits into an entry of a covering index, a third of a page."""


class EmbeddingModel(Base):
    """A model that has made vectors of this database. The current one embeds new namespaces.

    `spec` says how to load it; null for the packaged model with this `profile`.
    """

    __tablename__ = "embedding_model"
    __table_args__ = (
        Index(
            "ux_embedding_model_is_current",
            "is_current",
            unique=True,
            postgresql_where=text("is_current"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=False), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    dimensions: Mapped[int]
    profile: Mapped[str] = mapped_column(Text)
    spec: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    is_current: Mapped[bool] = mapped_column(server_default=text("false"))


class ChunkEmbedding(Base):
    """The embedding of a chunk by a model other than the first, once for all namespaces."""

    __tablename__ = "chunk_embedding"

    chunk_id: Mapped[int] = mapped_column(ForeignKey("chunk.id", ondelete="CASCADE"), primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("embedding_model.id"), primary_key=True, index=True)
    embedding: Mapped[HalfVector] = mapped_column(HALFVEC())


class Generation(Base):
    """The vectors of a namespace by one model: one generation is `live`, and one more may be kept beside it.

    One that is `building` lacks documents. A `previous` one is complete, so that a switch back loses nothing.
    One in the state `removing` is deleted in batches. Where `is_inline`, the vectors are in `ChunkVector`.
    """

    __tablename__ = "generation"
    __table_args__ = (
        CheckConstraint("state IN ('building', 'live', 'previous', 'removing')", name="state"),
        Index("ux_generation_live", "namespace_id", unique=True, postgresql_where=text("state = 'live'")),
    )

    id: Mapped[int] = mapped_column(Identity(always=False), primary_key=True)
    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespace.id", ondelete="CASCADE"), index=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("embedding_model.id"), index=True)
    state: Mapped[str] = mapped_column(Text)
    is_inline: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class GenerationVector(Base):
    """A vector of a generation; `id` is that of its `ChunkVector`.

    There is no foreign key to the generation. Deleting one would search the whole table; its vectors go with
    their `ChunkVector`, or in batches.
    """

    __tablename__ = "generation_vector"
    __table_args__ = (
        Index(
            "ix_generation_vector_search",
            "generation_id",
            "id",
            postgresql_include=["doc_id", "embedding"],
            postgresql_where=text(f"vector_dims(embedding) <= {MAX_COVERED}"),
        ),
        Index(
            "ix_generation_vector_wide",
            "generation_id",
            "id",
            postgresql_include=["doc_id"],
            postgresql_where=text(f"vector_dims(embedding) > {MAX_COVERED}"),
        ),
    )

    id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("chunk_vector.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    generation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    doc_id: Mapped[int]
    embedding: Mapped[HalfVector] = mapped_column(HALFVEC())
