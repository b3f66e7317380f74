"""Readiness with a real database that is really unwell."""

import logging
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from luma_rag import runtime as runtime_module
from luma_rag.db import migrate
from luma_rag.db.embedded import as_superuser
from luma_rag.documents import ingestion
from luma_rag.runtime import Runtime
from tests import factories
from tests.api import Api
from tests.databases import run_on

OK = {"embedder": "ok", "database": "ok", "disk": "ok", "workers": "ok"}


async def _checks(api: Api, status: int) -> dict[str, str]:
    answer = await (await api.anonymous()).get("/health/ready")
    assert answer.status_code == status
    assert ("retry-after" in answer.headers) == (status == 503)
    checks: dict[str, str] = answer.json()["checks"]
    return checks


async def test_a_ready_service(api: Api) -> None:
    assert await _checks(api, 200) == OK


async def test_a_check_is_one_statement_and_reads_no_migrations(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _checks(api, 200)
    monkeypatch.setattr(migrate.ScriptDirectory, "from_config", None)
    with _recorded(api.runtime) as statements:
        assert await _checks(api, 200) == OK
    assert len(statements) == 1


@contextmanager
def _recorded(runtime: Runtime) -> Iterator[list[str]]:
    statements: list[str] = []

    def record(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(runtime.engine.sync_engine, "before_cursor_execute", record)
    yield statements
    event.remove(runtime.engine.sync_engine, "before_cursor_execute", record)


async def test_another_schema(api: Api) -> None:
    async with api.runtime.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'other'"))
    assert "restart Luma" in (await _checks(api, 503))["database"]


async def test_a_server_without_free_connections(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    async with api.runtime.engine.connect() as connection:
        name = await connection.scalar(text("SELECT current_database()"))
    await api.runtime.engine.dispose()
    try:
        await run_on(api.runtime.url, f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        for _ in range(3):
            found = await _checks(api, 503)
    finally:
        await run_on(as_superuser(api.runtime.url), f"ALTER DATABASE {name} CONNECTION LIMIT -1")
    assert found == OK | {
        "database": "can't be used: the log of Luma has the reason",
        "workers": "unknown",
    }
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == 1
    assert "53300" in logged[0].getMessage()
    assert logged[0].exc_info is None
    assert await _checks(api, 200) == OK


async def test_a_pool_without_free_connections(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_module, "_CONNECTION_SECONDS", 0.1)
    async with AsyncExitStack() as stack:
        for _ in range(api.runtime.engine.pool.size()):  # type: ignore[attr-defined]
            await stack.enter_async_context(api.runtime.engine.connect())
        assert "too many requests" in (await _checks(api, 503))["database"]
    assert await _checks(api, 200) == OK


async def test_a_full_disk(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_module, "MIN_FREE_BYTES", 2**60)
    assert "MB are free in the data directory: free at least" in (await _checks(api, 503))["disk"]


async def test_a_missing_folder_of_files(api: Api) -> None:
    files = api.runtime.storage.path("")
    files.rename(files.with_name("away"))
    assert "can't be used: No such file" in (await _checks(api, 503))["disk"]
    files.with_name("away").rename(files)
    assert await _checks(api, 200) == OK


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_of_files_that_is_read_only(api: Api) -> None:
    files = api.runtime.storage.path("")
    files.chmod(0o500)
    assert "is read-only" in (await _checks(api, 503))["disk"]
    files.chmod(0o700)


async def test_documents_that_wait_without_a_worker(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    document = factories.pdf(tmp_path / "b.pdf", "Bees like clover.")
    files = {"file": ("b.pdf", document.read_bytes())}
    added = await alice.post("/api/documents", data={"namespace_id": str(namespace)}, files=files)
    assert added.is_success
    # A worker may be on its way.
    assert await _checks(api, 200) == OK
    async with api.runtime.sessions.begin() as session:
        queued = await session.execute(
            text("UPDATE ingestion SET updated_at = updated_at - interval '1 minute' WHERE state = 'queued'")
        )
    assert queued.rowcount == 1  # type: ignore[attr-defined]
    assert "no worker runs" in (await _checks(api, 503))["workers"]
    async with api.runtime.engine.connect() as connection:
        await ingestion.register_worker(connection)
        assert await _checks(api, 200) == OK
        await connection.invalidate()
