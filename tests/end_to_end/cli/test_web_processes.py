"""`luma serve` with several web processes."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
import pytest

from tests.databases import run_on
from tests.processes import ask_each, is_alive
from tests.service_process import wait_until_ready

pytestmark = pytest.mark.slow

PROCESSES = 2
SERVE = [sys.executable, "-c", "from luma_rag.cli import main; main()", "serve", "--port", "0"]
Found = TypeVar("Found")


class Service:
    """A running `luma serve`."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.process = psutil.Process(process.pid)
        self.url = url
        self.log = log

    def children(self, module: str) -> list[psutil.Process]:
        found = ask_each(self.process.children(), psutil.Process.cmdline)
        return [child for child, command in found if f"import {module} as" in " ".join(command)]

    @property
    def web(self) -> list[psutil.Process]:
        return self.children("luma_rag.cli.web_processes")


def wait_for(what: Callable[[], Found]) -> Found:
    deadline = time.monotonic() + 60
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


@pytest.fixture
def service(tmp_path: Path, database: str) -> Iterator[Service]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LUMA_")}
    more = {
        "LUMA_DATA_DIR": str(tmp_path / "data"),
        "LUMA_DATABASE_URL": database,
        "LUMA_PROCESSES": str(PROCESSES),
    }
    log = tmp_path / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            SERVE,
            env=environ | more,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Service(process, wait_until_ready(process, log), log)
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_processes_share_the_work_and_are_replaced(service: Service) -> None:
    account = {"username": "alice", "email": "alice@example.com", "password": "correct horse battery"}
    with httpx.Client(base_url=service.url, timeout=60) as client:
        assert client.post("/api/auth/register", json=account).status_code == 201
        assert client.post(
            "/api/auth/login", json={k: account[k] for k in ("username", "password")}
        ).is_success
        cookies = client.cookies
    first = service.web
    assert len(first) == PROCESSES
    assert len(service.children("luma_rag.worker")) == 1

    def get(path: str) -> str:
        # A new connection each time, which any process may accept.
        answer = httpx.get(f"{service.url}{path}", cookies=cookies, timeout=60)
        assert answer.is_success, answer.text
        return answer.text

    for _ in range(20):
        get("/api/namespaces")
    # Metrics are sums over the processes, whichever answers.
    counted = r'luma_http_request_seconds_count{method="GET",route="/api/namespaces",status="200"} 20\.0'
    for _ in range(4):
        assert re.search(counted, get("/metrics"))

    first[0].kill()
    wait_for(lambda: len(service.web) == PROCESSES and first[0] not in service.web)
    # The other process has answered in the meantime, and the counts remain.
    assert re.search(counted, get("/metrics"))
    assert "A web process ended with code -9" in service.log.read_text()


def test_a_process_that_dies_during_an_outage_is_replaced_after_it(
    service: Service, database: str, server_url: str
) -> None:
    name = database.rpartition("/")[2].partition("?")[0]

    def run(sql: str) -> None:
        asyncio.run(run_on(server_url, sql))

    run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        run(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")
        service.web[0].kill()
        wait_for(lambda: "A web process ended with code 78" in service.log.read_text())
        assert is_alive(service.process)
        assert httpx.get(f"{service.url}/health/live", timeout=60).is_success
    finally:
        run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    wait_for(lambda: len(service.web) == PROCESSES)
    wait_for(lambda: httpx.get(f"{service.url}/health/ready", timeout=60).is_success)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_all_processes_end_with_the_first(service: Service, number: signal.Signals) -> None:
    children = service.process.children()
    assert len(children) >= PROCESSES + 1
    service.process.send_signal(number)
    wait_for(lambda: not any(map(is_alive, [service.process, *children])))


def test_a_web_process_that_cannot_start_ends_the_service(tmp_path: Path, database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from luma_rag.cli import main; main()", "serve", "--port", "0"],
        env=os.environ
        | {
            "LUMA_DATA_DIR": str(tmp_path / "data"),
            "LUMA_DATABASE_URL": database,
            "LUMA_PROCESSES": "2",
            "LUMA_LLM_BASE_URL": "ftp://nowhere",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "LUMA_LLM_BASE_URL must be the address" in done.stderr
    assert "A web process can't start" in done.stderr


def test_more_processes_than_connections_are_rejected(tmp_path: Path, database: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from luma_rag.cli import main; main()",
            "serve",
            "--port",
            "0",
            "--processes",
            "1000",
        ],
        env=os.environ | {"LUMA_DATA_DIR": str(tmp_path / "data"), "LUMA_DATABASE_URL": database},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Lower it, or raise max_connections" in " ".join(done.stderr.split())
