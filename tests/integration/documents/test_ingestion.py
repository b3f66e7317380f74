"""The queue: who takes what, what becomes of it, and what a dead worker leaves behind."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select, text

from luma_rag.access import Principal
from luma_rag.db.base import utcnow
from luma_rag.db.models import Document, Ingestion, Namespace, User
from luma_rag.db.session import connect
from luma_rag.documents import ingestion
from luma_rag.runtime import Store
from luma_rag.worker import _registered_worker
from tests.conftest import run_on


@pytest.fixture
async def documents(store: Store) -> list[int]:
    """The ids of two documents, the first queued for two namespaces, the second for one."""
    async with store.sessions.begin() as session:
        user = User(username="alice", email="a@example.com", password="-", role="user")
        session.add(user)
        await session.flush()
        spaces = [Namespace(user_id=user.id, name=f"n{i}") for i in range(2)]
        made = [
            Document(
                user_id=user.id,
                title=f"d{i}",
                file_path="p",
                file_metadata={"sha256": str(i)},
                type="pdf",
                uploaded_at=utcnow(),
            )
            for i in range(2)
        ]
        session.add_all([*spaces, *made])
        await session.flush()
        for document, space in ((made[0], spaces[0]), (made[1], spaces[0]), (made[0], spaces[1])):
            await ingestion.enqueue(session, document.id, space.id)
        return [document.id for document in made]


@asynccontextmanager
async def worker(store: Store) -> AsyncGenerator[int]:
    """The number of a worker that lives as long as the context."""
    async with store.engine.connect() as connection:
        number = await ingestion.register_worker(connection)
        await connection.commit()
        yield number
        # The end of a process ends its connections; the pool would keep this one.
        await connection.invalidate()


async def states(store: Store) -> list[tuple[str, int]]:
    async with store.sessions.begin() as session:
        rows = await session.execute(
            select(Ingestion.state, Ingestion.attempts).order_by(Ingestion.doc_id, Ingestion.id)
        )
        return [(state, attempts) for state, attempts in rows]


async def claim(store: Store, number: int) -> int | None:
    async with store.sessions.begin() as session:
        claimed = await ingestion.claim(session, number)
        return claimed.doc_id if claimed is not None else None


async def test_a_document_is_taken_once_with_all_its_namespaces(store: Store, documents: list[int]) -> None:
    async with worker(store) as one, worker(store) as two:
        taken = await asyncio.gather(*(claim(store, number) for number in (one, two, one, two)))
        assert sorted(doc_id for doc_id in taken if doc_id is not None) == documents
        assert await states(store) == [("running", 1)] * 3


async def test_a_document_is_queued_once_for_a_namespace(store: Store, documents: list[int]) -> None:
    async with store.sessions.begin() as session:
        first = (await session.scalars(select(Ingestion).order_by(Ingestion.id))).first()
        assert first is not None
        again, is_new = await ingestion.enqueue(session, first.doc_id, first.namespace_id)
        assert again.id == first.id
        assert not is_new


async def test_what_a_dead_worker_left_goes_back_and_fails_in_the_end(
    store: Store, documents: list[int]
) -> None:
    for attempt in range(1, ingestion.MAX_ATTEMPTS + 1):
        async with worker(store) as number:
            assert await claim(store, number) == documents[0]
            async with store.sessions.begin() as session:
                await ingestion.recover(session)
            # Alive, it keeps what it has.
            assert (await states(store))[0] == ("running", attempt)
        async with store.sessions.begin() as session:
            await ingestion.recover(session)
    assert await states(store) == [("failed", 3), ("failed", 3), ("queued", 0)]
    async with store.sessions.begin() as session:
        errors = await session.scalars(select(Ingestion.error).where(Ingestion.state == "failed"))
        assert all("died 3 times" in (error or "") for error in errors)


async def test_a_worker_that_stops_gives_back_without_counting_it(store: Store, documents: list[int]) -> None:
    async with worker(store) as number:
        await claim(store, number)
        async with store.sessions.begin() as session:
            await ingestion.release(session, number)
    assert await states(store) == [("queued", 0)] * 3


@pytest.mark.parametrize(("can_retry", "state"), [(True, "queued"), (False, "failed")])
async def test_a_failure_is_tried_again_where_that_may_help(
    store: Store, documents: list[int], can_retry: bool, state: str
) -> None:
    async with worker(store) as number:
        await claim(store, number)
        async with store.sessions.begin() as session:
            await ingestion.fail(session, number, documents[0], "The disk is full.", can_retry=can_retry)
    assert await states(store) == [(state, 1), (state, 1), ("queued", 0)]


async def test_a_worker_reports_only_what_it_holds(store: Store, documents: list[int]) -> None:
    async with worker(store) as number, worker(store) as other:
        await claim(store, number)
        async with store.sessions.begin() as session:
            await ingestion.report(session, other, documents[0], "embedding", 0.9)
            await ingestion.fail(session, other, documents[0], "not mine", can_retry=False)
            await ingestion.report(session, number, documents[0], "embedding", 0.5)
        async with store.sessions.begin() as session:
            principal = Principal(1, "admin")
            first = await session.scalar(select(Ingestion.id).order_by(Ingestion.id).limit(1))
            seen = await ingestion.get(session, principal, first or 0)
        assert (seen.state, seen.stage, seen.progress) == ("running", "embedding", 0.5)


async def test_looking_for_dead_workers_wakes_nobody_where_there_are_none(
    store: Store, documents: list[int]
) -> None:
    heard: list[object] = []
    async with store.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.add_listener(ingestion.CHANNEL, lambda *news: heard.append(news))
        async with store.sessions.begin() as session:
            await ingestion.recover(session)
        await asyncio.sleep(0.2)
        assert heard == []
        async with worker(store) as number:
            await claim(store, number)
        async with store.sessions.begin() as session:
            await ingestion.recover(session)
        await asyncio.sleep(0.2)
        assert len(heard) == 1
        await connection.invalidate()


async def test_a_worker_ends_quietly_where_the_database_is_gone_before_it(
    store: Store, documents: list[int], server_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def go_away() -> None:
        connection = await connect(server_url)
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name
        )
        await connection.close()

    name = await _name_of(store)
    async with _registered_worker(store) as ending_worker:
        assert await claim(store, ending_worker._worker_id) == documents[0]
        # The event loop stands still meanwhile, so that the worker has not yet seen it.
        ending = threading.Thread(target=asyncio.run, args=(go_away(),))
        ending.start()
        ending.join()
    assert "closed before the worker" in caplog.text
    await run_on(server_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    async with worker(store) as number:
        async with store.sessions.begin() as session:
            await ingestion.recover(session)
        assert await claim(store, number) == documents[0]


async def test_a_worker_that_can_not_give_back_says_so(
    store: Store, documents: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(ingestion, "release", fail)
    with pytest.raises(RuntimeError):
        async with _registered_worker(store) as failing:
            assert await claim(store, failing._worker_id) == documents[0]
    # Nobody uses its connection any more: the lock on its number is free, and what it held goes to others.
    async with asyncio.timeout(5):
        while (await states(store))[0] != ("queued", 1):
            async with store.sessions.begin() as session:
                await ingestion.recover(session)


async def _name_of(store: Store) -> str:
    async with store.engine.connect() as connection:
        return str(await connection.scalar(text("SELECT current_database()")))
