"""The listener comes back after any error."""

import asyncio
import logging
from typing import Any

import pytest

from luma_rag.db import listener as listener_module
from luma_rag.db.listener import Listener
from luma_rag.db.session import connect
from luma_rag.errors import ConfigurationError
from tests.databases import run_on


async def test_no_error_ends_the_listener(
    database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener_module, "_PAUSE_SECONDS", 0.0)
    errors = [ConfigurationError("no"), RuntimeError("a bug"), *[ConnectionRefusedError("nobody")] * 5]
    connections: list[Any] = []

    async def connecting() -> Any:
        if errors:
            raise errors.pop()
        connections.append(await connect(database))
        return connections[-1]

    news: asyncio.Queue[str | None] = asyncio.Queue()
    listener = Listener(connecting, "news")
    async with listener.subscribed(news.put_nowait), asyncio.timeout(30):
        # A restart of the server ends the connection.
        for number in (1, 2):
            assert await news.get() is None
            await run_on(database, f"NOTIFY news, '{number}'")
            assert await news.get() == str(number)
            await run_on(database, f"SELECT pg_terminate_backend({connections[-1].get_server_pid()})")
    await listener.aclose()
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.getMessage().partition(" failed: ")[2] for record in logged[:3]] == [
        "nobody",
        "a bug",
        "no",
    ]
    assert not any(record.exc_info for record in logged)
