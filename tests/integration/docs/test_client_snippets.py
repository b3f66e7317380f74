"""The programs in docs/client.md and docs/how-to/connect-a-client.md, run against a real service."""

import asyncio
import contextlib
import inspect
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from luma_client import AsyncLuma, Luma
from tests import factories
from tests.api import Api
from tests.integration.client.conftest import token_of
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")


def _programs(text: str) -> str:
    return "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the snippets name."""
    factories.pdf(
        tmp_path / "contract.pdf",
        "The notice period is three months to the end of a quarter.\nNotice is sent to the head office.",
        "The freight is paid by the buyer.",
    )
    factories.word(tmp_path / "annex.docx", {"Prices": "The price is fixed for two years."})
    return tmp_path


@contextlib.asynccontextmanager
async def _working(api: Api) -> AsyncIterator[None]:
    """A worker that reads what is queued, as `luma serve` has one."""

    async def work() -> None:
        while True:
            await api.work()
            await asyncio.sleep(0.1)

    worker = asyncio.create_task(work())
    try:
        yield
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def _run(program: str, api: Api, folder: Path) -> str:
    token = await token_of(api, "alice")
    program = program.replace("http://127.0.0.1:8000", api.base_url).replace("luma_…", token)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-c", program),
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


async def test_the_script(api: Api, folder: Path) -> None:
    await api.user("bob")
    script, _ = PAGE.split("## asyncio")
    async with _working(api):
        output = await _run(_programs(script), api, folder)
    lines = output.splitlines()
    assert lines[:2] == ["alice", "ready None"]
    assert any(line.startswith("Service contract, page 1: ") and "three months" in line for line in lines)
    assert any(line.startswith("[1] Service contract, page 1: The notice period") for line in lines)
    assert "['user', 'LLM', 'user', 'LLM']" in lines
    assert "The freight is paid by the buyer." in output
    assert "1 citations" in lines
    assert re.search(r"^Contract with Acme [1-9]\d* ready$", output, re.MULTILINE)
    assert "copy.pdf" in lines
    assert (folder / "copy.pdf").read_bytes() == (folder / "contract.pdf").read_bytes()
    assert "['Contract with Acme']" in lines
    assert "bob 2" in lines
    followed = lines[lines.index("bob 2") + 1 : lines.index("['contracts']")]
    assert followed[-1] == "ready"
    assert set(followed) <= {"queued", "running", "ready"}
    assert "422 Invalid input" in lines
    assert lines[-1].startswith("k ")


async def test_the_program_for_asyncio(api: Api, folder: Path) -> None:
    _, program = PAGE.split("## asyncio")
    async with _working(api):
        assert "three months" in await _run(_programs(program), api, folder)


async def test_the_guide_can_be_followed_twice(api: Api, folder: Path) -> None:
    guide = (ROOT / "docs/how-to/connect-a-client.md").read_text(encoding="utf-8")
    (program,) = [p for p in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "luma_client" in p]
    async with _working(api):
        first = await _run(program, api, folder)
        assert "contract 1 The notice period is three months" in first
        assert await _run(program, api, folder) == first
    alice = await api.user("alice")
    assert (await alice.get("/api/namespaces")).json()["total"] == 1
    assert (await alice.get("/api/documents")).json()["total"] == 1


def test_the_page_names_every_method() -> None:
    _, table = PAGE.split("## All methods")
    named = set(re.findall(r"`(\w+)`", table))
    methods = {n for n, _ in inspect.getmembers(Luma, inspect.isfunction) if not n.startswith("_")}
    assert named == methods | {"aclose"}
    of_async = {n for n, _ in inspect.getmembers(AsyncLuma, inspect.isfunction) if not n.startswith("_")}
    assert of_async == methods - {"close"} | {"aclose"}
