"""The engine and its sessions."""

from functools import partial
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from luma_rag.errors import ConfigurationError

Sessions = async_sessionmaker[AsyncSession]

# The TIMESTAMP columns hold UTC and have now() as their default: every connection has to speak UTC.
_SERVER_SETTINGS = {
    "timezone": "UTC",
    "application_name": "luma",
    "jit": "off",
    # As many as search asks for and some more; where dead rows or a filter leave too few, HNSW looks further.
    "hnsw.ef_search": "100",
    "hnsw.iterative_scan": "relaxed_order",
}


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
    return create_async_engine(
        "postgresql+asyncpg://",
        # asyncpg reads the URL itself: SQLAlchemy would hand it sslmode and others as unknown arguments.
        async_creator=partial(connect, url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_pre_ping=True,
        # Errors end up in logs, and parameters hold questions, names and hashes.
        hide_parameters=True,
    )


def create_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


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
