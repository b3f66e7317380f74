"""The ways in which other systems let people see what they may not, one by one."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from luma_rag.db.models import NamespaceAuth
from tests import factories
from tests.access.world import World, make_world
from tests.api import Api

SECRET = "The vault opens with the word petrichor."


async def _shared(api: Api, tmp_path: Path) -> tuple[httpx.AsyncClient, httpx.AsyncClient, int, int]:
    """Alice, Bob, and a namespace of Alice's with one document, where Bob has level 1."""
    alice, bob = await api.user("alice"), await api.user("bob")
    namespace = await api.namespace(alice)
    doc_id = await api.upload(alice, factories.pdf(tmp_path / "vault.pdf", SECRET), namespace)
    assert (await _set_level(alice, namespace, bob, 1)).status_code == 200
    return alice, bob, namespace, doc_id


async def _set_level(
    owner: httpx.AsyncClient, namespace: int, member: httpx.AsyncClient, level: int
) -> httpx.Response:
    url = f"/api/namespaces/{namespace}/members/{await _id(member)}"
    return await owner.put(url, json={"auth_level": level})


async def _id(client: httpx.AsyncClient) -> int:
    return int((await client.get("/api/auth/me")).json()["id"])


async def _search(client: httpx.AsyncClient, namespace: int, **options: Any) -> list[dict[str, Any]]:
    url = f"/api/namespaces/{namespace}/search"
    answer = await client.post(url, json={"query": "the word of the vault", "k": 100, **options})
    assert answer.status_code == 200, answer.text
    hits: list[dict[str, Any]] = answer.json()["hits"]
    return hits


async def test_owning_a_document_does_not_widen_the_namespace_that_is_asked(api: Api, tmp_path: Path) -> None:
    _, bob, namespace, theirs = await _shared(api, tmp_path)
    own_namespace = await api.namespace(bob)
    own = await api.upload(bob, factories.pdf(tmp_path / "own.pdf", SECRET + " Or not."), own_namespace)
    public = await api.upload(
        bob, factories.pdf(tmp_path / "public.pdf", SECRET + " Maybe."), is_public="true"
    )
    assert {hit["doc_id"] for hit in await _search(bob, namespace)} == {theirs}
    listed = (await bob.get(f"/api/namespaces/{namespace}/documents")).json()
    assert ([item["id"] for item in listed["items"]], listed["total"]) == ([theirs], 1)
    # Naming documents narrows within the namespace; what is bob's own or public does not come in by it.
    assert await _search(bob, namespace, doc_ids=[own, public]) == []
    assert {hit["doc_id"] for hit in await _search(bob, namespace, doc_ids=[own, theirs])} == {theirs}


async def test_naming_what_may_not_be_read_never_falls_back_to_everything(api: Api, tmp_path: Path) -> None:
    alice, bob, namespace, _ = await _shared(api, tmp_path)
    hidden_namespace = await api.namespace(alice)
    hidden = await api.upload(
        alice, factories.pdf(tmp_path / "hidden.pdf", SECRET + " Hidden."), hidden_namespace
    )
    for doc_ids in ([], [hidden], [4711]):
        assert await _search(bob, namespace, doc_ids=doc_ids) == []
    for closed in (hidden_namespace, 4711):
        answer = await bob.post(f"/api/namespaces/{closed}/search", json={"query": "vault"})
        assert answer.status_code == 404
        chats = await bob.get("/api/chats", params={"namespace_id": closed})
        assert chats.json() == {"items": [], "total": 0}


