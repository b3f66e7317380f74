"""The events of a namespace, over real HTTP with a real database."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from pathlib import Path

import httpx
import msgspec
import pytest
from sqlalchemy import text

from luma_rag.changes.stream import CHANNEL, STREAMS_PER_USER, ChangeStream
from luma_rag.db.listener import Listener
from luma_rag.db.session import connect
from luma_rag.runtime import Runtime
from tests import factories
from tests.api import PASSWORD, Api
from tests.event_streams import Stream
from tests.event_streams import follow as follow_events
from tests.servers import serving


@pytest.fixture
def heartbeat() -> float:
    """Seconds between two checks of a login."""
    return 1.0


@pytest.fixture
async def runtime(runtime: Runtime, heartbeat: float) -> AsyncGenerator[Runtime]:
    """A runtime whose streams check their logins at this interval."""
    listener = Listener(partial(connect, runtime.url), CHANNEL)
    yield msgspec.structs.replace(
        runtime, change_stream=ChangeStream(runtime.sessions, listener, heartbeat=heartbeat)
    )
    await listener.aclose()


def follow(
    client: httpx.AsyncClient, namespace: int, headers: dict[str, str] | None = None
) -> AbstractAsyncContextManager[Stream]:
    return follow_events(client, f"/api/namespaces/{namespace}/events", headers)


async def queue(owner: httpx.AsyncClient, path: Path, *namespaces: int) -> int:
    """Upload without processing the queue."""
    answer = await owner.post(
        "/api/documents",
        files={"file": (path.name, path.read_bytes())},
        data={"namespace_id": [str(n) for n in namespaces]},
    )
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def member(
    api: Api, owner: httpx.AsyncClient, namespace: int, name: str
) -> tuple[httpx.AsyncClient, str]:
    """A member of level 1, and the URL of the membership."""
    client = await api.user(name)
    user_id = (await client.get("/api/auth/me")).json()["id"]
    path = f"/api/namespaces/{namespace}/members/{user_id}"
    assert (await owner.put(path, json={"auth_level": 1})).status_code == 200
    return client, path


async def test_stream_sends_the_state_then_every_change(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    here, elsewhere = await api.namespace(alice), await api.namespace(alice)
    doc_id = await queue(alice, factories.handbook(tmp_path), here, elsewhere)
    async with follow(alice, here) as stream:
        name, queued = await stream.next()
        assert (name, queued["state"], queued["doc_id"]) == ("ingestion", "queued", doc_id)
        await api.work()
        received = await stream.until("ready")
        assert {each["namespace_id"] for each in received} == {here}
        assert received[-1] == (await alice.get(f"/api/ingestions/{queued['id']}")).json()
        assert stream.id == received[-1]["updated_at"].replace("Z", "+00:00")
        assert (await alice.delete(f"/api/namespaces/{here}/documents/{doc_id}")).status_code == 204
        assert await stream.next() == ("document_removed", {"doc_id": doc_id, "namespace_id": here})
        # Removed and added again: for a new client it was never removed.
        added = await alice.post(f"/api/namespaces/{here}/documents", json={"doc_id": doc_id})
        assert (await stream.next())[1]["id"] == added.json()["id"]


async def test_reconnecting_client_receives_missed_completions(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    await queue(alice, factories.handbook(tmp_path), namespace)
    async with follow(alice, namespace) as stream:
        await stream.next()
        last = stream.id
    await api.work()
    async with follow(alice, namespace) as stream:
        await stream.comment()  # no unfinished ingestion
    assert last is not None
    async with follow(alice, namespace, {"last-event-id": last}) as stream:
        assert (await stream.next())[1]["state"] == "ready"
    for nonsense in ("x", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-22"):
        async with follow(alice, namespace, {"last-event-id": nonsense}) as stream:
            assert stream.response.status_code == 200


async def test_revoked_membership_ends_the_stream_immediately(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    bob, membership = await member(api, alice, namespace, "bob")
    carol, _ = await member(api, alice, namespace, "carol")
    async with follow(bob, namespace) as bobs, follow(carol, namespace) as carols:
        await asyncio.gather(bobs.comment(), carols.comment())
        assert (await alice.delete(membership)).status_code == 204
        await queue(alice, factories.handbook(tmp_path), namespace)
        await bobs.ends(404)
        assert (await carols.next())[1]["state"] == "queued"
    assert (await bob.get(f"/api/namespaces/{namespace}/events")).status_code == 404


async def test_access_is_rechecked_without_events(api: Api) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    bob, _ = await member(api, alice, namespace, "bob")
    async with follow(bob, namespace) as stream:
        await stream.comment()
        async with api.runtime.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE login_session DISABLE TRIGGER tell_change"))
            await connection.execute(text("UPDATE login_session SET expires_at = now() - interval '1 s'"))
        await stream.ends(401)


@pytest.mark.parametrize("heartbeat", [600.0])
@pytest.mark.parametrize("kind", ["token", "session"])
async def test_stream_ends_when_the_time_of_its_login_is_over(api: Api, kind: str) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    client, table = alice, "login_session"
    if kind == "token":
        token = (await alice.post("/api/auth/tokens", json={"name": "t", "expires_in_days": 1})).json()
        client, table = await api.anonymous({"authorization": f"Bearer {token['token']}"}), "api_token"
    async with api.runtime.engine.begin() as connection:
        await connection.execute(text(f"UPDATE {table} SET expires_at = localtimestamp + interval '2 s'"))
    async with follow(client, namespace) as stream:
        await stream.comment()
        await stream.ends(401)


async def test_ended_session_ends_the_stream(api: Api) -> None:
    alice = await api.user("alice")
    again = await api.sign_in("alice")
    namespace = await api.namespace(alice)
    async with follow(alice, namespace) as first, follow(again, namespace) as second:
        await asyncio.gather(first.comment(), second.comment())
        assert (await alice.post("/api/auth/logout")).status_code == 204
        await first.ends(401)
        await second.comment()
        change = {"current": PASSWORD, "new": "quite another horse"}
        assert (await (await api.sign_in("alice")).post("/api/auth/password", json=change)).status_code == 204
        await second.ends(401)


async def test_restricted_or_revoked_token_ends_the_stream(api: Api) -> None:
    alice = await api.user("alice")
    here, elsewhere = await api.namespace(alice), await api.namespace(alice)
    for statement, status in (
        (f"UPDATE api_token SET namespace_ids = '{{{elsewhere}}}'", 404),
        ("UPDATE api_token SET expires_at = now() - interval '1 s'", 401),
        ("DELETE FROM api_token", 401),
    ):
        token = (await alice.post("/api/auth/tokens", json={"name": "t"})).json()["token"]
        client = await api.anonymous({"authorization": f"Bearer {token}"})
        async with follow(client, here) as stream:
            await stream.comment()
            async with api.runtime.engine.begin() as connection:
                await connection.execute(text(statement))
            await stream.ends(status)


async def test_hidden_or_removed_namespace_ends_the_stream(api: Api) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    namespace = await api.namespace(alice, is_public=True)
    async with follow(bob, namespace) as bobs, follow(alice, namespace) as alices:
        await asyncio.gather(bobs.comment(), alices.comment())
        hidden = await alice.patch(f"/api/namespaces/{namespace}", json={"is_public": False})
        assert hidden.status_code == 200
        await bobs.ends(404)
        await alices.comment()
        assert (await alice.delete(f"/api/namespaces/{namespace}")).status_code == 204
        await alices.ends(404)


async def test_stream_survives_the_loss_of_the_listener_connection(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    async with follow(alice, namespace) as stream:
        await stream.comment()
        async with api.runtime.engine.connect() as connection:
            # All connections except this one: the listener's and the pool's, as in a restart.
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                    "AND backend_type = 'client backend'"
                )
            )
        await queue(alice, factories.handbook(tmp_path), namespace)
        await api.work()
        await stream.until("ready")


@pytest.mark.parametrize("heartbeat", [15.0])
async def test_a_hundred_clients_share_one_connection(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    readers = [(await member(api, alice, namespace, f"reader{i}"))[0] for i in range(7)]
    followers = [readers[i % len(readers)] for i in range(100)]
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(follow(client, namespace)) for client in followers]
        await asyncio.gather(*(stream.comment() for stream in streams))
        await queue(alice, factories.handbook(tmp_path), namespace)
        await api.work()
        received = await asyncio.gather(*(stream.until("ready") for stream in streams))
        assert len({each[-1]["id"] for each in received}) == 1
        async with api.runtime.engine.connect() as connection:
            connections = await connection.scalar(
                text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            )
        # At most the eight connections of the pool and the listener's.
        assert connections <= 9


async def test_streams_per_user_are_limited(api: Api) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice, is_public=True)
    url = f"/api/namespaces/{namespace}/events"
    async with AsyncExitStack() as stack:
        for _ in range(STREAMS_PER_USER):
            await stack.enter_async_context(follow(alice, namespace))
        refused = await alice.get(url)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        async with follow(await api.user("bob"), namespace):
            pass
    for _ in range(50):  # until the server notices the disconnects
        async with alice.stream("GET", url) as response:
            if response.status_code == 200:
                return
        await asyncio.sleep(0.1)
    pytest.fail("streams that were left still count")


async def test_slow_reader_receives_each_document_once(api: Api, tmp_path: Path) -> None:
    """Changes for a slow reader take memory per ingestion, not per change."""
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    await queue(alice, factories.handbook(tmp_path), namespace)
    async with follow(alice, namespace) as stream:
        await stream.next()
        for step in range(200):
            async with api.runtime.engine.begin() as connection:
                await connection.execute(text(f"UPDATE ingestion SET attempts = {step}"))
        received = [(await stream.next())[1]["attempts"]]
        while received[-1] != 199:
            received.append((await stream.next())[1]["attempts"])
        assert len(received) < 60
        assert received == sorted(received)


async def test_server_shutdown_ends_streams_promptly(runtime: Runtime) -> None:
    async with AsyncExitStack() as stack, Api("", runtime) as api:
        async with serving(runtime) as url:
            api.base_url = url
            alice = await api.user("alice")
            namespace = await api.namespace(alice)
            stream = await stack.enter_async_context(follow(alice, namespace))
            await stream.comment()
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < 3
        assert await stream.next() == ("end", None)


async def test_event_ids_are_timestamps(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    await queue(alice, factories.handbook(tmp_path), namespace)
    async with follow(alice, namespace) as stream:
        await stream.next()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", stream.id or "")
