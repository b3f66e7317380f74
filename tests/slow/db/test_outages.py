"""A server whose database dies under load."""

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil

from luma_rag.db.supervisor.home import Home
from tests import service_process
from tests.processes import ask_each

LOGIN = {"username": "nobody", "password": "a wrong password"}


async def _ask(url: str, answers: Counter[int], until: asyncio.Event) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        while not until.is_set():
            answer = await client.post("/api/auth/login", json=LOGIN)
            answers[answer.status_code] += 1
            assert answer.status_code != 503 or "retry-after" in answer.headers, answer.text


def _postmaster(data_dir: Path) -> int:
    found = Home((data_dir / "postgres").resolve()).postmaster()
    assert found is not None
    return found.pid


async def _ready(client: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + 60
    while (await client.get("/health/ready")).status_code != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_a_database_that_dies_under_load_is_unavailable_and_comes_back(tmp_path: Path) -> None:
    with service_process.serving(tmp_path) as url:
        answers: Counter[int] = Counter()
        until = asyncio.Event()
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await _ready(client)
            askers = [asyncio.create_task(_ask(url, answers, until)) for _ in range(8)]
            await asyncio.sleep(1)
            for kill in ("a child", "the postmaster", "all connections"):
                postmaster = psutil.Process(_postmaster(tmp_path / "data"))
                if kill == "a child":
                    postmaster.children()[0].kill()
                elif kill == "the postmaster":
                    os.kill(postmaster.pid, signal.SIGKILL)
                else:
                    commands = ask_each(postmaster.children(), psutil.Process.cmdline)
                    connections = [
                        process for process, command in commands if "luma luma" in " ".join(command)
                    ]
                    ask_each(connections, psutil.Process.terminate)
                await asyncio.sleep(1)
                await _ready(client)
            until.set()
            await asyncio.gather(*askers)
    log = (tmp_path / "serve.log").read_text().splitlines()
    lines = [line for line in log if "luma.access" not in line]
    # 429: too many wrong passwords. 401: the database answered.
    assert answers[503] > 0
    assert set(answers) <= {401, 429, 503}, answers
    assert not [line for line in lines if "Traceback" in line]
    assert len(lines) < 100, "\n".join(lines[:200])
