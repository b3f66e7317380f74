"""Documents, their parsed text, and their ingestion."""

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
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column

from luma_rag.db.base import Base

DIMENSIONS = 384
"""Of vectors that are stored with the row to search."""


class Document(Base):
    """An uploaded file. `file_path` is relative to the storage folder, so that the data can be moved.

    `type` is one of `ingest.types.DocumentType`.

    `file_metadata` holds `original_filename`, `size` (bytes), `sha256`, and after parsing `pages`, `warnings`
    (objects with `code`, `text`, and `pages`; texts in documents that version 0.2 or earlier read), `reader`
    (`ingest.parsers.READER_VERSION`; absent in those documents), and `page_labels`
    (`luma_rag.documents.page_labels`) if printed page numbers differ from those of the pages. Once the file
    was replaced, `version` is its number, and `text_version` that of the file whose text is stored.
    """

    __tablename__ = "document"
    __table_args__ = (
        # The same bytes from the same user are one document.
        Index("ux_document_user_id_sha256", "user_id", text("(file_metadata ->> 'sha256')"), unique=True),
        # For lists: the orders that they offer.
        Index("ix_document_title", text("lower(title)"), "id"),
        Index("ix_document_size", text("((file_metadata ->> 'size')::bigint)"), "id"),
        Index("ix_document_pages", text("((file_metadata ->> 'pages')::integer)"), "id"),
        Index(
            "ix_document_pages_descending",
            text("((file_metadata ->> 'pages')::integer) DESC NULLS LAST"),
            text("id DESC"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    title: Mapped[str] = mapped_column(String(255))
    file_path: Mapped[str] = mapped_column(Text)
    file_metadata: Mapped[dict[str, Any]] = mapped_column(JSONB)
    type: Mapped[str] = mapped_column(String(50))
    is_public: Mapped[bool] = mapped_column(server_default=text("true"))
    uploaded_at: Mapped[datetime]


class Passage(Base):
    """A page, a slide, or a section, as parsed; `ordinal` is 0-based, in reading order."""

    __tablename__ = "passage"

    doc_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    page: Mapped[int | None]
    heading: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)


class Chunk(Base):
    """A part of a passage with its embedding, stored once for all namespaces that hold the document.

    `text` is at [`start_char`, `end_char`) of the passage; `ordinal` is 0-based within the document.
    `embedding` is by the first model of the database, null if that model has not embedded the document.
    """

    __tablename__ = "chunk"
    __table_args__ = (UniqueConstraint("doc_id", "ordinal"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    doc_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    passage: Mapped[int]
    start_char: Mapped[int]
    end_char: Mapped[int]
    tokens: Mapped[int]
    page: Mapped[int | None]
    heading: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    embedding: Mapped[HalfVector | None] = mapped_column(HALFVEC())


class FileStore(Base):
    """The id of the folder with this database's files, which has the same id in a file. A single row."""

    __tablename__ = "file_store"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, server_default=text("1"), autoincrement=False)
    store_id: Mapped[str] = mapped_column(Text)


class Ingestion(Base):
    """The ingestion of one document into one namespace.

    `progress` is from 0 to 1 over all stages. `worker` is the key of the advisory lock held by the running
    worker: a `running` row whose lock is not held belongs to a dead worker.

    `attempts` counts what may be the document's fault, `deferrals` outages of the system. After either, a
    queued ingestion has an `error` and waits until `next_attempt_at`.

    `is_batch`, `owner_id` (the document's owner when it was queued) and `namespace_id` decide the order of
    the queue (`luma_rag.documents.claims`). `awaits_recognition` once a worker that was busy with others has
    found pages to be recognized.
    """

    __tablename__ = "ingestion"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'ready', 'failed')", name="state"),
        CheckConstraint("stage IN ('parsing', 'chunking', 'embedding', 'storing')", name="stage"),
        CheckConstraint(
            "CASE state WHEN 'failed' THEN error IS NOT NULL WHEN 'queued' THEN true ELSE error IS NULL END",
            name="error",
        ),
        CheckConstraint("(state = 'running') = (worker IS NOT NULL)", name="worker"),
        # At most one active ingestion per document and namespace.
        Index(
            "ux_ingestion_active",
            "doc_id",
            "namespace_id",
            unique=True,
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        # For claims, and for the ingestions of dead workers.
        Index(
            "ix_ingestion_queue",
            "awaits_recognition",
            "is_batch",
            "owner_id",
            "namespace_id",
            "next_attempt_at",
            "id",
            postgresql_where=text("state = 'queued'"),
        ),
        # For lists of a namespace.
        Index("ix_ingestion_unready", "namespace_id", "doc_id", postgresql_where=text("state <> 'ready'")),
        Index("ix_ingestion_running", "doc_id", postgresql_where=text("state = 'running'")),
        Index("ix_ingestion_doc_id_namespace_id", "doc_id", "namespace_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    doc_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"))
    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespace.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    stage: Mapped[str | None] = mapped_column(Text)
    progress: Mapped[float] = mapped_column(server_default=text("0"))
    chunks: Mapped[int] = mapped_column(server_default=text("0"))
    error: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    deferrals: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=func.now())
    worker: Mapped[int | None]
    is_batch: Mapped[bool] = mapped_column(server_default=text("false"))
    owner_id: Mapped[int] = mapped_column(server_default=text("0"))
    awaits_recognition: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    warnings_of_document: Mapped[Any] = column_property(
        select(Document.file_metadata["warnings"])
        .where(Document.id == doc_id)
        .correlate_except(Document)
        .scalar_subquery()
    )


class Reread(Base):
    """A document that is to be read again, or whose new version is to be read.

    Its text stays as it is until the new one replaces it. `is_queued` once its ingestions are in the queue.
    """

    __tablename__ = "reread"

    doc_id: Mapped[int] = mapped_column(
        ForeignKey("document.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    is_queued: Mapped[bool] = mapped_column(server_default=text("false"))


class DocumentVersion(Base):
    """A version of a document whose file was replaced, from 1 on; a document without rows has one version.

    `vectors_after` is null until the text of the version is stored. Then the ids of its vectors are greater,
    and those of all earlier versions are less.
    """

    __tablename__ = "document_version"

    doc_id: Mapped[int] = mapped_column(
        ForeignKey("document.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    stored_at: Mapped[datetime]
    vectors_after: Mapped[int | None] = mapped_column(BigInteger)


class ChunkDigest(Base):
    """What the model read of the chunks of a document: a digest of each (`ingest.pipeline.digest`), in order.

    A chunk with the same digest in the next version has the same embedding. Documents that version 0.2 or
    earlier read have no row.
    """

    __tablename__ = "chunk_digest"

    doc_id: Mapped[int] = mapped_column(
        ForeignKey("document.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    digests: Mapped[bytes] = mapped_column(LargeBinary)


class Worker(Base):
    """The last heartbeat of a worker; `id` is the key of its advisory lock.

    `host` is the name of its machine, `process_id` its number there, and `documents` what it has finished.
    """

    __tablename__ = "worker"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    host: Mapped[str | None] = mapped_column(Text)
    process_id: Mapped[int | None]
    documents: Mapped[int] = mapped_column(server_default=text("0"))


class WorkDone(Base):
    """Documents finished by all workers since the beginning, by `outcome`, with the total seconds."""

    __tablename__ = "work_done"

    outcome: Mapped[str] = mapped_column(Text, primary_key=True)
    documents: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float]
