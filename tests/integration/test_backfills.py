"""Backfills of 40,000 rows, by real workers, while the service writes."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.embedding import Embedder
from luma_rag import backfills, worker
from luma_rag.runtime import Store
from tests import factories
from tests.api import Api
from tests.luma_command import Luma

ROWS, BATCH = 40_000, 2_000
_FILL = text(
    """
    WITH next AS (SELECT id FROM note WHERE id > :after ORDER BY id LIMIT :batch),
    filled AS (UPDATE note SET length = char_length(body) WHERE id IN (SELECT id FROM next))
    SELECT max(id) FROM next
    """
)


async def fill_lengths(session: AsyncSession, after: int) -> int | None:
    """The backfill of the tests."""
    last: int | None = await session.scalar(_FILL, {"after": after, "batch": BATCH})
    return last


@pytest.fixture
async def notes(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Store]:
    """A store with a table that needs the backfill, as a migration would leave it."""
    monkeypatch.setitem(backfills.BATCHES, "note-length", fill_lengths)
    async with store.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE note (id serial PRIMARY KEY, body text, length integer)"))
        await connection.execute(
            text("INSERT INTO note (body) SELECT repeat('x', n % 50) FROM generate_series(1, :rows) n"),
            {"rows": ROWS},
        )
        await connection.execute(text("INSERT INTO backfill (name) VALUES ('note-length')"))
    yield store
    async with store.engine.begin() as connection:
        await connection.execute(text("DROP TABLE note"))


async def position(store: Store) -> int:
    async with store.sessions.begin() as session:
        found = await backfills.unfinished(session)
    return found[0].position if found else -1


async def assert_all_filled(store: Store) -> None:
    async with store.engine.connect() as connection:
        wrong = await connection.scalar(
            text("SELECT count(*) FROM note WHERE length IS DISTINCT FROM char_length(body)")
        )
    assert wrong == 0


async def until_finished(store: Store) -> None:
    async with asyncio.timeout(120):
        while await position(store) >= 0:
            await asyncio.sleep(0.02)


async def test_rows_are_filled_while_others_are_written(notes: Store, embedder: Embedder) -> None:
    """An insert never waits for more than a batch: many are committed while the backfill runs."""
    working = asyncio.create_task(worker.run(notes, embedder))
    seen = set()
    async with asyncio.timeout(120):
        while (at := await position(notes)) >= 0:
            seen.add(at)
            async with notes.engine.begin() as connection:
                await connection.execute(text("INSERT INTO note (body, length) VALUES ('new', 3)"))
                await connection.execute(
                    text("UPDATE note SET body = 'old', length = 3 WHERE id = :id"), {"id": at + BATCH}
                )
    assert len(seen) > 3, "nothing was written in the middle of it"
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await assert_all_filled(notes)


async def test_two_workers_share_it_and_one_that_is_stopped_loses_nothing(
    notes: Store, embedder: Embedder
) -> None:
    first = asyncio.create_task(worker.run(notes, embedder))
    async with asyncio.timeout(120):
        while await position(notes) < 2 * BATCH:
            await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    reached = await position(notes)
    assert 2 * BATCH <= reached < ROWS
    others = [asyncio.create_task(worker.run(notes, embedder)) for _ in range(2)]
    await until_finished(notes)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await assert_all_filled(notes)


async def test_documents_come_first(notes: Store, api: Api, tmp_path: object) -> None:
    """A worker ingests what is queued before it continues with the backfill, and `luma ingest` leaves it."""
    alice = await api.admin()
    namespace = await api.namespace(alice)
    await api.upload(alice, factories.handbook(tmp_path), namespace)  # type: ignore[arg-type]
    assert await position(notes) == 0


async def test_a_backfill_that_fails_is_tried_again(notes: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(session: AsyncSession, after: int) -> int | None:
        await fill_lengths(session, after)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await backfills.run_batch(notes.sessions, {"note-length": fail})
    async with notes.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(length) FROM note")) == 0
    assert await backfills.run_batch(notes.sessions)
    assert await position(notes) == BATCH


def test_what_remains_is_shown(notes: Store, luma: Luma) -> None:
    shown = luma("db", "status")
    assert shown.returncode == 0, shown.stderr
    assert "note-length is at row 0" in shown.stdout
