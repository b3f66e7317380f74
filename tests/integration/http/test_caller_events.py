"""The events of a caller, over real HTTP with a real database."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from tests import factories
from tests.api import Api
from tests.event_streams import Stream, follow

EVENTS = "/api/events"
NAMESPACES: tuple[str, dict[str, int]] = ("namespaces", {})
DOCUMENTS: tuple[str, dict[str, int]] = ("documents", {})
BEGIN_TURN = """
WITH question AS (
    INSERT INTO message (chat_id, sender_type, content, time_sent) VALUES (:chat, 'user', '?', now())
    RETURNING id, chat_id
)
INSERT INTO turn (chat_id, question_id, state, process) SELECT chat_id, id, 'running', 1 FROM question
"""
# What a page may take to follow the loss of a right.
SECONDS = 2.0


async def expect(stream: Stream, *wanted: tuple[str, Any]) -> None:
    """Assert that the next events are these, in any order, and come in time."""
    began = time.monotonic()
    found = [await stream.next() for _ in wanted]
    assert sorted(found, key=str) == sorted(wanted, key=str)
    assert time.monotonic() - began < SECONDS


async def silent(stream: Stream, client: httpx.AsyncClient) -> None:
    """Assert that there is no event up to now. A chat of the client marks the moment."""
    namespace = (await client.get("/api/namespaces")).json()["items"][0]["id"]
    chat = await started(client, namespace)
    await expect(stream, ("chats", {"chat_id": chat}))


async def started(client: httpx.AsyncClient, namespace: int) -> int:
    """A new chat."""
    answer = await client.post("/api/chats", json={"namespace_id": namespace})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def id_of(client: httpx.AsyncClient) -> int:
    return int((await client.get("/api/auth/me")).json()["id"])


async def done(call: Any) -> None:
    answer = await call
    assert answer.is_success, answer.text


async def test_namespaces(api: Api) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    await api.namespace(bob)
    bob_id = await id_of(bob)
    async with follow(alice, EVENTS) as alices, follow(bob, EVENTS) as bobs:
        await asyncio.gather(alices.comment(), bobs.comment())
        namespace = await api.namespace(alice)
        await expect(alices, NAMESPACES, DOCUMENTS)
        path = f"/api/namespaces/{namespace}"
        await done(alice.patch(path, json={"name": "renamed"}))
        await expect(alices, NAMESPACES, DOCUMENTS)
        await silent(bobs, bob)

        for level in (1, 3):
            await done(alice.put(f"{path}/members/{bob_id}", json={"auth_level": level}))
            members = ("members", {"namespace_id": namespace})
            await expect(alices, members)
            await expect(bobs, NAMESPACES, DOCUMENTS, *([members] if level == 3 else []))
        await done(alice.delete(f"{path}/members/{bob_id}"))
        await expect(alices, ("members", {"namespace_id": namespace}))
        await expect(bobs, NAMESPACES, DOCUMENTS)

        for change in ({"is_public": True}, {"description": "x"}, {"is_public": False}):
            await done(alice.patch(path, json=change))
            await asyncio.gather(*(expect(each, NAMESPACES, DOCUMENTS) for each in (alices, bobs)))
        await done(alice.delete(path))
        await expect(alices, NAMESPACES, DOCUMENTS)
        await silent(bobs, bob)


async def test_a_change_of_the_role(api: Api) -> None:
    root, bob = await api.admin(), await api.user("bob")
    await api.namespace(root)
    await api.namespace(bob)
    async with follow(bob, EVENTS) as stream:
        await stream.comment()
        await done(root.patch(f"/api/users/{await id_of(bob)}", json={"role": "admin"}))
        await expect(stream, NAMESPACES, DOCUMENTS)


async def test_chats(api: Api) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    namespace = await api.namespace(alice, is_public=True)
    async with follow(alice, EVENTS) as stream, follow(bob, EVENTS) as bobs:
        await asyncio.gather(stream.comment(), bobs.comment())
        chat = await started(alice, namespace)
        path, event = f"/api/chats/{chat}", ("chats", {"chat_id": chat})
        await expect(stream, event)
        for change in ({"title": "new"}, {"title": "newer"}, {"pinned": True}, {"pinned": False}):
            await done(alice.patch(path, json=change))
            await expect(stream, event)
        async with api.runtime.engine.begin() as connection:
            await connection.execute(text(BEGIN_TURN), {"chat": chat})
        await expect(stream, event)
        async with api.runtime.engine.begin() as connection:
            await connection.execute(text("UPDATE turn SET state = 'complete', process = NULL"))
        await expect(stream, event)
        await done(alice.delete(path))
        await expect(stream, event)
        await silent(bobs, bob)


async def test_many_chats_change_as_one(api: Api) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    for _ in range(30):
        await started(alice, namespace)
    async with follow(alice, EVENTS) as stream:
        await stream.comment()
        await done(alice.delete(f"/api/namespaces/{namespace}"))
        await expect(stream, ("chats", {"chat_id": None}), NAMESPACES, DOCUMENTS)


async def test_documents(api: Api, tmp_path: Path) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    await api.namespace(bob)
    bob_id = await id_of(bob)
    async with follow(alice, EVENTS) as alices, follow(bob, EVENTS) as bobs:
        await asyncio.gather(alices.comment(), bobs.comment())
        document = await api.upload(alice, factories.handbook(tmp_path))
        await expect(alices, DOCUMENTS)
        await silent(bobs, bob)
        path = f"/api/documents/{document}"
        share = f"{path}/permissions/{bob_id}"
        for permission in ("read", "write"):
            await done(alice.put(share, json={"permission": permission}))
            await expect(bobs, DOCUMENTS)
        await done(alice.patch(path, json={"title": "renamed"}))
        await asyncio.gather(*(expect(each, DOCUMENTS) for each in (alices, bobs)))
        await done(alice.delete(share))
        await expect(bobs, DOCUMENTS)

        for is_public in (True, False, True):
            await done(alice.patch(path, json={"is_public": is_public}))
            await asyncio.gather(*(expect(each, DOCUMENTS) for each in (alices, bobs)))
        await done(alice.delete(path))
        await asyncio.gather(*(expect(each, DOCUMENTS) for each in (alices, bobs)))


async def test_a_hundred_uploads_are_a_handful_of_events(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    async with follow(alice, EVENTS) as stream:
        await stream.comment()
        began = time.monotonic()
        data = {"namespace_id": str(namespace)}
        for number in range(100):
            content = factories.pdf(tmp_path / f"{number}.pdf", f"Page {number}").read_bytes()
            answer = await alice.post("/api/documents", files={"file": ("a.pdf", content)}, data=data)
            assert answer.status_code == 201
        seconds = time.monotonic() - began
        await done(alice.patch(f"/api/namespaces/{namespace}", json={"name": "done"}))
        counted: Counter[str] = Counter()
        while not counted["namespaces"]:
            counted[(await stream.next())[0]] += 1
        assert counted.keys() == {"documents", "namespaces"}
        assert 1 <= counted["documents"] <= seconds + 2


async def test_the_events_of_a_namespace(api: Api, tmp_path: Path) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    namespace = await api.namespace(alice)
    membership = f"/api/namespaces/{namespace}/members/{await id_of(bob)}"
    document = await api.upload(alice, factories.handbook(tmp_path), namespace)
    lost = ("namespace_lost", {"namespace_id": namespace})
    async with follow(bob, f"{EVENTS}?namespace_id={namespace}") as stream:
        await expect(stream, lost)
        await done(alice.put(membership, json={"auth_level": 1}))
        await expect(stream, NAMESPACES, DOCUMENTS)
        await done(alice.delete(f"/api/namespaces/{namespace}/documents/{document}"))
        await expect(stream, ("document_removed", {"doc_id": document, "namespace_id": namespace}))
        await done(alice.post(f"/api/namespaces/{namespace}/documents", json={"doc_id": document}))
        # Bob can't read the document before it is ready.
        name, queued = await stream.next()
        assert (name, queued["state"]) == ("ingestion", "queued")
        await done(alice.delete(membership))
        await expect(stream, NAMESPACES, DOCUMENTS, lost)
        await done(alice.delete(f"/api/namespaces/{namespace}/documents/{document}"))
        await done(alice.put(membership, json={"auth_level": 1}))
        await expect(stream, NAMESPACES, DOCUMENTS)


async def test_a_restricted_token_is_told_of_its_namespaces_alone(api: Api) -> None:
    alice = await api.user("alice")
    here, elsewhere = await api.namespace(alice), await api.namespace(alice)
    made = (await alice.post("/api/auth/tokens", json={"name": "t", "namespace_ids": [here]})).json()
    token = await api.anonymous({"authorization": f"Bearer {made['token']}"})
    async with follow(token, EVENTS) as stream:
        await stream.comment()
        await started(alice, elsewhere)
        await done(alice.patch(f"/api/namespaces/{elsewhere}", json={"name": "renamed"}))
        await silent(stream, token)
        await done(alice.delete(f"/api/auth/tokens/{made['id']}"))
        await stream.ends(401)


async def test_after_a_gap_anything_may_have_changed(api: Api) -> None:
    alice = await api.user("alice")
    async with follow(alice, EVENTS) as stream:
        await stream.comment()
        async with api.runtime.engine.connect() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                    "AND backend_type = 'client backend'"
                )
            )
        found = [await stream.next() for _ in range(3)]
        assert sorted(found, key=str) == [
            ("chats", {"chat_id": None}),
            DOCUMENTS,
            ("members", {"namespace_id": None}),
        ]
