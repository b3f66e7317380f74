"""`luma worker` and `luma workers`; tests/end_to_end/cli/test_worker.py runs real workers."""

import asyncio
import os
import socket

import pytest

from luma_rag.documents.workers import record_heartbeat
from luma_rag.runtime import Store
from tests.integration.cli.conftest import Command
from tests.integration.http.test_system import connected_worker


def test_worker_needs_a_shared_database(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUMA_DATABASE_URL")
    refused = command("worker")
    assert refused.code == 1
    assert "set LUMA_DATABASE_URL" in refused.err
    assert "luma serve --workers 2" in refused.err


@pytest.mark.usefixtures("people")
def test_worker_needs_the_files_of_the_database(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("LUMA_DATA_DIR", str(tmp_path_factory.mktemp("other")))
    refused = command("worker")
    assert refused.code == 1
    assert "files" in refused.err


@pytest.mark.usefixtures("people")
async def test_workers_are_listed_for_administrators(command: Command, store: Store) -> None:
    assert "No worker runs" in (await asyncio.to_thread(command, "workers")).out
    assert (await asyncio.to_thread(command, "workers", "--json")).json == []
    async with connected_worker(store) as worker:
        async with store.sessions.begin() as session:
            await record_heartbeat(session, worker, 7)
        table = (await asyncio.to_thread(command, "workers")).out
        (seen,) = (await asyncio.to_thread(command, "workers", "--json")).json
        refused = await asyncio.to_thread(command, "workers", "--as", "alice")
    assert (seen["host"], seen["process_id"], seen["documents"]) == (socket.gethostname(), os.getpid(), 7)
    assert (seen["doc_id"], seen["stage"]) == (None, None)
    assert socket.gethostname() in table
    assert "nothing" in table
    assert refused.code == 1
