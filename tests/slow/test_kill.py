"""`kill -9` of all processes during ingestion: nothing is lost, incomplete, or orphaned."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import text

from luma_rag.db.embedded import running, stop
from luma_rag.db.migrate import upgrade
from luma_rag.db.models import User
from luma_rag.db.session import create_engine, create_sessions
from luma_rag.documents.storage import FileStorage
from tests import factories
from tests.api import PASSWORD
from tests.processes import ask_each, kill
from tests.slow import kill_loop
from tests.stored_files import assert_files_are_consistent

# Enough text that ingestion is still running when it is interrupted.
PAGES = ["\n".join(f"Rule {i}.{j}: do it {i * j} times a year." for j in range(40)) for i in range(10)]


@pytest.fixture
def data_dir(tmp_path: Path) -> Generator[Path]:
    folder = tmp_path / "luma"
    yield folder
    stop(folder)


@contextmanager
def serving(data_dir: Path) -> Iterator[tuple[str, int]]:
    """`luma serve` in a separate process: its address and its process id."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LUMA_")}
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("luma")), "serve", "--port", "0"],
        env=environment | {"LUMA_DATA_DIR": str(data_dir), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert "ready at http" in line, line
        yield line.split()[-1], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)
        process.stdout.close()


def sign_in(url: str) -> httpx.Client:
    client = httpx.Client(base_url=url, timeout=30)
    answer = client.post("/api/auth/login", json={"username": "alice", "password": PASSWORD})
    answer.raise_for_status()
    client.headers["x-csrftoken"] = client.cookies["csrftoken"]
    return client


def kill_everything(server: int, data_dir: Path) -> None:
    """The server, its worker with its sandboxes, the database's supervisor, and Postgres."""
    heads = [psutil.Process(server)]
    for process in psutil.process_iter(["cmdline"]):
        if any(str(data_dir) in argument for argument in process.info["cmdline"] or []):
            heads.append(process)
    descendants = ask_each(heads, lambda head: head.children(recursive=True))
    family = {process for head, children in descendants for process in (head, *children)}
    names = {" ".join(command) for _, command in ask_each(family, psutil.Process.cmdline)}
    assert any("luma_rag.worker" in name for name in names)
    assert any("postgres" in name for name in names)
    kill(family)


def wait_for(client: httpx.Client, namespace: int, is_enough: str, seconds: float) -> list[dict[str, object]]:
    """Poll the documents' ingestions until one, or all, are far enough."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        items = client.get(f"/api/namespaces/{namespace}/documents").json()["items"]
        states = [item["ingestion"] for item in items]
        if is_enough == "embedding" and any(state["stage"] == "embedding" for state in states):
            return items
        if is_enough == "ended" and all(state["state"] in ("ready", "failed") for state in states):
            return items
        time.sleep(0.05)
    raise AssertionError(f"not {is_enough} after {seconds} s: {states}")


def test_kill_all_processes_during_ingestion(data_dir: Path, tmp_path: Path) -> None:
    paths = [factories.pdf(tmp_path / f"rules {i}.pdf", f"Volume {i}", *PAGES) for i in range(3)]
    paths.append(factories.pdf(tmp_path / "blank.pdf", ""))
    with serving(data_dir) as (url, server):
        httpx.post(
            f"{url}/api/auth/register",
            json={"username": "alice", "email": "alice@example.com", "password": PASSWORD},
        ).raise_for_status()
        with closing(sign_in(url)) as client:
            namespace = client.post("/api/namespaces", json={"name": "rules"}).json()["id"]
            for path in paths:
                client.post(
                    "/api/documents",
                    files={"file": (path.name, path.read_bytes())},
                    data={"namespace_id": str(namespace)},
                ).raise_for_status()
            wait_for(client, namespace, "embedding", 60)
        kill_everything(server, data_dir)
    with serving(data_dir) as (url, _), closing(sign_in(url)) as client:
        items = wait_for(client, namespace, "ended", 120)
        assert {item["title"]: item["ingestion"]["state"] for item in items} == {  # type: ignore[index]
            "rules 0": "ready",
            "rules 1": "ready",
            "rules 2": "ready",
            "blank": "failed",
        }
        assert {item["file_metadata"].get("pages") for item in items} == {11, None}  # type: ignore[attr-defined]
        found = client.post(f"/api/namespaces/{namespace}/search", json={"query": "Rule 7.9", "k": 3})
        assert len(found.json()["hits"]) == 3
    with running(data_dir) as database:
        asyncio.run(assert_nothing_is_half_there(database, data_dir))


async def assert_nothing_is_half_there(url: str, data_dir: Path) -> None:
    engine = create_engine(url)
    storage = FileStorage(data_dir / "files", 2**20)
    assert await assert_files_are_consistent(create_sessions(engine), storage) == 4
    async with engine.connect() as connection:
        states = await connection.execute(text("SELECT state, count(*) FROM ingestion GROUP BY state"))
        counted = dict(states.all())
        vectors = await connection.scalar(text("SELECT count(*) FROM chunk_vector"))
    await engine.dispose()
    assert counted == {"ready": 3, "failed": 1}
    assert vectors > 0


def test_kill_during_uploads_and_deletions_leaves_files_consistent(data_dir: Path, tmp_path: Path) -> None:
    with running(data_dir) as url:
        asyncio.run(migrate_and_add_user(url))
        documents = 0
        for moment in range(12):
            command = [sys.executable, "-m", "tests.slow.uploader", url, str(data_dir)]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                process.stdout.readline()
                time.sleep(moment * 0.037)
                process.kill()
            documents += asyncio.run(consistent_documents(url, data_dir))
        assert documents > 0


async def migrate_and_add_user(url: str) -> None:
    engine = create_engine(url)
    await upgrade(engine)
    async with create_sessions(engine).begin() as session:
        session.add(User(username="alice", email="a@example.com", password="-", role="admin"))
    await engine.dispose()


async def consistent_documents(url: str, data_dir: Path) -> int:
    engine = create_engine(url)
    storage = FileStorage(data_dir / "files", 2**20)
    documents = await assert_files_are_consistent(create_sessions(engine), storage)
    await engine.dispose()
    return documents


def test_kills_while_people_work(tmp_path: Path) -> None:
    # Each target once. `python -m tests.slow.kill_loop` repeats it as often as one likes.
    result = kill_loop.run(tmp_path, 7)
    assert result.complaints == []
