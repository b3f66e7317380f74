"""What lexical search looks up. Weights are BM25's: how much a term says about a chunk that it stands in.

A namespace's chunks are kept in segments, each written at once and never added to, so that documents that
come in at the same time don't wait for each other. Small segments are merged later. When a document's row in
`lexical_member` goes, a trigger takes what it brought out of its segment.
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
    """The language of a document whose chunks have been taken apart into terms."""

    __tablename__ = "lexical_document"

    doc_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(Text)


class LexicalChunk(Base):
    """The distinct terms of a chunk in ascending order, how often each occurs, and how many there are."""

    __tablename__ = "lexical_chunk"

    chunk_id: Mapped[int] = mapped_column(ForeignKey("chunk.id", ondelete="CASCADE"), primary_key=True)
    terms: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    frequencies: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    length: Mapped[int]


class LexicalSegment(Base):
    """Some documents of a namespace, weighed together.

    `chunks` and `length` are sums over what it holds now; `mean_length` is that of the whole namespace when
    the weights were computed.
    """

    __tablename__ = "lexical_segment"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespace.id", ondelete="CASCADE"), index=True)
    chunks: Mapped[int]
    length: Mapped[int] = mapped_column(BigInteger)
    mean_length: Mapped[float] = mapped_column(REAL)
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text))


class LexicalMember(Base):
    """A document in a segment: what has to go when it goes. `vectors` are its `chunk_vector` ids."""

    __tablename__ = "lexical_member"

    # The document first: rows that go with one are locked in the same order by everybody.
    doc_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    namespace_id: Mapped[int] = mapped_column(
        ForeignKey("namespace.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    segment_id: Mapped[int] = mapped_column(ForeignKey("lexical_segment.id", ondelete="CASCADE"), index=True)
    vectors: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    terms: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    length: Mapped[int]


class LexicalVector(Base):
    """The weights of one chunk in one namespace, by term; `id` is that of its `chunk_vector`."""

    __tablename__ = "lexical_vector"

    id: Mapped[int] = mapped_column(
        ForeignKey("chunk_vector.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    weights: Mapped[SparseVector] = mapped_column(SPARSEVEC(TERM_ID_SPACE))


class LexicalPosting(Base):
    """The chunks of a segment that a term stands in, by weight in ascending order, so that a search can pass
    over those of little weight: `vectors[i]` has `weights[i]`; `chunks` counts them.
    """

    __tablename__ = "lexical_posting"
    __table_args__ = (
        # How many chunks have a term is read from the index alone.
        PrimaryKeyConstraint("namespace_id", "term", "segment_id", postgresql_include=["chunks"]),
    )

    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespace.id", ondelete="CASCADE"))
    term: Mapped[int]
    segment_id: Mapped[int] = mapped_column(ForeignKey("lexical_segment.id", ondelete="CASCADE"), index=True)
    chunks: Mapped[int]
    vectors: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    weights: Mapped[list[float]] = mapped_column(ARRAY(REAL))
