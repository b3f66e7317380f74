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
"""Where a read-only statement runs; a plain connection is the faster choice."""

# TIMESTAMP columns hold UTC and default to now(), so every connection must use UTC.
_SERVER_SETTINGS = {
    "timezone": "UTC",
    "application_name": "luma",
    "jit": "off",
    # Planning a small search takes as long as running it. No plan depends on a value, because each kind of
    # search has its own SQL text.
    "plan_cache_mode": "force_generic_plan",
    # If dead rows or a filter leave too few results, HNSW continues its scan.
    "hnsw.iterative_scan": "relaxed_order",
}
POOL_SIZE = 8
"""Connections of a server process, besides the one that listens for notifications."""
_TRUSTED_SECONDS = 5.0
"""A connection idle for longer than this is checked before use."""


def create_engine(url: str, *, pool_size: int = POOL_SIZE, setting: str = "LUMA_DATABASE_URL") -> AsyncEngine:
    """An asyncpg engine for a libpq URL: `postgresql://…`, with options such as `sslmode`.

    `setting` is the one that the URL comes from, for messages.

    Raises:
        ConfigurationError: the URL is invalid.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError(
            f"{setting} must read postgresql://user:password@host:5432/database, or be unset."
        )
    engine = create_async_engine(
        "postgresql+asyncpg://",
        # asyncpg parses the URL itself: SQLAlchemy would pass sslmode and others as unknown arguments.
        async_creator=partial(connect, url, setting),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        # LIFO: the backend used last has the caches that the next request needs.
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
    """The engine for reads in autocommit: each statement has its own snapshot.

    It saves the messages that begin and end a transaction, which take as long as a dense search.
    """
    return engine.execution_options(isolation_level="AUTOCOMMIT")


async def connect(url: str, setting: str = "LUMA_DATABASE_URL") -> Any:
    """One asyncpg connection to a libpq URL, outside any pool. `setting` is as in `create_engine`.

    Raises:
        ConfigurationError: the URL can't be used.
    """
    try:
        return await asyncpg.connect(url, server_settings=_SERVER_SETTINGS)
    except asyncpg.ClientConfigurationError as error:
        raise ConfigurationError(f"{setting} can't be used: {error}.") from None
    except ValueError:
        # The original message would show part of the URL, possibly of its password.
        raise ConfigurationError(
            f"{setting} is not a valid URL of libpq. Characters such as # / ? @ in its password "
            "must be percent-encoded, e.g. %23 for #."
        ) from None


def _watch(engine: AsyncEngine) -> None:
    """Never hand out a connection that is closed, or found broken after idling.

    SQLAlchemy's own check costs three round trips before each use.
    """
    dialect = engine.dialect

    @event.listens_for(engine.sync_engine, "checkin")
    def rest(_: Any, record: Any) -> None:
        record.info["rests"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def wake(connection: Any, record: Any, _: Any) -> None:
        # asyncpg notices at once when the server closes the connection, but not when the network drops it.
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError
        rests = record.info.pop("rests", None)
        if rests is not None and time.monotonic() - rests > _TRUSTED_SECONDS:
            try:
                dialect.do_ping(connection)
            except (dialect.loaded_dbapi.Error, OSError) as error:
                raise InvalidatePoolError from error
