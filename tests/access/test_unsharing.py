"""A document leaves a namespace when the right ends by which it was put there, however it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import httpx
import msgspec
import pytest
from sqlalchemy import text

from luma_rag.documents import claims, ingestion, vectors
from luma_rag.documents.vectors import PostgresSink
from luma_rag.runtime import Runtime
from luma_rag.verify import verify
from tests import factories
from tests.api import Api
from tests.integration.http.test_events import follow

SECRET = "The vault opens with the word petrichor."


class Scene(msgspec.Struct, frozen=True):
    """Alice's private document is in Dave's namespace, which she can't read. Bob put it there."""

    api: Api
    admin: httpx.AsyncClient
    alice: httpx.AsyncClient
    bob: httpx.AsyncClient
    dave: httpx.AsyncClient
    bob_id: int
    namespace: int
    document: int

    async def ok(self, client: httpx.AsyncClient, method: str, url: str, **options: Any) -> Any:
        answer = await client.request(method, url, **options)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def places(self) -> list[dict[str, Any]]:
        """Where the document is, as its owner sees it."""
        page = await self.ok(self.alice, "GET", f"/api/documents/{self.document}/namespaces")
        assert page["total"] == len(page["items"])
        return list(page["items"])

    async def reached(self, client: httpx.AsyncClient) -> set[str]:
        """The ways in which a reader of the namespace reaches the document."""
        document, namespace = f"/api/documents/{self.document}", f"/api/namespaces/{self.namespace}"
        opened = {name: await client.get(f"{document}/{name}") for name in ("file", "passages")}
        listed = await self.ok(client, "GET", f"{namespace}/documents")
        reached = {name for name, answer in opened.items() if answer.is_success}
        reached |= {"list"} if listed["items"] else set()
        for mode in ("dense", "lexical", "hybrid"):
            query = {"query": SECRET, "mode": mode}
            found = await self.ok(client, "POST", f"{namespace}/search", json=query)
            reached |= {mode} if found["hits"] else set()
        counted = await self.ok(client, "GET", namespace)
        return reached | ({"counts"} if counted["documents"] or counted["chunks"] else set())


EVERYWHERE = {"file", "passages", "list", "dense", "lexical", "hybrid", "counts"}
Right = Literal["write", "public", "admin"]


async def _scene(api: Api, folder: Path, right: Right) -> Scene:
    admin, alice, bob, dave = [
        await api.admin(),
        *[await api.user(name) for name in ("alice", "bob", "dave")],
    ]
    own, namespace = await api.namespace(alice), await api.namespace(dave, name="Dave's secret plans")
    document = await api.upload(alice, factories.pdf(folder / "vault.pdf", SECRET), own)
    bob_id = (await bob.get("/api/auth/me")).json()["id"]
    scene = Scene(api, admin, alice, bob, dave, bob_id, namespace, document)
    await scene.ok(alice, "DELETE", f"/api/namespaces/{own}/documents/{document}")
    member = f"/api/namespaces/{namespace}/members/{bob_id}"
    await scene.ok(dave, "PUT", member, json={"auth_level": 2})
    match right:
        case "write":
            await _share(scene, "write")
        case "public":
            await scene.ok(alice, "PATCH", f"/api/documents/{document}", json={"is_public": True})
        case "admin":
            await scene.ok(admin, "PATCH", f"/api/users/{bob_id}", json={"role": "admin"})
    await scene.ok(bob, "POST", f"/api/namespaces/{namespace}/documents", json={"doc_id": document})
    return scene


async def _share(scene: Scene, permission: str) -> None:
    url = f"/api/documents/{scene.document}/permissions/{scene.bob_id}"
    await scene.ok(scene.alice, "PUT", url, json={"permission": permission})


async def _unshare(scene: Scene) -> None:
    url = f"/api/documents/{scene.document}/permissions/{scene.bob_id}"
    await scene.ok(scene.alice, "DELETE", url)


async def _lower(scene: Scene) -> None:
    await _share(scene, "read")


async def _hide(scene: Scene) -> None:
    await scene.ok(scene.alice, "PATCH", f"/api/documents/{scene.document}", json={"is_public": False})


async def _withdraw(scene: Scene) -> None:
    url = f"/api/documents/{scene.document}/namespaces/{scene.namespace}"
    await scene.ok(scene.alice, "DELETE", url)


async def _remove_account(scene: Scene) -> None:
    await scene.ok(scene.admin, "DELETE", f"/api/users/{scene.bob_id}")


async def _hand_over(scene: Scene) -> None:
    heir = (await (await scene.api.user("erin")).get("/api/auth/me")).json()["id"]
    await scene.ok(scene.admin, "DELETE", f"/api/users/{scene.bob_id}", params={"hand_to": heir})


async def _demote(scene: Scene) -> None:
    await scene.ok(scene.admin, "PATCH", f"/api/users/{scene.bob_id}", json={"role": "user"})


