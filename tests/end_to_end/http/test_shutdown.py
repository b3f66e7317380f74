"""A shutdown of `luma serve` keeps the text so far of every answer and tells the readers the reason."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import select

from luma_rag.accounts import users
from luma_rag.db.models import Message, Turn
from luma_rag.runtime import Store
from tests.api import PASSWORD
from tests.canned_server import CannedServer, delta, streamed
from tests.integration.http.test_turns import PATIENCE, Event, read_until, reading
from tests.processes import kill
from tests.service_process import wait_until_ready

pytestmark = pytest.mark.slow

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


async def endless(writer: asyncio.StreamWriter) -> None:
    """Begins an answer and never ends it."""
    writer.write(HEAD + f"data: {delta('It begins ')}\n\ndata: {delta('well.')}\n\n".encode())
    await writer.drain()
    await asyncio.Event().wait()


@contextmanager
def luma_serve(
    folder: Path, store: Store, llm: CannedServer, processes: int = 1
) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LUMA_")}
    environ |= {
        "LUMA_DATA_DIR": str(store.settings.data_dir),
        "LUMA_DATABASE_URL": store.url,
        "LUMA_LLM_BASE_URL": llm.base_url,
        "LUMA_LLM_MODEL": "canned",
        "LUMA_PROCESSES": str(processes),
    }
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("luma")), "serve", "--port", "0"],
            env=environ,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    family = [psutil.Process(process.pid)]
    try:
        url = wait_until_ready(process, log)
        family += family[0].children(recursive=True)
        yield process, url
    finally:
        # The worker too: it must not open the database of the next test.
        kill(family)
        process.wait(timeout=PATIENCE)


@asynccontextmanager
async def signed_in(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        login = {"username": "alice", "password": PASSWORD}
        (await client.post("/api/auth/login", json=login)).raise_for_status()
        client.headers["x-csrftoken"] = client.cookies["csrftoken"]
        yield client


async def begin_answers(client: httpx.AsyncClient, stack: AsyncExitStack, number: int) -> "Begun":
    """Streams of answers that have begun, by the path of their messages."""
    namespace = (await client.post("/api/namespaces", json={"name": "papers"})).json()["id"]
    begun = {}
    for _ in range(number):
        chat = (await client.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
        path = f"/api/chats/{chat}/messages"
        begun[path] = await stack.enter_async_context(reading(client, "POST", path, {"content": "Why?"}))
        await read_until(begun[path], "well.")
    return begun


Begun = dict[str, AsyncGenerator[Event]]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_a_shutdown_keeps_the_answers(
    store: Store, canned_server: CannedServer, tmp_path: Path, ending: signal.Signals
) -> None:
    await users.create(store.sessions, "alice", "alice@example.com", PASSWORD, "user")
    canned_server.replies = [endless] * 3
    with luma_serve(tmp_path, store, canned_server) as (process, url):
        async with signed_in(url) as alice, AsyncExitStack() as stack:
            begun = await begin_answers(alice, stack, 3)
            process.send_signal(ending)
            for events in begun.values():
                name, error = (await read_until(events, "error"))[-1]
                assert (name, error["code"]) == ("error", "answer_interrupted")
                assert "shut down" in error["detail"]
        assert await asyncio.to_thread(process.wait, PATIENCE) == 0
    assert "Traceback" not in (tmp_path / "serve.log").read_text()
    canned_server.replies = [streamed("Again.")]
    with luma_serve(tmp_path, store, canned_server) as (_, url):
        async with signed_in(url) as alice:
            for path in begun:
                _, answer = (await alice.get(path)).json()["items"]
                assert (answer["content"], answer["state"]) == ("It begins well.", "stopped")
                assert "shut down" in answer["error"]["detail"]
            again = await alice.post(path.replace("messages", "regenerate"))
            assert again.json()["llm_message"]["content"] == "Again."


async def test_web_processes_keep_the_answers_when_their_parent_is_killed(
    store: Store, canned_server: CannedServer, tmp_path: Path
) -> None:
    await users.create(store.sessions, "alice", "alice@example.com", PASSWORD, "user")
    canned_server.replies = [endless] * 3
    with luma_serve(tmp_path, store, canned_server, processes=2) as (process, url):
        async with signed_in(url) as alice, AsyncExitStack() as stack:
            begun = await begin_answers(alice, stack, 3)
            process.kill()
            for events in begun.values():
                _, error = (await read_until(events, "error"))[-1]
                assert error["code"] == "answer_interrupted"
    async with store.sessions.begin() as session:
        kept = (
            await session.execute(
                select(Turn.state, Message.content).join(Message, Message.id == Turn.answer_id)
            )
        ).all()
    assert kept == [("stopped", "It begins well.")] * 3


async def test_a_killed_process_leaves_failed_turns(
    store: Store, canned_server: CannedServer, tmp_path: Path
) -> None:
    await users.create(store.sessions, "alice", "alice@example.com", PASSWORD, "user")
    canned_server.replies = [endless]
    with luma_serve(tmp_path, store, canned_server) as (process, url):
        async with signed_in(url) as alice, AsyncExitStack() as stack:
            ((path, events),) = (await begin_answers(alice, stack, 1)).items()
            async with asyncio.timeout(PATIENCE):
                while len((await alice.get(path)).json()["items"]) < 2:
                    await asyncio.sleep(0.05)
            process.kill()
            with pytest.raises(httpx.TransportError):
                await read_until(events, "error")
    canned_server.replies = [streamed("Again.")]
    with luma_serve(tmp_path, store, canned_server) as (_, url):
        async with signed_in(url) as alice:
            question, answer = (await alice.get(path)).json()["items"]
            assert (answer["content"], answer["state"]) == ("It begins well.", "failed")
            assert answer["error"]["code"] == "answer_interrupted"
            again = await alice.post(path.replace("messages", "regenerate"))
            assert again.json()["llm_message"]["content"] == "Again."
            assert again.json()["llm_message"]["answers"] == question["id"]
