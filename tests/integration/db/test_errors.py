"""Real errors of a real database: outages, conflicts and bugs."""

import asyncio
import logging
from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from luma_rag.db import errors
from luma_rag.db.embedded import as_superuser
from luma_rag.db.errors import OutageLog, as_luma_error, reason
from luma_rag.db.session import create_engine
from luma_rag.errors import ConcurrentChangeError, DeadlockError, UnavailableError
from luma_rag.runtime import Store
from tests.databases import run_on

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'the reason' USING ERRCODE = '{}'; END $$"


@pytest.fixture
async def engine(database: str) -> AsyncGenerator[AsyncEngine]:
    """One connection to the test's database."""
    engine = create_engine(database, pool_size=1)
    yield engine
    await engine.dispose()


async def failure(engine: AsyncEngine, *statements: str) -> Exception:
    """The error of the last statement."""
    try:
        async with engine.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement))
    except Exception as error:
        return error
    raise AssertionError("no statement failed")


@pytest.mark.parametrize(
    "state",
    [
        *("08006", "25006", "28P01", "53100", "53200", "53300", "53400", "55P03"),
        *("57014", "57P01", "57P02", "57P03", "58030", "40001", "40P01"),
    ],
)
async def test_what_passes_is_unavailable(engine: AsyncEngine, state: str) -> None:
    error = await failure(engine, RAISE.format(state))
    found = as_luma_error(error)
    assert isinstance(found, UnavailableError)
    assert isinstance(found, DeadlockError) == (state == "40P01")
    assert found.retry_after
    assert "the reason" not in found.detail
    assert reason(error) == f"the reason (SQLSTATE {state})"


@pytest.mark.parametrize("state", ["22001", "23502", "23505", "23514", "42P01", "42501", "P0001", "XX001"])
async def test_the_rest_is_a_bug(engine: AsyncEngine, state: str) -> None:
    assert as_luma_error(await failure(engine, RAISE.format(state))) is None


async def test_full_disk_of_temporary_files(engine: AsyncEngine, database: str) -> None:
    async with engine.connect() as connection:
        role = await connection.scalar(text("SELECT current_user"))
    await run_on(as_superuser(database), f"GRANT SET ON PARAMETER temp_file_limit TO {role}")
    sort = "SELECT count(*) FROM (SELECT n FROM generate_series(1, 300000) n ORDER BY -n OFFSET 1) AS sorted"
    error = await failure(engine, "SET LOCAL temp_file_limit = 64", "SET LOCAL work_mem = '64kB'", sort)
    assert "53400" in reason(error)
    assert isinstance(as_luma_error(error), UnavailableError)


async def test_terminated_connection(engine: AsyncEngine) -> None:
    error = await failure(engine, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert isinstance(as_luma_error(error), UnavailableError)


async def test_connection_closed_under_its_user(engine: AsyncEngine, database: str) -> None:
    async with engine.connect() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
        await run_on(database, f"SELECT pg_terminate_backend({pid}, 5000)")
        await asyncio.sleep(0.05)
        with pytest.raises(Exception, match=r".+") as caught:
            await connection.execute(text("SELECT 1"))
    assert isinstance(as_luma_error(caught.value), UnavailableError)


async def test_exhausted_pool(database: str) -> None:
    engine = create_engine(database, pool_size=1)
    engine.pool._timeout = 0.05  # type: ignore[attr-defined]
    async with engine.connect():
        error = await failure(engine, "SELECT 1")
    assert "connections are busy" in as_luma_error(error).detail
    await engine.dispose()


async def test_all_connections_of_the_server_taken(engine: AsyncEngine, database: str) -> None:
    name = make_url(database).database
    try:
        await run_on(database, f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        error = await failure(engine, "SELECT 1")
    finally:
        await run_on(as_superuser(database), f"ALTER DATABASE {name} CONNECTION LIMIT -1")
    assert "53300" in reason(error)
    assert isinstance(as_luma_error(error), UnavailableError)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "/?host=/nowhere", "localhost/luma?host=/nowhere"])
async def test_no_server(address: str) -> None:
    engine = create_engine(f"postgresql://luma@{address}")
    assert isinstance(as_luma_error(await failure(engine, "SELECT 1")), UnavailableError)
    await engine.dispose()


async def test_reference_to_a_row_deleted_meanwhile_is_a_conflict(store: Store) -> None:
    missing = "INSERT INTO namespace_auth (user_id, namespace_id, auth_level) VALUES (77, 77, 1)"
    assert isinstance(as_luma_error(await failure(store.engine, missing)), ConcurrentChangeError)


async def test_other_violations_are_bugs(store: Store) -> None:
    alice = (
        "INSERT INTO users (username, email, password, role) VALUES ('alice', 'a@example.com', 'x', 'user')"
    )
    assert as_luma_error(await failure(store.engine, alice, alice)) is None
    own = "CREATE TABLE own (id int PRIMARY KEY, parent int REFERENCES own)"
    assert as_luma_error(await failure(store.engine, own, "INSERT INTO own VALUES (1, 2)")) is None
    assert as_luma_error(await failure(store.engine, own, "INSERT INTO own VALUES (NULL)")) is None
    assert as_luma_error(RuntimeError("a bug")) is None


async def test_repeated_outages_are_logged_briefly(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, starting = [await failure(engine, RAISE.format(state)) for state in ("53100", "57P03")]
    log = OutageLog(logging.getLogger("luma_rag"))
    for _ in range(1000):
        log.add("GET /", full)
        log.add("GET /", starting)
    assert [record.getMessage() for record in caplog.records] == [
        "GET / failed: the reason (SQLSTATE 53100)",
        "GET / failed: the reason (SQLSTATE 57P03)",
    ]
    assert not any(record.exc_info for record in caplog.records)
    monkeypatch.setattr(errors, "_LOG_EVERY_SECONDS", 0.0)
    log.add("GET /", full)
    assert caplog.records[-1].getMessage() == (
        "GET / failed: the reason (SQLSTATE 53100) (999 more failures for this reason since the last line)"
    )