def _by_sql(statement: str) -> Callable[[Scene], Awaitable[None]]:
    async def execute(scene: Scene) -> None:
        async with scene.api.runtime.sessions.begin() as session:
            await session.execute(text(statement).bindparams(user=scene.bob_id))

    return execute


# How a right ends, which right, and the user in the audit trail, if any.
ENDS: dict[str, tuple[Right, Callable[[Scene], Awaitable[None]], str | None]] = {
    "the share is withdrawn": ("write", _unshare, "alice"),
    "the share is lowered": ("write", _lower, "alice"),
    "the document becomes private": ("public", _hide, "alice"),
    "the owner takes it back": ("write", _withdraw, "alice"),
    "the account is removed": ("write", _remove_account, "root"),
    "the account is removed while the document is public": ("public", _remove_account, "root"),
    "the account is handed over to a user without a right": ("write", _hand_over, "root"),
    "the role is lost": ("admin", _demote, "root"),
    "SQL deletes the share": ("write", _by_sql("DELETE FROM doc_user WHERE user_id = :user"), None),
    "SQL deletes the account": ("write", _by_sql("DELETE FROM users WHERE id = :user"), None),
    "SQL gives the share to another user": (
        "write",
        _by_sql("UPDATE doc_user SET user_id = (SELECT min(id) FROM users) WHERE user_id = :user"),
        None,
    ),
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_document_leaves_with_the_right(api: Api, tmp_path: Path, end: str) -> None:
    right, act, actor = ENDS[end]
    scene = await _scene(api, tmp_path, right)
    await api.work()
    assert await scene.reached(scene.dave) == EVERYWHERE
    [place] = await scene.places()
    assert place.pop("placed_at") is not None
    assert place == {
        "namespace_id": scene.namespace,
        "name": "Dave's secret plans",
        "user_id": scene.bob_id,
        "username": "bob",
    }
    async with follow(scene.dave, scene.namespace) as stream:
        await stream.comment()
        await act(scene)
        removed = {"doc_id": scene.document, "namespace_id": scene.namespace}
        assert await stream.next() == ("document_removed", removed)
    is_public = (await scene.ok(scene.alice, "GET", f"/api/documents/{scene.document}"))["is_public"]
    assert await scene.reached(scene.dave) == ({"file", "passages"} if is_public else set())
    assert await scene.places() == []
    trail = await scene.ok(scene.admin, "GET", "/api/audit?action=namespace.document-removed")
    event = trail["items"][0]
    assert (event["actor"], event["about"]) == (actor, removed)
    assert (event["request_id"] is None) is (actor is None)
    assert (await verify(api.runtime.sessions, api.runtime.storage, deep=True)).findings == []


@pytest.mark.parametrize(
    "end", ["the share is withdrawn", "the owner takes it back", "SQL deletes the account"]
)
async def test_a_running_ingestion_does_not_place_the_document_afterwards(
    api: Api, tmp_path: Path, end: str
) -> None:
    right, act, _ = ENDS[end]
    scene = await _scene(api, tmp_path, right)
    async with api.runtime.engine.connect() as connection:
        worker = await ingestion.register_worker(connection)
        async with api.runtime.sessions.begin() as session:
            assert await claims.claim(session, worker, [scene.document]) is not None
        assert len(await scene.places()) == 1
        await act(scene)
        await PostgresSink(api.runtime.sessions, worker).link(scene.document)
        await connection.invalidate()
    assert await scene.reached(scene.dave) == set()
    assert (await verify(api.runtime.sessions, api.runtime.storage)).findings == []


async def test_a_right_that_remains_keeps_the_document(api: Api, tmp_path: Path) -> None:
    scene = await _scene(api, tmp_path, "public")
    await api.work()
    await _share(scene, "write")
    await _hide(scene)
    assert await scene.reached(scene.dave) == EVERYWHERE
    await scene.ok(scene.alice, "PATCH", f"/api/documents/{scene.document}", json={"is_public": True})
    await _lower(scene)
    assert await scene.reached(scene.dave) == EVERYWHERE
    # Bob leaves Dave's namespace: his right to the document is not one to the namespace.
    await scene.ok(scene.bob, "DELETE", f"/api/namespaces/{scene.namespace}/members/{scene.bob_id}")
    assert await scene.reached(scene.dave) == EVERYWHERE
    await _hide(scene)
    assert await scene.reached(scene.dave) == set()


async def test_a_successor_stands_for_what_was_added_by_right(api: Api, tmp_path: Path) -> None:
    scene = await _scene(api, tmp_path, "write")
    await api.work()
    erin = (await (await api.user("erin")).get("/api/auth/me")).json()["id"]
    share = f"/api/documents/{scene.document}/permissions/{erin}"
    await scene.ok(scene.alice, "PUT", share, json={"permission": "write"})
    await scene.ok(scene.admin, "DELETE", f"/api/users/{scene.bob_id}", params={"hand_to": erin})
    assert [place["username"] for place in await scene.places()] == ["erin"]
    assert await scene.reached(scene.dave) == EVERYWHERE


async def test_old_answers_keep_their_quotes(api: Api, tmp_path: Path) -> None:
    scene = await _scene(api, tmp_path, "write")
    await api.work()
    chat = (await scene.ok(scene.dave, "POST", "/api/chats", json={"namespace_id": scene.namespace}))["id"]
    messages = f"/api/chats/{chat}/messages"
    asked = await scene.ok(scene.dave, "POST", messages, json={"content": "What opens the vault?"})
    assert "petrichor" in asked["llm_message"]["citations"][0]["quote"]
    await _unshare(scene)
    kept = await scene.ok(scene.dave, "GET", messages)
    assert kept["items"][-1]["citations"] == asked["llm_message"]["citations"]


async def test_the_question_set_keeps_no_quotes(api: Api, tmp_path: Path) -> None:
    scene = await _scene(api, tmp_path, "write")
    await api.work()
    base = f"/api/namespaces/{scene.namespace}"
    place = {"doc_id": scene.document, "page": 1, "quote": SECRET}
    questions = {"questions": [{"question": "What opens the vault?", "places": [place]}]}
    await scene.ok(scene.bob, "POST", f"{base}/questions", json=questions)

    async def places() -> list[dict[str, Any]]:
        (question,) = (await scene.ok(scene.dave, "GET", f"{base}/questions"))["items"]
        return list(question["places"])

    assert await places() == [place]
    await _unshare(scene)
    assert await places() == []
    assert (await scene.dave.post(f"{base}/evaluations", json={})).status_code == 409
    await _share(scene, "write")
    await scene.ok(scene.bob, "POST", f"{base}/documents", json={"doc_id": scene.document})
    await api.work()
    assert await places() == [place]


async def test_only_owner_and_administrators_see_and_end_it(api: Api, tmp_path: Path) -> None:
    scene = await _scene(api, tmp_path, "write")
    await api.work()
    url = f"/api/documents/{scene.document}/namespaces"
    for client in (scene.bob, scene.dave):
        assert (await client.get(url)).status_code == 403
        assert (await client.delete(f"{url}/{scene.namespace}")).status_code == 403
    assert (await scene.admin.get(url)).json()["items"] == await scene.places()
    # Alice's token for her own namespace tells nothing of Dave's.
    own = await api.namespace(scene.alice)
    await scene.ok(scene.alice, "POST", f"/api/namespaces/{own}/documents", json={"doc_id": scene.document})
    await api.work()
    made = await scene.ok(scene.alice, "POST", "/api/auth/tokens", json={"name": "t", "namespace_ids": [own]})
    narrowed = await api.anonymous({"authorization": f"Bearer {made['token']}"})
    assert [place["namespace_id"] for place in (await narrowed.get(url)).json()["items"]] == [own]
    assert (await narrowed.delete(f"{url}/{scene.namespace}")).status_code == 404
    assert len(await scene.places()) == 2
    assert (await scene.alice.delete(f"{url}/999999")).status_code == 404


async def test_adding_waits_for_a_right_that_is_just_ending(api: Api, tmp_path: Path) -> None:
    scene = await _scene(api, tmp_path, "write")
    await api.work()
    documents = f"/api/namespaces/{scene.namespace}/documents"
    await scene.ok(scene.dave, "DELETE", f"{documents}/{scene.document}")
    async with api.runtime.sessions.begin() as session:
        await session.execute(text("DELETE FROM doc_user"))
        adding = asyncio.create_task(scene.bob.post(documents, json={"doc_id": scene.document}))
        await _until_one_waits(api.runtime)
    assert (await asyncio.wait_for(adding, 30)).status_code == 403
    assert await scene.places() == []


async def test_a_right_ends_only_after_the_worker_has_stored_the_document(api: Api, tmp_path: Path) -> None:
    scene = await _scene(api, tmp_path, "write")
    async with api.runtime.engine.connect() as connection:
        worker = await ingestion.register_worker(connection)
        async with api.runtime.sessions.begin() as session:
            assert await claims.claim(session, worker, [scene.document]) is not None
        async with api.runtime.sessions.begin() as session:
            # The worker is about to copy the rows.
            held = "SELECT FROM ingestion WHERE state = 'running' FOR UPDATE"
            await session.execute(text(held))
            ending = asyncio.create_task(_by_sql("DELETE FROM doc_user WHERE user_id = :user")(scene))
            await _until_one_waits(api.runtime)
            await vectors._link(session, scene.document, worker)
        await asyncio.wait_for(ending, 30)
        await connection.invalidate()
    assert await scene.reached(scene.dave) == set()
    assert (await verify(api.runtime.sessions, api.runtime.storage)).findings == []


async def _until_one_waits(runtime: Runtime) -> None:
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND cardinality(pg_blocking_pids(pid)) > 0"
    )
    async with asyncio.timeout(30):
        while True:
            async with runtime.sessions.begin() as session:
                if await session.scalar(blocked):
                    return
            await asyncio.sleep(0.02)
