"""Streamed answers and namespace events, with both clients."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.embedding import Embedder
from luma_client import (
    AnswerEvent,
    ApiError,
    AsyncLuma,
    CitationsEvent,
    DeltaEvent,
    DocumentRemovedEvent,
    IngestionEvent,
    LLMMessageEvent,
    NamespaceEvent,
    ProgressEvent,
    ReconnectedEvent,
    UserMessageEvent,
)
from luma_rag.changes.stream import STREAMS_PER_USER
from luma_rag.http import server
from luma_rag.runtime import Runtime, Store, open_services
from tests import factories
from tests.answering import answering
from tests.api import Api
from tests.conftest import serving
from tests.integration.client.conftest import Connect, connected, token_of
from tests.integration.http.test_chats import SlowAnswerer

PATIENCE = 60.0


async def _about_the_handbook(api: Api, alice: AsyncLuma, folder: Path) -> int:
    papers = await alice.create_namespace("papers")
    await alice.upload(factories.handbook(folder), papers.id)
    await api.work()
    return papers.id


async def _rest(events: AsyncGenerator[AnswerEvent]) -> list[AnswerEvent]:
    return [event async for event in events]


async def test_answer_is_streamed(api: Api, connect: Connect, tmp_path: Path) -> None:
    alice = await connect("alice")
    papers = await _about_the_handbook(api, alice, tmp_path)
    events = await _rest(alice.ask_stream(papers, "When is travel refunded?"))
    progress = [event for event in events if isinstance(event, ProgressEvent)]
    assert progress == [
        ProgressEvent("searching"),
        ProgressEvent("reading", ["handbook"]),
        ProgressEvent("thinking"),
    ]
    question, retrieved, *deltas, answered = [event for event in events if event not in progress]
    assert isinstance(question, UserMessageEvent)
    assert isinstance(retrieved, CitationsEvent)
    assert isinstance(answered, LLMMessageEvent)
    pieces = [delta.text for delta in deltas if isinstance(delta, DeltaEvent)]
    assert len(pieces) == len(deltas) > 0
    assert "".join(pieces) == answered.message.content
    assert "two weeks" in answered.message.content
    assert {c.vec_id for c in answered.message.citations} <= {c.vec_id for c in retrieved.citations}
    chat = question.message.chat_id
    asked, stored = await alice.messages(chat)
    assert (asked.id, asked.content, stored) == (
        question.message.id, question.message.content, answered.message,
    )  # fmt: skip

    *_, more = await _rest(alice.ask_in_chat_stream(chat, "Who has the code of the door?"))
    assert isinstance(more, LLMMessageEvent)
    *_, again = await _rest(alice.regenerate_stream(chat))
    assert isinstance(again, LLMMessageEvent)
    assert again.message.id != more.message.id
    assert [m.id for m in (await alice.messages(chat))[1::2]] == [answered.message.id, again.message.id]


async def test_errors_before_the_stream(connect: Connect) -> None:
    alice = await connect("alice")
    with pytest.raises(ApiError) as refused:
        await anext(alice.ask_in_chat_stream(2_000_000, "Anything?"))
    assert refused.value.status == 404


async def test_broken_stream_raises(runtime: Runtime, kind: str, tmp_path: Path) -> None:
    slow = SlowAnswerer()
    async with (
        answering(runtime, slow) as own,
        serving(own) as url,
        Api(url, own) as api,
        connected(kind, url, await token_of(api, "alice")) as alice,
    ):
        papers = await _about_the_handbook(api, alice, tmp_path)
        events = alice.ask_stream(papers, "Vacation?")
        while not isinstance(event := await anext(events), DeltaEvent):
            pass
        assert event.text.startswith("It begins well")
        slow.fail.set()
        with pytest.raises(ApiError, match="language model failed") as failed:
            await _rest(events)
        assert (failed.value.status, failed.value.title) == (502, "LLM failed")


async def test_leaving_a_stream_closes_it(runtime: Runtime, kind: str, tmp_path: Path) -> None:
    slow = SlowAnswerer()
    async with (
        answering(runtime, slow) as own,
        serving(own) as url,
        Api(url, own) as api,
        connected(kind, url, await token_of(api, "alice")) as alice,
    ):
        papers = await _about_the_handbook(api, alice, tmp_path)
        async with aclosing(alice.ask_stream(papers, "Vacation?")) as events:
            async for event in events:
                if isinstance(event, DeltaEvent):
                    break
        client: Any = alice if kind == "asyncio" else vars(alice)["_luma"]
        assert [c for c in client._http._transport._pool.connections if not c.is_idle()] == []
        slow.fail.set()
        await asyncio.wait_for(slow.stopped.wait(), PATIENCE)


async def _until(events: AsyncGenerator[NamespaceEvent], state: str) -> list[NamespaceEvent]:
    """The events up to the first ingestion in this state."""
    seen = []
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            seen.append(event)
            if isinstance(event, IngestionEvent) and event.ingestion.state == state:
                return seen
    raise AssertionError(f"the events ended without {state}: {seen}")


async def test_events_of_a_namespace(api: Api, connect: Connect, tmp_path: Path) -> None:
    alice = await connect("alice")
    papers = await alice.create_namespace("papers")
    uploaded = await alice.upload(factories.handbook(tmp_path), papers.id)
    async with aclosing(alice.events(papers.id)) as events:
        (queued,) = await _until(events, "queued")
        assert isinstance(queued, IngestionEvent)
        assert queued.ingestion == uploaded.ingestions[0]
        await api.work()
        ready = (await _until(events, "ready"))[-1]
        assert isinstance(ready, IngestionEvent)
        assert ready.ingestion == await alice.ingestion(queued.ingestion.id)
        await alice.remove_document(papers.id, uploaded.id)
        assert await anext(events) == DocumentRemovedEvent(uploaded.id, papers.id)
    await alice.add_document(papers.id, uploaded.id)
    await api.work()
    async with aclosing(alice.events(papers.id, last_event_id=queued.id)) as events:
        assert [type(event) for event in await _until(events, "ready")] == [IngestionEvent]


async def test_events_end_when_access_is_revoked(connect: Connect) -> None:
    alice, bob = await connect("alice"), await connect("bob")
    papers = await alice.create_namespace("papers")
    user = await bob.me()
    with pytest.raises(ApiError) as refused:
        await anext(bob.events(papers.id))
    assert refused.value.status == 404
    await alice.set_member(papers.id, user.id, 2)
    async with aclosing(bob.events(papers.id)) as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(1)
        await alice.remove_member(papers.id, user.id)
        with pytest.raises(ApiError) as ended:
            await asyncio.wait_for(waiting, PATIENCE)
    assert ended.value.status == 404


@asynccontextmanager
async def _serving_on(port: int, store: Store, embedder: Embedder) -> AsyncIterator[Runtime]:
    """Serve on this port, with a separate runtime."""
    async with open_services(store, embedder) as runtime:
        with socket.create_server(("127.0.0.1", port)) as listening:
            ready = asyncio.Event()
            running = asyncio.create_task(server.run(runtime, listening, ready.set))
            await ready.wait()
            try:
                yield runtime
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


async def test_events_continue_after_a_restart(
    store: Store, embedder: Embedder, kind: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    async with _serving_on(port, store, embedder) as runtime, Api(url, runtime) as api:
        token = await token_of(api, "alice")
        async with connected(kind, url, token) as alice:
            papers = await alice.create_namespace("papers")
            await alice.upload(factories.handbook(tmp_path), papers.id)
    async with connected(kind, url, token) as alice:
        with pytest.raises(httpx.ConnectError):
            await anext(alice.events(papers.id))
        async with aclosing(alice.events(papers.id)) as events:
            async with _serving_on(port, store, embedder):
                (queued,) = await _until(events, "queued")
            following = asyncio.ensure_future(_until(events, "ready"))
            await asyncio.sleep(1.5)
            assert not following.done()
            async with _serving_on(port, store, embedder) as runtime, Api(url, runtime) as api:
                # An ingestion that finished before the client reconnected finished after its last event.
                await api.work()
                came_back, *_, ready = await following
        assert came_back == ReconnectedEvent()
        assert isinstance(queued, IngestionEvent)
        assert isinstance(ready, IngestionEvent)
        assert ready.ingestion.id == queued.ingestion.id


async def test_excess_streams_are_rejected_with_retry_after(
    api: Api, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luma_client.protocol.MAX_TRIES", 1)
    alice = await connect("alice")
    papers = await alice.create_namespace("papers")
    reader = await api.user("alice")
    async with httpx.AsyncClient(base_url=api.base_url, cookies=reader.cookies) as client:
        requests = [
            client.build_request("GET", f"/api/namespaces/{papers.id}/events")
            for _ in range(STREAMS_PER_USER)
        ]
        responses = [await client.send(request, stream=True) for request in requests]
        with pytest.raises(ApiError) as refused:
            await anext(alice.events(papers.id))
        assert (refused.value.status, refused.value.retry_after) == (429, 5)
        for response in responses:
            await response.aclose()
