"""The declarative base, constraint names, and shared column types."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import TIMESTAMP, Dialect, MetaData, TypeDecorator
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCTimestamp(TypeDecorator[datetime]):
    """`TIMESTAMP` without time zone, in UTC; always an aware UTC datetime in Python."""

    impl = TIMESTAMP
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware datetime to naive UTC."""
        return value.astimezone(UTC).replace(tzinfo=None) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Naive UTC to aware datetime."""
        return value.replace(tzinfo=UTC) if value is not None else None


class Base(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UTCTimestamp}  # noqa: RUF012 - SQLAlchemy reads it from the class

    def __repr__(self) -> str:
        # Only the key: a repr ends up in logs, and rows hold contracts and password hashes.
        key: Any = tuple(getattr(self, column.name, None) for column in self.__table__.primary_key)
        return f"{type(self).__name__}{key}"


def utcnow() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)
