"""The worker of a server holds no secrets, and runs no code of the current folder."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from luma_rag.settings import Settings
from tests import factories
from tests.api import PASSWORD
from tests.service_process import wait_until_ready

IN_ENVIRONMENT, IN_DOTENV, IN_TOML = "sk-Molybdaen-environ", "sk-Wolfram-dotenv", "sk-Tantal-toml"
FOREIGN = "Niob-of-another-program"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The current folder of the server."""
    folder = tmp_path / "current"
    folder.mkdir()
    (folder / ".env").write_text(f"LUMA_RERANKER_API_KEY={IN_DOTENV}\n")
    (folder / "luma.toml").write_text(f"[openid]\nclient_secret = '{IN_TOML}'\n")
    for name in ("queue", "email"):
        (folder / f"{name}.py").write_text("from pathlib import Path\nPath('marker').touch()\n")
    return folder


@pytest.fixture
def server(settings: Settings, folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    """`luma serve`, and its URL."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("LUMA_")}
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("luma")), "serve", "--port", "0"],
            cwd=folder,
            env=ours
            | {
                "LUMA_DATA_DIR": str(settings.data_dir),
                "LUMA_DATABASE_URL": settings.database_url or "",
                "LUMA_LLM_API_KEY": IN_ENVIRONMENT,
                "OTHER_SECRET": FOREIGN,
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield psutil.Process(process.pid), wait_until_ready(process, log)
    finally:
        process.terminate()
        process.wait(timeout=60)


def ingest_a_document(url: str, path: Path) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        account = {"username": "alice", "password": PASSWORD}
        client.post("/api/auth/register", json=account | {"email": "alice@example.com"}).raise_for_status()
        client.post("/api/auth/login", json=account).raise_for_status()
        client.headers["x-csrftoken"] = client.cookies["csrftoken"]
        namespace = client.post("/api/namespaces", json={"name": "handbooks"}).json()["id"]
        client.post(
            "/api/documents",
            files={"file": (path.name, path.read_bytes())},
            data={"namespace_id": str(namespace)},
        ).raise_for_status()
        deadline = time.monotonic() + 120
        while True:
            (item,) = client.get(f"/api/namespaces/{namespace}/documents").json()["items"]
            if item["ingestion"]["state"] == "ready":
                return
            assert time.monotonic() < deadline, item
            time.sleep(0.1)


def in_memory(process: psutil.Process, texts: list[str]) -> set[str]:
    """Those of the texts that are in the writable memory of a process."""
    found = set()
    with Path(f"/proc/{process.pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            start, end = (int(address, 16) for address in place.split("-"))
            if not rights.startswith("rw"):
                continue
            memory.seek(start)
            # A thread may have released the memory meanwhile.
            with contextlib.suppress(OSError):
                content = memory.read(end - start)
                found |= {text for text in texts if text.encode() in content}
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_worker_holds_no_secrets_and_imports_nothing_of_the_current_folder(
    server: tuple[psutil.Process, str], folder: Path, tmp_path: Path
) -> None:
    process, url = server
    ingest_a_document(url, factories.handbook(tmp_path))
    (worker,) = (child for child in process.children() if "luma_rag.worker" in " ".join(child.cmdline()))
    (launcher,) = (child for child in worker.children() if "ingest.launcher" in " ".join(child.cmdline()))
    secrets = [IN_ENVIRONMENT, IN_DOTENV, IN_TOML, FOREIGN]
    # The server needs Luma's own: the search finds what is there.
    assert in_memory(process, secrets) == set(secrets)
    assert in_memory(worker, secrets) == set()
    assert in_memory(launcher, secrets) == set()
    assert not (folder / "marker").exists()
