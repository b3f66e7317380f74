"""The engine and its sessions."""

import time
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from luma_rag.errors import ConfigurationError

Sessions = async_sessionmaker[AsyncSession]
Reader = AsyncSession | AsyncConnection
"""What a statement that reads is asked of; a connection alone is the quicker."""

# The TIMESTAMP columns hold UTC and have now() as their default: every connection has to speak UTC.
_SERVER_SETTINGS = {
    "timezone": "UTC",
    "application_name": "luma",
    "jit": "off",
    # To plan a search takes as long as a small one itself. No plan depends on a value: each kind of search
    # has a text of its own.
    "plan_cache_mode": "force_generic_plan",
    # Where dead rows or a filter leave too few, HNSW looks further.
    "hnsw.iterative_scan": "relaxed_order",
}
_TRUSTED_SECONDS = 5.0
"""A connection that has rested for longer is asked whether it still works before it is used."""


def create_engine(url: str, *, pool_size: int = 8) -> AsyncEngine:
    """An engine on asyncpg for a libpq URL: `postgresql://…`, with options such as `sslmode`.

    Raises:
        ConfigurationError: it is no such URL.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError(
            "LUMA_DATABASE_URL must read postgresql://user:password@host:5432/database, or be unset to use "
            "the embedded database."
        )
    engine = create_async_engine(
        "postgresql+asyncpg://",
        # asyncpg reads the URL itself: SQLAlchemy would hand it sslmode and others as unknown arguments.
        async_creator=partial(connect, url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        # The one used last: its process still has in the caches what the next one needs.
        pool_use_lifo=True,
        # Errors end up in logs, and parameters hold questions, names and hashes.
        hide_parameters=True,
    )
    _watch(engine)
    return engine


def create_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def reading(engine: AsyncEngine) -> AsyncEngine:
    """The engine for what only reads: each statement sees the database as it is when it begins.

    It spares the messages that begin and end a transaction, which take as long as a dense search.
    """
    return engine.execution_options(isolation_level="AUTOCOMMIT")


async def connect(url: str) -> Any:
    """One connection of asyncpg's to a libpq URL, outside of any pool.

    Raises:
        ConfigurationError: the URL can't be used.
    """
    try:
        return await asyncpg.connect(url, server_settings=_SERVER_SETTINGS)
    except asyncpg.ClientConfigurationError as error:
        raise ConfigurationError(f"LUMA_DATABASE_URL can't be used: {error}.") from None
    except ValueError:
        # Its words would show a part of the URL, which may be one of the password.
        raise ConfigurationError(
            "LUMA_DATABASE_URL is no URL as libpq understands it. Characters such as # / ? @ in its password "
            "must be percent-encoded, e.g. %23 for #."
        ) from None


def _watch(engine: AsyncEngine) -> None:
    """Never hand out a connection that is known, or after a rest found, to be broken.

    SQLAlchemy's own look is three messages to the server, before each use.
    """
    dialect = engine.dialect

    @event.listens_for(engine.sync_engine, "checkin")
    def rest(_: Any, record: Any) -> None:
        record.info["rests"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def wake(connection: Any, record: Any, _: Any) -> None:
        # asyncpg sees at once when the server closes the connection; where the network lost it, nobody does.
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError
        rests = record.info.pop("rests", None)
        if rests is not None and time.monotonic() - rests > _TRUSTED_SECONDS:
            try:
                dialect.do_ping(connection)
            except (dialect.loaded_dbapi.Error, OSError) as error:
                raise InvalidatePoolError from error
