"""Changes of existing rows that run beside the service."""

from datetime import datetime

from sqlalchemy import BigInteger, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from luma_rag.db.base import Base


class Backfill(Base):
    """A backfill that a migration has started. All rows with keys up to `position` are done."""

    __tablename__ = "backfill"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
