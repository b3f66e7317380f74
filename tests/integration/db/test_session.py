"""Accepted database URLs, and the errors for others."""

import asyncio

import pytest
from sqlalchemy import text

from luma_rag.db import session
from luma_rag.db.session import create_engine, reading
from luma_rag.errors import ConfigurationError
from luma_rag.runtime import open_store
from luma_rag.settings import Settings


async def test_libpq_options_are_supported_and_times_are_utc(database: str) -> None:
    engine = create_engine(f"{database}&sslmode=prefer&application_name=other")
    async with engine.connect() as connection:
        assert await connection.scalar(text("SHOW timezone")) == "UTC"
    await engine.dispose()


@pytest.mark.parametrize(
    "url", ["mysql://localhost/luma", "localhost:5432", "postgresql+asyncpg://localhost/x"]
)
def test_other_urls_are_rejected_with_the_expected_format(url: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://user:password@host:5432/database"):
        create_engine(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://luma@127.0.0.1:9/luma", "Check the address"),
        ("postgresql://luma@127.0.0.1:port/luma", "percent-encoded"),
        ("postgresql://luma@127.0.0.1:9/luma?sslmode=maybe", "sslmode"),
    ],
)
async def test_unreachable_database_is_named(url: str, message: str, settings: Settings) -> None:
    elsewhere = Settings(data_dir=settings.data_dir, database_url=url)
    with pytest.raises(ConfigurationError, match="LUMA_DATABASE_URL") as caught:
        async with open_store(elsewhere):
            pass
    assert message in caught.value.detail


async def test_closed_connection_is_replaced(database: str) -> None:
    engine, other = create_engine(database, pool_size=1), create_engine(database, pool_size=1)
    async with engine.connect() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with other.connect() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    # The event loop reads the end of the stream in its next iteration.
    await asyncio.sleep(0.05)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) != pid
    await engine.dispose()
    await other.dispose()


async def test_idle_connection_is_tested_and_replaced_if_lost(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_TRUSTED_SECONDS", -1.0)
    engine = create_engine(database, pool_size=1)
    pids = []
    for lost in (False, False, True):
        if lost:
            monkeypatch.setattr(engine.dialect, "do_ping", _fail)
        async with engine.connect() as connection:
            pids.append(await connection.scalar(text("SELECT pg_backend_pid()")))
    assert pids[0] == pids[1] != pids[2]
    await engine.dispose()


def _fail(_: object) -> None:
    raise TimeoutError


async def test_autocommit_engine_does_not_affect_the_other_engine(database: str) -> None:
    engine = create_engine(database, pool_size=1)
    # Within a transaction, now() is constant.
    same = text("SELECT now() = :before")
    for tested, expected in ((reading(engine), False), (engine, True), (reading(engine), False)):
        async with tested.connect() as connection:
            before = await connection.scalar(text("SELECT now()"))
            assert await connection.scalar(same, {"before": before}) is expected
    await engine.dispose()
