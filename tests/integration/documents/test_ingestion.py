"""The queue: leases, outcomes, and recovery after the death of a worker."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import func, select, text, update

from ingest.pipeline import Stage
from luma_rag.access import Principal
from luma_rag.db.base import utcnow
from luma_rag.db.models import Document, Ingestion, Namespace, User
from luma_rag.db.models import Worker as WorkerRow
from luma_rag.db.session import connect
from luma_rag.documents import claims, ingestion, workers
from luma_rag.errors import ConflictError
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
        created = [
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
        session.add_all([*spaces, *created])
        await session.flush()
        for document, space in ((created[0], spaces[0]), (created[1], spaces[0]), (created[0], spaces[1])):
            await ingestion.enqueue(session, document.id, space.id)
        return [document.id for document in created]


@asynccontextmanager
async def worker(store: Store) -> AsyncGenerator[int]:
    """The number of a worker that lives as long as the context."""
    async with store.engine.connect() as connection:
        number = await ingestion.register_worker(connection)
        await connection.commit()
        yield number
        # The end of a process closes its connections; the pool would keep this one open.
        await connection.invalidate()


async def states(store: Store) -> list[tuple[str, int]]:
    async with store.sessions.begin() as session:
        rows = await session.execute(
            select(Ingestion.state, Ingestion.attempts).order_by(Ingestion.doc_id, Ingestion.id)
        )
        return [(state, attempts) for state, attempts in rows]


async def claim(store: Store, number: int, only: list[int] | None = None) -> int | None:
    async with store.sessions.begin() as session:
        claimed = await claims.claim(session, number, only)
        return claimed.doc_id if claimed is not None else None


async def test_document_is_leased_once_with_all_its_namespaces(store: Store, documents: list[int]) -> None:
    async with worker(store) as one, worker(store) as two:
        taken = await asyncio.gather(*(claim(store, number) for number in (one, two, one, two)))
        assert sorted(doc_id for doc_id in taken if doc_id is not None) == documents
        assert await states(store) == [("running", 1)] * 3


async def test_document_is_queued_once_per_namespace(store: Store, documents: list[int]) -> None:
    async with store.sessions.begin() as session:
        first = (await session.scalars(select(Ingestion).order_by(Ingestion.id))).first()
        assert first is not None
        again, is_new = await ingestion.enqueue(session, first.doc_id, first.namespace_id)
        assert again.id == first.id
        assert not is_new


async def test_jobs_of_a_dead_worker_are_requeued_and_eventually_fail(
    store: Store, documents: list[int]
) -> None:
    for attempt in range(1, ingestion.MAX_DEATHS + 1):
        async with worker(store) as number:
            if attempt > ingestion.MAX_ATTEMPTS:
                # By now it is not the first in the queue any more.
                assert await claim(store, number, [documents[0]]) is None
                await make_due(store)
            assert await claim(store, number, [documents[0]]) == documents[0]
            async with store.sessions.begin() as session:
                await ingestion.recover(session)
            # A live worker keeps its jobs.
            assert (await states(store))[0] == ("running", attempt)
        async with store.sessions.begin() as session:
            await ingestion.recover(session)
    deaths = ingestion.MAX_DEATHS
    assert await states(store) == [("failed", deaths), ("failed", deaths), ("queued", 0)]
    async with store.sessions.begin() as session:
        errors = await session.scalars(select(Ingestion.error).where(Ingestion.state == "failed"))
        assert all(f"died {deaths} times" in (error or "") for error in errors)


async def test_stopping_worker_returns_jobs_without_counting_an_attempt(
    store: Store, documents: list[int]
) -> None:
    async with worker(store) as number:
        await claim(store, number)
        async with store.sessions.begin() as session:
            await ingestion.release(session, number)
    assert await states(store) == [("queued", 0)] * 3


@pytest.mark.parametrize(("can_retry", "state"), [(True, "queued"), (False, "failed")])
async def test_transient_failures_are_retried(
    store: Store, documents: list[int], can_retry: bool, state: str
) -> None:
    async with worker(store) as number:
        await claim(store, number)
        async with store.sessions.begin() as session:
            await ingestion.fail(session, number, documents[0], "It was stopped.", can_retry=can_retry)
        assert await states(store) == [(state, 1), (state, 1), ("queued", 0)]
        # The document waits, and the others do not.
        assert await claim(store, number) == documents[1]
        assert await claim(store, number) is None
        for attempt in range(2, ingestion.MAX_ATTEMPTS + 1):
            if can_retry:
                await make_due(store)
                assert await claim(store, number) == documents[0]
                async with store.sessions.begin() as session:
                    await ingestion.fail(session, number, documents[0], "It was stopped.", can_retry=True)
                assert (await states(store))[0][1] == attempt
    assert (await states(store))[0][0] == "failed"


async def test_outages_never_count_against_a_document(store: Store, documents: list[int]) -> None:
    seconds = []
    async with worker(store) as number:
        for _ in range(12):
            assert await claim(store, number) == documents[0]
            async with store.sessions.begin() as session:
                await ingestion.defer(session, number, documents[0], "The disk is full.")
            async with store.sessions.begin() as session:
                (waiting,) = await session.scalars(
                    select(Ingestion).where(Ingestion.doc_id == documents[0]).limit(1)
                )
                seen = ingestion.view(waiting)
                now = await session.scalar(select(func.now()))
                assert seen.next_attempt_at is not None
                assert now is not None
                seconds.append((seen.next_attempt_at - now).total_seconds())
            assert (seen.state, seen.error, seen.attempts) == ("queued", "The disk is full.", 0)
            await make_due(store)
    # From seconds to an hour, more or less a quarter.
    assert 3 < seconds[0] < 7
    assert all(2700 - 1 < last < 4500 for last in seconds[-2:])
    assert sorted(seconds[:9:2]) == seconds[:9:2]


async def test_waiting_ingestion_can_be_retried_at_once(store: Store, documents: list[int]) -> None:
    async with worker(store) as number:
        await claim(store, number)
        async with store.sessions.begin() as session:
            await ingestion.defer(session, number, documents[0], "The disk is full.")
        async with store.sessions.begin() as session:
            first = await session.scalar(select(Ingestion.id).order_by(Ingestion.id).limit(1))
            retried = await ingestion.retry(session, Principal(1, "admin"), first or 0)
            assert (retried.state, retried.error, retried.next_attempt_at) == ("queued", None, None)
        assert {await claim(store, number), await claim(store, number)} == set(documents)
        # It runs, and there is nothing to retry.
        async with store.sessions.begin() as session:
            with pytest.raises(ConflictError):
                await ingestion.retry(session, Principal(1, "admin"), first or 0)


async def test_outage_of_the_database_is_no_death_of_a_worker(store: Store, documents: list[int]) -> None:
    for _ in range(ingestion.MAX_ATTEMPTS):
        async with worker(store) as number:
            assert await claim(store, number) == documents[0]
        # Its connection is lost, and another worker takes over.
        async with store.sessions.begin() as session:
            await ingestion.recover(session)
        async with store.sessions.begin() as session:
            await ingestion.forgive(session, number, [documents[0]])
        assert await states(store) == [("queued", 0)] * 3
    # The same where the other worker was about to give up on the document.
    async with store.sessions.begin() as session:
        await session.execute(update(Ingestion).values(attempts=ingestion.MAX_DEATHS - 1))
    async with worker(store) as number:
        assert await claim(store, number) == documents[0]
    async with store.sessions.begin() as session:
        await ingestion.recover(session)
    assert (await states(store))[0] == ("failed", ingestion.MAX_DEATHS)
    async with store.sessions.begin() as session:
        await ingestion.forgive(session, number, [documents[0]])
    assert (await states(store))[0] == ("queued", ingestion.MAX_DEATHS - 1)


async def test_queue_is_served_in_order(store: Store, documents: list[int]) -> None:
    async with store.sessions.begin() as session:
        await session.execute(
            update(Ingestion)
            .where(Ingestion.doc_id == documents[0])
            .values(next_attempt_at=func.localtimestamp() - text("interval '1 s'"))
        )
        await session.execute(
            update(Ingestion)
            .where(Ingestion.doc_id == documents[1])
            .values(next_attempt_at=func.localtimestamp() - text("interval '2 s'"))
        )
    async with worker(store) as number:
        assert [await claim(store, number) for _ in range(3)] == [documents[1], documents[0], None]


async def test_concurrent_workers_never_claim_a_document_twice(store: Store, documents: list[int]) -> None:
    await fill(store, 200)
    stopped = asyncio.Event()

    async def enqueue_more(namespace_id: int) -> None:
        # Further namespaces for documents that are being claimed.
        while not stopped.is_set():
            async with store.sessions.begin() as session:
                waiting = await session.scalars(select(Ingestion.doc_id).order_by(func.random()).limit(5))
                for doc_id in sorted(waiting.all()):
                    await ingestion.enqueue(session, doc_id, namespace_id)

    async def work(number: int) -> int:
        claimed = 0
        while (doc_id := await claim(store, number)) is not None:
            claimed += 1
            async with store.sessions.begin() as session:
                workers = await session.scalars(
                    select(Ingestion.worker).where(Ingestion.doc_id == doc_id, Ingestion.state == "running")
                )
                assert set(workers) == {number}
                await session.execute(
                    update(Ingestion)
                    .where(Ingestion.doc_id == doc_id, Ingestion.worker == number)
                    .values(state="ready", worker=None, stage=None)
                )
        return claimed

    async with store.sessions.begin() as session:
        other = Namespace(user_id=1, name="other")
        session.add(other)
        await session.flush()
    async with asyncio.TaskGroup() as group:
        adding = group.create_task(enqueue_more(other.id))
        workers = [group.create_task(work(number)) for number in range(1, 6)]
        await asyncio.sleep(1)
        stopped.set()
        await adding
        await asyncio.wait(workers)
    assert sum(task.result() for task in workers) >= 200
    assert {state for state, _ in await states(store)} == {"ready"}


async def test_live_workers_send_heartbeats(store: Store) -> None:
    async with store.sessions.begin() as session:
        assert await workers.live_workers(session) == workers.LiveWorkers(0, None)
    async with _registered_worker(store), asyncio.timeout(10):
        while True:
            async with store.sessions.begin() as session:
                living = await workers.live_workers(session)
            if living.seen_at is not None:
                break
            await asyncio.sleep(0.05)
        assert living.count == 1
    async with store.sessions.begin() as session:
        assert await workers.live_workers(session) == workers.LiveWorkers(0, None)
        assert (await session.scalars(select(WorkerRow.id))).all() == []


async def test_worker_reports_only_its_own_jobs(store: Store, documents: list[int]) -> None:
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


async def test_checking_for_dead_workers_sends_no_notification_without_any(
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


async def test_progress_goes_on_while_text_is_recognized(
    store: Store, documents: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luma_rag.worker._REPORT_SECONDS", 0)
    stages: list[tuple[Stage, float]] = [
        ("parsing", 0.0),
        ("recognizing", 0.0),
        ("recognizing", 0.5),
        ("chunking", 0.0),
        ("embedding", 0.5),
        ("embedding", 1.0),
    ]
    seen = []
    async with _registered_worker(store) as reporting:
        await claim(store, reporting._worker_id)
        for stage, done in stages:
            if done == 0:
                reporting.on_begin(documents[0], stage)
            await reporting.on_stage(documents[0], stage, done)
            async with store.sessions.begin() as session:
                row = await session.scalar(select(Ingestion).where(Ingestion.state == "running").limit(1))
            assert row is not None
            seen.append((row.stage, round(row.progress, 3)))
        reporting._steps.clear()
    shown = ["parsing"] * 3 + ["chunking", "embedding", "embedding"]
    assert [stage for stage, _ in seen] == shown
    progress = [value for _, value in seen]
    assert progress == sorted(progress)
    assert progress[2] == 0.45
    assert 0.9 < progress[3] < progress[4] < progress[5] < 1


async def test_worker_exits_quietly_if_the_database_stops_first(
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
        # The event loop is blocked meanwhile, so the worker has not seen it yet.
        ending = threading.Thread(target=asyncio.run, args=(go_away(),))
        ending.start()
        ending.join()
    assert "closed before the worker" in caplog.text
    await run_on(server_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    async with worker(store) as number:
        async with store.sessions.begin() as session:
            await ingestion.recover(session)
        assert await claim(store, number) == documents[0]


async def test_worker_logs_when_it_can_not_return_jobs(
    store: Store, documents: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(ingestion, "release", fail)
    with pytest.raises(RuntimeError):
        async with _registered_worker(store) as failing:
            assert await claim(store, failing._worker_id) == documents[0]
    # Its connection is closed: the lock on its number is free, and other workers get its jobs.
    async with asyncio.timeout(5):
        while (await states(store))[0] != ("queued", 1):
            async with store.sessions.begin() as session:
                await ingestion.recover(session)


async def _name_of(store: Store) -> str:
    async with store.engine.connect() as connection:
        return str(await connection.scalar(text("SELECT current_database()")))


async def make_due(store: Store) -> None:
    async with store.sessions.begin() as session:
        await session.execute(update(Ingestion).values(next_attempt_at=func.localtimestamp()))


async def fill(store: Store, count: int, prefix: str = "f") -> None:
    """Enqueue further documents."""
    async with store.sessions.begin() as session:
        await session.execute(
            text(
                "WITH new AS (INSERT INTO document "
                "(user_id, title, file_path, file_metadata, type, uploaded_at) "
                f"SELECT 1, 't', '{prefix}' || n, "
                f"jsonb_build_object('sha256', '{prefix}' || n), 'pdf', now() "
                f"FROM generate_series(1, {count}) n RETURNING id) "
                "INSERT INTO ingestion (doc_id, namespace_id, created_at, updated_at) "
                "SELECT id, (SELECT min(id) FROM namespace), now(), now() FROM new"
            )
        )
