"""`luma worker` beside a server that has no workers, and the death of one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests import processes
from tests.service_process import serving

pytestmark = pytest.mark.slow

LUMA = [sys.executable, "-c", "from luma_rag.cli import main; main()"]
DOCUMENTS = 40


@pytest.fixture
def settings_of_both(tmp_path: Path, database: str) -> dict[str, str]:
    return {"LUMA_DATABASE_URL": database, "LUMA_DATA_DIR": str(tmp_path / "data"), "LUMA_WORKERS": "0"}


@pytest.fixture
def start_worker(
    settings_of_both: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / f"worker-{len(started)}.log").open("wb") as log:
            environ = {name: value for name, value in os.environ.items() if not name.startswith("LUMA_")}
            process = subprocess.Popen(
                [*LUMA, "worker"], env=environ | settings_of_both, stdout=log, stderr=subprocess.STDOUT
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=60)


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_workers_share_a_batch_and_the_death_of_one_loses_nothing(
    tmp_path: Path,
    settings_of_both: dict[str, str],
    start_worker: Callable[[], "subprocess.Popen[bytes]"],
) -> None:
    with (
        serving(tmp_path, LUMA_LIMITS_UPLOADS_PER_MINUTE="1000", **settings_of_both) as base_url,
        httpx.Client(base_url=base_url, timeout=60) as client,
    ):
        account = {"username": "alice", "password": "correct horse battery"}
        client.post("/api/auth/register", json=account | {"email": "alice@example.com"})
        client.post("/api/auth/login", json=account)
        client.headers["x-csrftoken"] = client.cookies["csrftoken"]
        namespace = client.post("/api/namespaces", json={"name": "papers"}).json()["id"]

        def connected() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = client.get("/api/system").json()["workers"]["items"]
            return items

        def count(state: str) -> int:
            summary = client.get(f"/api/namespaces/{namespace}/documents/summary").json()
            return int(summary[state])

        dying, staying = start_worker(), start_worker()
        wait_for(lambda: len([each for each in connected() if each["process_id"] is not None]) == 2)
        for number in range(DOCUMENTS):
            text = "\n\n".join(f"Note {number}, part {part}: the gate is locked." for part in range(60))
            answer = client.post(
                "/api/documents",
                files={"file": (f"note {number}.txt", text.encode())},
                data={"namespace_id": str(namespace)},
            )
            assert answer.status_code == 201, answer.text
        doomed = psutil.Process(dying.pid)
        numbers = {child.pid for child in doomed.children()}
        wait_for(
            lambda: (
                count("ready") >= 3
                and any(each["process_id"] in numbers and each["doc_id"] for each in connected())
            )
        )
        # As if its machine had lost power.
        processes.kill([doomed, *doomed.children(recursive=True)])
        wait_for(lambda: count("ready") == DOCUMENTS)
        assert count("all") == DOCUMENTS
        assert {each["process_id"] for each in connected()}.isdisjoint(numbers)
        staying.send_signal(signal.SIGTERM)
        assert staying.wait(timeout=60) == 0
        assert connected() == []
        assert client.get("/health/ready").status_code == 200
    verified = subprocess.run(
        [*LUMA, "verify", "--deep", "--json"],
        env=os.environ | settings_of_both,
        capture_output=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["findings"] == []
