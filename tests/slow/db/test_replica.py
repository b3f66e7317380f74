"""Searches on a real streaming replica."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from luma_rag import namespaces
from luma_rag.access import Principal
from luma_rag.cli.upload import upload
from luma_rag.db import replica
from luma_rag.db.models import Namespace, User
from luma_rag.db.session import connect
from luma_rag.errors import NotFoundError
from luma_rag.runtime import Runtime, open_runtime
from luma_rag.settings import Settings
from luma_rag.worker import drain
from tests import factories
from tests.slow.db.replication import Replication, replication


@pytest.fixture
def servers() -> Generator[Replication]:
    with replication() as started:
        yield started


@pytest.fixture
async def runtime(servers: Replication, tmp_path: Path) -> AsyncGenerator[Runtime]:
    settings = Settings(
        data_dir=tmp_path, database_url=servers.primary_url, database_read_url=servers.replica_url
    )
    async with open_runtime(settings) as opened:
        yield opened


async def until(condition: Callable[[], Awaitable[bool]]) -> float:
    """How long it takes until a condition holds."""
    began = time.monotonic()
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.05)
    return time.monotonic() - began


async def test_searches_use_a_replica_that_is_not_far_behind(
    runtime: Runtime, servers: Replication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "MOST_LAG_SECONDS", 2.0)
    async with runtime.sessions.begin() as session:
        users = [User(username=name, email=name, password="-", role="user") for name in ("alice", "bob")]
        session.add_all(users)
        await session.flush()
        alice, bob = (Principal(user.id, "user") for user in users)
        namespace_id = (await namespaces.create(session, alice, "papers", None, is_public=True)).id
    reads = runtime.retriever._engine

    async def add(name: str, sentence: str) -> None:
        path = factories.pdf(tmp_path / f"{name}.pdf", sentence)
        await upload(runtime, alice, path, [namespace_id])
        await drain(runtime, runtime.embedder)

    async def finds(word: str, principal: Principal = alice) -> bool:
        found = await runtime.retriever.search(principal, namespace_id, word, k=3, mode="lexical")
        return any(word in hit.text for hit in found.hits)

    async def is_on_replica() -> bool:
        async with reads.connect() as connection:
            return bool(await connection.scalar(text("SELECT pg_is_in_recovery()")))

    await add("first", "The penguin eats fish.")
    await until(is_on_replica)
    await until(lambda: finds("penguin"))
    assert await finds("penguin", bob)

    control = await connect(servers.replica_url)
    await control.execute("SELECT pg_wal_replay_pause()")
    await until(lambda: paused(control))
    await add("second", "The walrus sleeps.")
    async with runtime.sessions.begin() as session:
        await session.execute(update(Namespace).values(is_public=False))
    revoked = time.monotonic()
    assert await is_on_replica()
    assert not await finds("walrus")
    assert await finds("penguin", bob), "the right is still there on the replica"

    async def is_refused() -> bool:
        try:
            return not await finds("penguin", bob)
        except NotFoundError:
            return True

    await until(is_refused)
    # Two seconds behind, at most, and a look each second.
    assert time.monotonic() - revoked < 2.0 + 3.0
    assert await finds("walrus")
    assert not await is_on_replica()

    await control.execute("SELECT pg_wal_replay_resume()")
    await until(is_on_replica)
    assert await finds("walrus")
    await control.close()
    servers.stop_replica()
    # A search on a connection that just breaks fails, as on the primary.
    with suppress(DBAPIError):
        await finds("walrus")
    await until(lambda: finds("walrus"))
    assert not await is_on_replica()


async def paused(control: object) -> bool:
    state = await control.fetchval("SELECT pg_get_wal_replay_pause_state()")  # type: ignore[attr-defined]
    return bool(state == "paused")
