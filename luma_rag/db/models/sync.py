"""Sources that a namespace is kept in step with, and what was read of them."""

from sqlalchemy import BigInteger, ForeignKey, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from luma_rag.db.base import Base


class SyncSource(Base):
    """A folder or a bucket: an absolute path or a URL. Its documents belong to `user_id`."""

    __tablename__ = "sync_source"
    __table_args__ = (UniqueConstraint("namespace_id", "location"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespace.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    location: Mapped[str] = mapped_column(Text)


class SyncItem(Base):
    """A file of a source as it was read. While size and `stamp` stay the same, it is not opened again.

    `doc_id` is its document; null if that was deleted. If the file was `skipped`, that is the reason. If
    `is_made`, the synchronization created the document. `reader` is the version of the parsers
    (`ingest.parsers.READER_VERSION`): a later one may read what was skipped. If `size` is negative, the file
    has another document now, and this one is about to leave the namespace.
    """

    __tablename__ = "sync_item"

    source_id: Mapped[int] = mapped_column(
        ForeignKey("sync_source.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    stamp: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(Text)
    doc_id: Mapped[int | None] = mapped_column(ForeignKey("document.id", ondelete="SET NULL"), index=True)
    is_made: Mapped[bool] = mapped_column(server_default=text("false"))
    skipped: Mapped[str | None] = mapped_column(Text)
    reader: Mapped[int]
