"""Answers of which nothing is stored: rights, limits, and shutdowns while they are written."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_rag.runtime import Runtime
from tests import factories
from tests.answering import Dictated, answering
from tests.api import Api
from tests.integration.http.test_completions import QUESTION, URL, asking, with_handbook
from tests.servers import serving


async def read(client: httpx.AsyncClient, namespace: int, begun: asyncio.Event) -> str:
    """The stream of an answer, of which `begun` tells the first words."""
    received = ""
    async with client.stream("POST", URL, json=asking(namespace, stream=True, store=False)) as answer:
        async for line in answer.aiter_lines():
            received += f"{line}\n"
            if "begins" in received:
                begun.set()
    return received


async def test_a_lost_document_ends_the_answer(runtime: Runtime, tmp_path: Path) -> None:
    dictated = Dictated()
    async with answering(runtime, dictated) as own, serving(own) as url, Api(url, own) as api:
        alice, bob = await api.user("alice"), await api.user("bob")
        namespace = await api.namespace(alice)
        doc_id = await api.upload(alice, factories.handbook(tmp_path), namespace)
        await alice.patch(f"/api/documents/{doc_id}", json={"is_public": False})
        bob_id = (await bob.get("/api/auth/me")).json()["id"]
        await alice.put(f"/api/namespaces/{namespace}/members/{bob_id}", json={"auth_level": 1})
        begun = asyncio.Event()
        dictated.say(QUESTION, "It begins ")
        reading = asyncio.create_task(read(bob, namespace, begun))
        await asyncio.wait_for(begun.wait(), 20)
        removed = await alice.delete(f"/api/namespaces/{namespace}/members/{bob_id}")
        assert removed.is_success, removed.text
        async with asyncio.timeout(20):
            assert '"error"' in await reading
            await dictated.left[QUESTION].wait()


async def test_a_shutdown_ends_the_answer_with_an_error(runtime: Runtime, tmp_path: Path) -> None:
    dictated = Dictated()
    async with answering(runtime, dictated) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        namespace = await with_handbook(api, alice, tmp_path)
        begun = asyncio.Event()
        dictated.say(QUESTION, "It begins ")
        reading = asyncio.create_task(read(alice, namespace, begun))
        await asyncio.wait_for(begun.wait(), 20)
        own.chats.close()
        async with asyncio.timeout(20):
            assert "was shut down" in await reading
            await dictated.left[QUESTION].wait()
        refused = await alice.post(URL, json=asking(namespace, store=False))
        assert refused.status_code == 503


@pytest.mark.parametrize("leaves", [False, True])
async def test_as_many_as_the_limit_are_written_at_once(
    runtime: Runtime, tmp_path: Path, leaves: bool
) -> None:
    dictated = Dictated()
    async with (
        answering(runtime, dictated, answers_at_once=1) as own,
        serving(own) as url,
        Api(url, own) as api,
    ):
        alice = await api.user("alice")
        namespace = await with_handbook(api, alice, tmp_path)
        begun = asyncio.Event()
        dictated.say(QUESTION, "It begins ")
        reading = asyncio.create_task(read(alice, namespace, begun))
        await asyncio.wait_for(begun.wait(), 20)
        request: dict[str, Any] = asking(namespace, store=False)
        assert (await alice.post(URL, json=request)).status_code == 429
        if leaves:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            async with asyncio.timeout(20):
                await dictated.left[QUESTION].wait()
        else:
            dictated.say(QUESTION, None)
            assert "[DONE]" in await reading
        dictated.say(QUESTION, "Yes.", None)
        async with asyncio.timeout(20):
            while (again := await alice.post(URL, json=request)).status_code == 429:
                await asyncio.sleep(0.05)
        assert again.json()["choices"][0]["message"]["content"] == "Yes."
