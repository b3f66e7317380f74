"""The engine and its sessions."""

from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

Sessions = async_sessionmaker[AsyncSession]


def create_engine(url: str, *, pool_size: int = 8) -> AsyncEngine:
    """An engine on asyncpg for a libpq URL (`postgresql://…`).

    Every connection speaks UTC, since the TIMESTAMP columns hold UTC and have `now()` as their default.
    """
    return create_async_engine(
        asyncpg_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_pre_ping=True,
        connect_args={"server_settings": {"timezone": "UTC", "application_name": "luma", "jit": "off"}},
    )


def create_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def asyncpg_url(url: str) -> URL:
    """The same database for SQLAlchemy on asyncpg, whichever driver the URL named."""
    return make_url(url).set(drivername="postgresql+asyncpg")
