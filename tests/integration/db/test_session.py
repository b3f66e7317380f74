"""What the URL of the database may be, and what is said where it is none."""

import asyncio

import pytest
from sqlalchemy import text

from luma_rag.db import session
from luma_rag.db.session import create_engine, reading
from luma_rag.errors import ConfigurationError
from luma_rag.runtime import open_store
from luma_rag.settings import Settings


async def test_options_of_libpq_are_understood_and_times_are_utc(database: str) -> None:
    engine = create_engine(f"{database}&sslmode=prefer&application_name=other")
    async with engine.connect() as connection:
        assert await connection.scalar(text("SHOW timezone")) == "UTC"
    await engine.dispose()


@pytest.mark.parametrize(
    "url", ["mysql://localhost/luma", "localhost:5432", "postgresql+asyncpg://localhost/x"]
)
def test_another_kind_of_url_is_refused_with_the_form_that_is_meant(url: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://user:password@host:5432/database"):
        create_engine(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://luma@127.0.0.1:9/luma", "Check the address"),
        ("postgresql://luma@127.0.0.1:port/luma", "percent-encoded"),
        ("postgresql://luma@127.0.0.1:9/luma?sslmode=maybe", "sslmode"),
    ],
)
async def test_a_database_that_is_not_there_is_named(url: str, said: str, settings: Settings) -> None:
    elsewhere = Settings(data_dir=settings.data_dir, database_url=url)
    with pytest.raises(ConfigurationError, match="LUMA_DATABASE_URL") as caught:
        async with open_store(elsewhere):
            pass
    assert said in caught.value.detail


async def test_a_connection_that_the_server_has_ended_is_replaced(database: str) -> None:
    engine, other = create_engine(database, pool_size=1), create_engine(database, pool_size=1)
    async with engine.connect() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with other.connect() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    # The end of the stream is read when the event loop next comes round.
    await asyncio.sleep(0.05)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) != pid
    await engine.dispose()
    await other.dispose()


async def test_a_connection_that_has_rested_is_tried_and_replaced_where_it_is_lost(
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


async def test_a_reading_engine_needs_no_transaction_and_leaves_the_other_its_own(database: str) -> None:
    engine = create_engine(database, pool_size=1)
    # Inside a transaction now() stands still.
    same = text("SELECT now() = :before")
    for asked, expected in ((reading(engine), False), (engine, True), (reading(engine), False)):
        async with asked.connect() as connection:
            before = await connection.scalar(text("SELECT now()"))
            assert await connection.scalar(same, {"before": before}) is expected
    await engine.dispose()
