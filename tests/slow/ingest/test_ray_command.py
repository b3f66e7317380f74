"""`luma ingest --engine ray` on Ray that it starts itself."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from luma_rag.db.models import Ingestion
from luma_rag.store import Store
from tests import factories
from tests.api import PASSWORD
from tests.luma_command import Luma
from tests.processes import is_alive

COUNT = 5


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


async def states(store: Store) -> list[tuple[str, int]]:
    async with store.sessions.begin() as session:
        return [
            (state, attempts)
            for state, attempts in await session.execute(select(Ingestion.state, Ingestion.attempts))
        ]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
async def test_an_interruption_leaves_the_rest_queued_and_no_process(
    ending: signal.Signals, luma: Luma, environment: dict[str, str], store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(COUNT):
        factories.pdf(folder / f"{number}.pdf", *(f"Page {page} of {number}." * 20 for page in range(12)))
    luma("users", "add", "root", "root@example.com", "--password-stdin", input=f"{PASSWORD}\n")
    process = subprocess.Popen(  # noqa: ASYNC220
        [
            Path(sys.executable).with_name("luma"),
            "ingest",
            folder,
            "-n",
            "papers",
            "--engine",
            "ray",
            "--json",
        ],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ours = psutil.Process(process.pid)

    def children() -> list[psutil.Process]:
        return ours.children(recursive=True)

    wait_for(lambda: any(child.name().startswith("ray::Embed") for child in children()))
    # After SIGKILL, Ray's two agents live for another minute.
    started = [child for child in children() if not child.name().endswith("Agent")]
    folders = set(re.findall(r"/tmp/luma-ray-\w+", str([child.cmdline() for child in started])))
    assert len(folders) == 1
    process.send_signal(ending)
    if ending == signal.SIGINT:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert "stay queued" in json.loads(out)["error"]["detail"]
        assert err == ""
        assert {(state, attempts) for state, attempts in await states(store)} <= {("queued", 0), ("ready", 1)}
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
    process.wait(timeout=60)
    wait_for(lambda: not any(map(is_alive, started)))
    for folder_of_ray in map(Path, folders):
        assert folder_of_ray.exists() == (ending == signal.SIGKILL)
        shutil.rmtree(folder_of_ray, ignore_errors=True)
    # On this machine alone, and in another process.
    done = luma("ingest", str(folder), "-n", "papers", "--json")
    assert done.returncode == 0, done.stderr
    assert [state for state, _ in await states(store)] == ["ready"] * COUNT