@pytest.mark.parametrize(
    "body",
    [
        {"query": "vault", "doc_id": [1]},
        {"query": "vault", "filter": {"doc_ids": [1]}},
        {"query": "vault", "doc_ids": "1"},
        {"query": "vault", "doc_ids": ["all"]},
        {"query": "vault", "doc_ids": 1},
        {"query": "vault", "namespace_id": 1},
        {"query": "vault", "mode": "everything"},
    ],
    ids=str,
)
async def test_a_filter_that_is_not_understood_is_an_error(api: Api, body: dict[str, Any]) -> None:
    alice = await api.user("alice")
    answer = await alice.post(f"/api/namespaces/{await api.namespace(alice)}/search", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_a_scope_or_page_that_is_not_understood_is_an_error(api: Api) -> None:
    alice = await api.user("alice")
    for url in ("/api/documents?scope=everything", "/api/chats?namespace_id=all", "/api/documents?limit=-1"):
        assert (await alice.get(url)).status_code == 422, url


async def test_counting_ids_up_tells_nothing(api: Api) -> None:
    """What is hidden and what does not exist get the same answer, in the same words."""
    world = await make_world(api.runtime, namespace_is_public=False, document_is_public=False)
    client = await api.anonymous(headers=world.headers["stranger"])
    ids = world.ids
    calls: list[tuple[str, str, str, Any]] = [
        ("GET", "/api/namespaces/{}", "namespace", None),
        ("PATCH", "/api/namespaces/{}", "namespace", {"name": "mine"}),
        ("DELETE", "/api/namespaces/{}", "namespace", None),
        ("GET", "/api/namespaces/{}/members", "namespace", None),
        ("PUT", f"/api/namespaces/{{}}/members/{ids['guest']}", "namespace", {"auth_level": 3}),
        ("DELETE", f"/api/namespaces/{{}}/members/{ids['guest']}", "namespace", None),
        ("GET", "/api/namespaces/{}/documents", "namespace", None),
        ("POST", "/api/namespaces/{}/documents", "namespace", {"doc_id": ids["document"]}),
        ("DELETE", f"/api/namespaces/{{}}/documents/{ids['document']}", "namespace", None),
        ("POST", "/api/namespaces/{}/search", "namespace", {"query": "vault"}),
        ("GET", "/api/documents/{}", "document", None),
        ("PATCH", "/api/documents/{}", "document", {"title": "mine"}),
        ("DELETE", "/api/documents/{}", "document", None),
        ("GET", "/api/documents/{}/file", "document", None),
        ("GET", "/api/documents/{}/passages", "document", None),
        ("GET", "/api/documents/{}/permissions", "document", None),
        ("PUT", f"/api/documents/{{}}/permissions/{ids['guest']}", "document", {"permission": "read"}),
        ("DELETE", f"/api/documents/{{}}/permissions/{ids['guest']}", "document", None),
        ("GET", "/api/ingestions/{}", "ingestion", None),
        ("POST", "/api/ingestions/{}/retry", "ingestion", None),
        ("GET", "/api/chats/{}", "chat", None),
        ("PATCH", "/api/chats/{}", "chat", {"title": "mine"}),
        ("DELETE", "/api/chats/{}", "chat", None),
        ("GET", "/api/chats/{}/messages", "chat", None),
        ("POST", "/api/chats/{}/messages", "chat", {"content": "Why?"}),
        ("POST", "/api/chats/{}/regenerate", "chat", None),
        ("GET", "/api/chats/{}/stream", "chat", None),
        ("POST", "/api/chats/{}/stop", "chat", None),
        ("GET", "/api/chats/{}/export", "chat", None),
        ("PUT", "/api/messages/{}/feedback", "answer", {"rating": 1}),
        ("DELETE", "/api/auth/tokens/{}", "spare_token", None),
    ]
    for method, path, thing, body in calls:
        options = {} if body is None else {"json": body}
        hidden = await client.request(method, path.format(ids[thing]), **options)
        missing = await client.request(method, path.format(2_000_000_000), **options)
        assert hidden.status_code == missing.status_code == 404, path
        assert _without_numbers(hidden) == _without_numbers(missing), path
    for body in ({"namespace_id": ids["namespace"]}, {"namespace_id": 2_000_000_000}):
        assert (await client.post("/api/chats", json=body)).status_code == 404
    own = (await client.post("/api/namespaces", json={"name": "own"})).json()["id"]
    for doc_id in (ids["document"], 2_000_000_000):
        answer = await client.post(f"/api/namespaces/{own}/documents", json={"doc_id": doc_id})
        assert answer.status_code == 404


def _without_numbers(answer: httpx.Response) -> tuple[str, list[str]]:
    return re.sub(r"\d+", "#", answer.text), sorted(answer.headers)


async def test_whoever_sees_a_citation_can_open_its_file(api: Api, tmp_path: Path) -> None:
    _, bob, namespace, doc_id = await _shared(api, tmp_path)
    chat = (await bob.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
    asked = await bob.post(f"/api/chats/{chat}/messages", json={"content": "With what does the vault open?"})
    assert asked.status_code == 201
    cited = asked.json()["llm_message"]["citations"]
    assert [citation["doc_id"] for citation in cited] == [doc_id]
    for hit in (*cited, *await _search(bob, namespace)):
        for part in ("", "/file", "/passages"):
            assert (await bob.get(f"/api/documents/{hit['doc_id']}{part}")).status_code == 200


async def test_nothing_opens_after_the_membership_ended(api: Api, tmp_path: Path) -> None:
    alice, bob, namespace, doc_id = await _shared(api, tmp_path)
    chat = (await bob.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
    question = {"content": "With what does the vault open?"}
    assert (await bob.post(f"/api/chats/{chat}/messages", json=question)).status_code == 201
    assert (await alice.delete(f"/api/namespaces/{namespace}/members/{await _id(bob)}")).status_code == 204
    for url in (
        f"/api/documents/{doc_id}",
        f"/api/documents/{doc_id}/file",
        f"/api/documents/{doc_id}/passages",
        f"/api/namespaces/{namespace}",
        f"/api/namespaces/{namespace}/documents",
    ):
        assert (await bob.get(url)).status_code == 404, url
    # Old messages stay with their quotes; nothing new is asked.
    messages = (await bob.get(f"/api/chats/{chat}/messages")).json()
    assert messages["total"] == 2
    assert "petrichor" in messages["items"][1]["citations"][0]["quote"]
    assert (await bob.post(f"/api/chats/{chat}/messages", json=question)).status_code == 404
    assert (await bob.post(f"/api/chats/{chat}/regenerate")).status_code == 404
    assert (await bob.get(f"/api/chats/{chat}/messages")).json()["total"] == 2


async def test_the_file_closes_when_the_document_is_unshared(api: Api, tmp_path: Path) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    doc_id = await api.upload(alice, factories.pdf(tmp_path / "vault.pdf", SECRET))
    url, sharing = f"/api/documents/{doc_id}/file", f"/api/documents/{doc_id}/permissions/{await _id(bob)}"
    assert (await bob.get(url)).status_code == 404
    assert (await alice.put(sharing, json={"permission": "read"})).status_code == 200
    opened = await bob.get(url)
    assert opened.status_code == 200
    # Nobody between keeps a copy that opens later, and the browser asks again each time.
    assert {"private", "no-cache"} <= set(opened.headers["cache-control"].split(", "))
    assert (await alice.delete(sharing)).status_code == 204
    for headers in ({}, {"if-none-match": opened.headers["etag"]}, {"range": "bytes=0-3"}):
        assert (await bob.get(url, headers=headers)).status_code == 404


async def test_the_file_closes_when_its_namespace_or_itself_is_no_longer_public(
    api: Api, tmp_path: Path
) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    namespace = await api.namespace(alice, is_public=True)
    doc_id = await api.upload(alice, factories.pdf(tmp_path / "vault.pdf", SECRET), namespace)
    url = f"/api/documents/{doc_id}/file"
    assert (await bob.get(url)).status_code == 200
    await alice.patch(f"/api/namespaces/{namespace}", json={"is_public": False})
    assert (await bob.get(url)).status_code == 404
    await alice.patch(f"/api/documents/{doc_id}", json={"is_public": True})
    assert (await bob.get(url)).status_code == 200
    await alice.patch(f"/api/documents/{doc_id}", json={"is_public": False})
    assert (await bob.get(url)).status_code == 404
    await alice.patch(f"/api/namespaces/{namespace}", json={"is_public": True})
    assert (await bob.get(url)).status_code == 200
    await alice.delete(f"/api/namespaces/{namespace}/documents/{doc_id}")
    assert (await bob.get(url)).status_code == 404


async def test_lists_and_totals_count_only_what_the_caller_may_see(api: Api) -> None:
    world = await make_world(api.runtime, namespace_is_public=False, document_is_public=False)
    another = await make_world(api.runtime, namespace_is_public=False, document_is_public=False)
    expected = {
        "stranger": (0, 0),
        "reader of the document": (0, 1),
        "member 1": (1, 1),
        "member 2": (1, 2),
        "owner": (2, 2),
        "token for this namespace": (1, 1),
        "token for another namespace": (1, 0),
    }
    for name, (namespaces, documents) in expected.items():
        client = await api.anonymous(headers=world.headers[name])
        assert await _total(client, "/api/namespaces") == namespaces, name
        assert await _total(client, "/api/documents") == documents, name
        # A page of a list tells no more of the rest.
        assert await _total(client, "/api/documents?limit=1&offset=1") == documents, name
    admin = await api.anonymous(headers=world.headers["admin"])
    assert await _total(admin, "/api/namespaces") == 6
    assert await _total(admin, "/api/documents") == 4
    # Others' chats and tokens are nobody's, an administrator's neither.
    assert await _total(admin, "/api/chats") == 0
    assert await _total(admin, f"/api/chats?namespace_id={another.ids['namespace']}") == 0
    tokens = (await admin.get("/api/auth/tokens")).json()["items"]
    assert {token["name"] for token in tokens} == {
        name for name in world.headers if name.startswith("admin's") or name == "expired token"
    }


async def test_a_scope_or_namespace_narrows_a_list(api: Api) -> None:
    private = await make_world(api.runtime, namespace_is_public=False, document_is_public=False)
    public = await make_world(api.runtime, namespace_is_public=False, document_is_public=True)
    for world, name, expected in (
        (private, "owner", {"mine": 2, "shared": 0, "public": 2, "all": 4}),
        (private, "reader of the document", {"mine": 0, "shared": 1, "public": 2, "all": 3}),
        (public, "owner", {"mine": 2, "shared": 0, "public": 2, "all": 2}),
    ):
        client = await api.anonymous(headers=world.headers[name])
        for scope, number in expected.items():
            assert await _total(client, f"/api/documents?scope={scope}") == number, (name, scope)
    owner = await api.anonymous(headers=private.headers["owner"])
    for thing, number in (("namespace", 1), ("elsewhere", 0)):
        assert await _total(owner, f"/api/chats?namespace_id={private.ids[thing]}") == number


async def _total(client: httpx.AsyncClient, url: str) -> int:
    page = (await client.get(url)).json()
    if "limit" not in url:
        assert len(page["items"]) == page["total"]
    return int(page["total"])


async def test_a_member_sees_of_a_shared_document_only_what_is_shared(api: Api, tmp_path: Path) -> None:
    """A reader can't publish what was only shown to them, nor pass it on."""
    alice, bob, _, doc_id = await _shared(api, tmp_path)
    own = await api.namespace(bob, is_public=True)
    assert (await bob.post(f"/api/namespaces/{own}/documents", json={"doc_id": doc_id})).status_code == 403
    sharing = f"/api/documents/{doc_id}/permissions/{await _id(bob)}"
    assert (await bob.put(sharing, json={"permission": "write"})).status_code == 403
    await alice.put(sharing, json={"permission": "write"})
    added = await bob.post(f"/api/namespaces/{own}/documents", json={"doc_id": doc_id})
    assert added.status_code == 202
    # Write is not the owner's right.
    assert (await bob.patch(f"/api/documents/{doc_id}", json={"is_public": True})).status_code == 403
    assert (await bob.delete(f"/api/documents/{doc_id}")).status_code == 403


async def test_uploading_into_several_namespaces_checks_every_one(api: Api, tmp_path: Path) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    own, read_only, hidden = await api.namespace(bob), await api.namespace(alice), await api.namespace(alice)
    await _set_level(alice, read_only, bob, 1)
    content = factories.handbook(tmp_path).read_bytes()
    for closed, status in ((read_only, 403), (hidden, 404)):
        answer = await bob.post(
            "/api/documents",
            files={"file": ("h.pdf", content)},
            data={"namespace_id": [str(own), str(closed)]},
        )
        assert answer.status_code == status
    assert (await bob.get(f"/api/namespaces/{own}/documents")).json()["total"] == 0
    assert (await bob.get("/api/documents")).json()["total"] == 0


async def test_a_token_can_be_made_only_for_what_its_user_reads(api: Api) -> None:
    world = await make_world(api.runtime, namespace_is_public=False, document_is_public=False)
    stranger = await api.anonymous(headers=world.headers["stranger"])
    for namespace_id in (world.ids["namespace"], 2_000_000_000):
        body = {"name": "wide", "namespace_ids": [namespace_id]}
        assert (await stranger.post("/api/auth/tokens", json=body)).status_code == 404
    own = (await stranger.post("/api/namespaces", json={"name": "own"})).json()["id"]
    for namespace_ids in ([own, world.ids["namespace"]], [world.ids["namespace"], own]):
        body = {"name": "wide", "namespace_ids": namespace_ids}
        assert (await stranger.post("/api/auth/tokens", json=body)).status_code == 404
    empty = await stranger.post("/api/auth/tokens", json={"name": "wide", "namespace_ids": []})
    assert empty.status_code == 422


async def test_a_token_loses_what_its_user_loses(api: Api) -> None:
    world = await make_world(api.runtime, namespace_is_public=False, document_is_public=False)
    client = await api.anonymous(headers=world.headers["member 1's token for this namespace"])
    assert await _reads(client, world) == 200
    async with api.runtime.sessions.begin() as session:
        await session.execute(delete(NamespaceAuth).where(NamespaceAuth.user_id == world.ids["member1"]))
    assert await _reads(client, world) == 404


async def _reads(client: httpx.AsyncClient, world: World) -> int:
    statuses = {
        (await client.get(url)).status_code
        for url in (
            f"/api/namespaces/{world.ids['namespace']}",
            f"/api/documents/{world.ids['document']}/file",
            f"/api/ingestions/{world.ids['ingestion']}",
        )
    }
    assert len(statuses) == 1
    return statuses.pop()
