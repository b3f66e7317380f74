"""The worker during outages, which are not the documents' fault."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update

from ingest import recognition
from ingest.embedding import Embedder
from ingest.engines.places import DOCUMENTS_IN_RECOGNITION
from ingest.errors import PermanentError
from luma_rag.db.models import Ingestion
from luma_rag.db.session import connect
from luma_rag.documents import ingestion
from luma_rag.documents.ingestion import IngestionView
from luma_rag.worker import run
from tests import factories
from tests.api import Api


@asynccontextmanager
async def working(api: Api, embedder: Embedder) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(api.runtime, embedder))
        yield
        task.cancel()


async def upload(api: Api, tmp_path: Path) -> int:
    alice = await api.admin()
    namespace = await api.namespace(alice)
    path = factories.pdf(tmp_path / "rules.pdf", "Rules", "Wash your hands before you eat.")
    answer = await alice.post(
        "/api/documents",
        files={"file": ("rules.pdf", path.read_bytes())},
        data={"namespace_id": str(namespace)},
    )
    return int(answer.json()["ingestions"][0]["id"])


async def state_of(api: Api, ingestion_id: int) -> IngestionView:
    async with api.runtime.sessions.begin() as session:
        return ingestion.view(await session.get_one(Ingestion, ingestion_id))


async def wait_for(api: Api, ingestion_id: int, *, has_error: bool, state: str) -> IngestionView:
    async with asyncio.timeout(60):
        while True:
            seen = await state_of(api, ingestion_id)
            if (seen.error is not None, seen.state) == (has_error, state):
                return seen
            await asyncio.sleep(0.05)


async def on_chunks(api: Api, body: str) -> None:
    async with api.runtime.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute(
            f"CREATE OR REPLACE FUNCTION on_chunk() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body} RETURN NEW; END $$;"
            "CREATE OR REPLACE TRIGGER on_chunk BEFORE INSERT ON chunk FOR EACH STATEMENT "
            "EXECUTE FUNCTION on_chunk()"
        )


async def test_document_waits_while_the_disk_is_full(api: Api, embedder: Embedder, tmp_path: Path) -> None:
    number = await upload(api, tmp_path)
    await on_chunks(api, "RAISE 'no space left on device' USING ERRCODE = 'disk_full';")
    async with working(api, embedder):
        seen = await wait_for(api, number, has_error=True, state="queued")
        assert seen.error == "The disk of the database is full. Luma retries automatically."
        assert seen.attempts == 0
        assert seen.next_attempt_at is not None
        assert seen.next_attempt_at > seen.created_at
        await on_chunks(api, "")
        client = await api.sign_in("root")
        retried = await client.post(f"/api/ingestions/{number}/retry")
        assert retried.status_code == 202, retried.text
        assert retried.json()["error"] is None
        assert (await wait_for(api, number, has_error=False, state="ready")).chunks > 0


async def test_a_document_that_the_database_refuses_fails(
    api: Api, embedder: Embedder, tmp_path: Path
) -> None:
    number = await upload(api, tmp_path)
    await on_chunks(api, "RAISE 'no such thing' USING ERRCODE = 'data_exception';")
    async with working(api, embedder):
        for attempt in range(1, ingestion.MAX_ATTEMPTS):
            assert (await wait_for(api, number, has_error=True, state="queued")).attempts == attempt
            async with api.runtime.sessions.begin() as session:
                await session.execute(
                    update(Ingestion).values(next_attempt_at=func.localtimestamp(), error=None)
                )
                await session.execute(select(func.pg_notify(ingestion.CHANNEL, "")))
        assert "went wrong in Luma itself" in str(
            (await wait_for(api, number, has_error=True, state="failed")).error
        )


async def test_scans_keep_no_upload_waiting_and_are_all_read(
    api: Api, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_finish = threading.Event()

    def recognize(*_: object) -> None:
        assert may_finish.wait(60)
        raise PermanentError("There is nothing.")

    monkeypatch.setattr(recognition, "_AT_ONCE", threading.Semaphore(100))
    monkeypatch.setattr(recognition, "recognize_in_sandbox", recognize)
    typed = await upload(api, tmp_path)
    alice = await api.sign_in("root")
    book = factories.book_with_a_scan(tmp_path).read_bytes()
    scans = []
    for number in range(DOCUMENTS_IN_RECOGNITION + 2):
        answer = await alice.post(
            "/api/documents",
            files={"file": ("scan.pdf", book + f"%{number}".encode())},
            data={"namespace_id": "1"},
        )
        scans.append(int(answer.json()["ingestions"][0]["id"]))
    async with api.runtime.sessions.begin() as session:
        # The scans come first.
        now = func.localtimestamp()
        await session.execute(update(Ingestion).where(Ingestion.id == typed).values(next_attempt_at=now))
    expected = ["queued"] * 2 + ["running"] * DOCUMENTS_IN_RECOGNITION
    async with working(api, embedder):
        try:
            await wait_for(api, typed, has_error=False, state="ready")
            async with asyncio.timeout(60):
                while sorted([(await state_of(api, scan)).state for scan in scans]) != expected:
                    await asyncio.sleep(0.05)
        finally:
            may_finish.set()
        for scan in scans:
            assert (await wait_for(api, scan, has_error=False, state="ready")).attempts == 1


async def test_worker_goes_on_after_an_outage_of_the_database(
    api: Api, embedder: Embedder, tmp_path: Path, server_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    number = await upload(api, tmp_path)
    # Storing takes until the outage.
    await on_chunks(api, "PERFORM pg_sleep(60);")
    async with api.runtime.engine.connect() as connection:
        name = await connection.scalar(text("SELECT current_database()"))
    async with working(api, embedder):
        async with asyncio.timeout(60):
            while not await sleeps(server_url):
                await asyncio.sleep(0.05)
        control = await connect(server_url)
        await control.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await control.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name
        )
        await asyncio.sleep(3)
        await control.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await control.close()
        await on_chunks(api, "")
        done = await wait_for(api, number, has_error=False, state="ready")
        assert done.attempts == 1
    said = [record for record in caplog.records if record.name == "luma_rag.worker"]
    waits = [record for record in said if "waits until the database is back" in record.getMessage()]
    assert len(waits) == 1
    assert not any(record.exc_info for record in said)


async def sleeps(server_url: str) -> bool:
    connection = await connect(server_url)
    try:
        return bool(
            await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        )
    finally:
        await connection.close()
