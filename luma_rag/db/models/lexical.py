"""The lexical index. Weights are BM25's: how much a term says about a chunk.

A namespace's chunks are stored in segments. A segment is written once and never extended, so that concurrent
ingestions don't block each other; small segments are merged later. When a document's row in `lexical_member`
is deleted, a trigger removes its postings from the segment.
"""

from pgvector import SparseVector
from pgvector.sqlalchemy import SPARSEVEC
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
)
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.orm import Mapped, mapped_column

from ingest.words import TERM_ID_SPACE
from luma_rag.db.base import Base


class LexicalDocument(Base):
    """The language of a document that is in the lexical index."""

    __tablename__ = "lexical_document"

    doc_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(Text)


class LexicalChunk(Base):
    """The distinct term ids of a chunk in ascending order, their frequencies, and their total number."""

    __tablename__ = "lexical_chunk"

    chunk_id: Mapped[int] = mapped_column(ForeignKey("chunk.id", ondelete="CASCADE"), primary_key=True)
    terms: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    frequencies: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    length: Mapped[int]


class LexicalSegment(Base):
    """A segment: documents of a namespace that were indexed together.

    `chunks` and `length` are sums over its current contents; `mean_length` is that of the whole namespace
    when the weights were computed.
    """

    __tablename__ = "lexical_segment"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespace.id", ondelete="CASCADE"), index=True)
    chunks: Mapped[int]
    length: Mapped[int] = mapped_column(BigInteger)
    mean_length: Mapped[float] = mapped_column(REAL)
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text))


class LexicalMember(Base):
    """A document in a segment, with all that a removal needs. `vectors` are its `chunk_vector` ids."""

    __tablename__ = "lexical_member"

    # Document first: rows that are deleted with it are always locked in this order.
    doc_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    namespace_id: Mapped[int] = mapped_column(
        ForeignKey("namespace.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    segment_id: Mapped[int] = mapped_column(ForeignKey("lexical_segment.id", ondelete="CASCADE"), index=True)
    vectors: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    terms: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    length: Mapped[int]


class LexicalVector(Base):
    """The term weights of one chunk in one namespace; `id` is its `chunk_vector` id."""

    __tablename__ = "lexical_vector"

    id: Mapped[int] = mapped_column(
        ForeignKey("chunk_vector.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    weights: Mapped[SparseVector] = mapped_column(SPARSEVEC(TERM_ID_SPACE))


class LexicalPosting(Base):
    """A posting list: the chunks of a segment with a term, by ascending weight, so that a search can skip
    light ones. `vectors[i]` has `weights[i]`; `chunks` is the length.
    """

    __tablename__ = "lexical_posting"
    __table_args__ = (
        # An index-only scan then yields how many chunks have a term.
        PrimaryKeyConstraint("namespace_id", "term", "segment_id", postgresql_include=["chunks"]),
    )

    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespace.id", ondelete="CASCADE"))
    term: Mapped[int]
    segment_id: Mapped[int] = mapped_column(ForeignKey("lexical_segment.id", ondelete="CASCADE"), index=True)
    chunks: Mapped[int]
    vectors: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    weights: Mapped[list[float]] = mapped_column(ARRAY(REAL))
