from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from tests import factories
from tests.api import Api


async def _id(client: httpx.AsyncClient) -> int:
    return int((await client.get("/api/auth/me")).json()["id"])


async def test_namespace_as_seen_by_its_owner(api: Api) -> None:
    alice = await api.user("alice")
    created = await alice.post("/api/namespaces", json={"name": "Papers", "description": "What we read."})
    assert created.status_code == 201
    namespace = created.json()
    assert namespace.pop("created_at").endswith("Z")
    assert namespace == {
        "id": namespace["id"],
        "name": "Papers",
        "description": "What we read.",
        "is_public": False,
        "user_id": await _id(alice),
        "auth_level": 3,
        "documents": 0,
        "chunks": 0,
    }
    again = (await alice.get(f"/api/namespaces/{namespace['id']}")).json()
    assert again | namespace == again
    assert (await alice.get("/api/namespaces")).json() == {"items": [again], "total": 1}


async def test_patch_preserves_omitted_fields(api: Api) -> None:
    alice = await api.user("alice")
    url = f"/api/namespaces/{await api.namespace(alice, name='one', description='text', is_public=True)}"

    async def changed(**fields: object) -> tuple[object, ...]:
        answer = await alice.patch(url, json=fields)
        assert answer.status_code == 200, answer.text
        assert answer.json() == (await alice.get(url)).json()
        return tuple(answer.json()[field] for field in ("name", "description", "is_public"))

    assert await changed() == ("one", "text", True)
    assert await changed(name="two") == ("two", "text", True)
    assert await changed(is_public=False) == ("two", "text", False)
    # Null removes the description; omitting it does not.
    assert await changed(description=None) == ("two", None, False)
    assert await changed(description="") == ("two", "", False)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 256},
        {"name": None},
        {"name": "a\0b"},
        {"name": 7},
        {"is_public": "yes"},
        {"is_public": None},
        {"description": 7},
        {"user_id": 1},
        {"auth_level": 3},
    ],
    ids=str,
)
async def test_invalid_patch_changes_nothing(api: Api, fields: dict[str, object]) -> None:
    alice = await api.user("alice")
    url = f"/api/namespaces/{await api.namespace(alice)}"
    before = (await alice.get(url)).json()
    answer = await alice.patch(url, json=fields)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert (await alice.get(url)).json() == before


async def test_members_can_be_added_changed_and_removed(api: Api) -> None:
    alice, bob, carol = await api.user("alice"), await api.user("bob"), await api.user("carol")
    url = f"/api/namespaces/{await api.namespace(alice)}"
    bobs, carols = f"{url}/members/{await _id(bob)}", f"{url}/members/{await _id(carol)}"
    created = await alice.put(bobs, json={"auth_level": 1})
    assert (created.status_code, created.json()) == (
        200,
        {"user_id": await _id(bob), "username": "bob", "auth_level": 1},
    )
    assert (await bob.get(url)).json()["auth_level"] == 1
    assert (await alice.put(bobs, json={"auth_level": 3})).status_code == 200
    assert (await bob.get(url)).json()["auth_level"] == 3
    assert (await bob.put(carols, json={"auth_level": 2})).status_code == 200
    members = (await alice.get(f"{url}/members")).json()
    assert [(member["username"], member["auth_level"]) for member in members["items"]] == [
        ("bob", 3),
        ("carol", 2),
    ]
    assert members["total"] == 2
    assert (await carol.delete(bobs)).status_code == 403
    assert (await carol.delete(carols)).status_code == 204
    assert (await carol.get(url)).status_code == 404
    assert (await alice.delete(carols)).status_code == 404
    assert (await alice.delete(bobs)).status_code == 204
    assert (await alice.get(f"{url}/members")).json() == {"items": [], "total": 0}


async def test_invalid_members_are_rejected(api: Api) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    url = f"/api/namespaces/{await api.namespace(alice)}/members"
    for level in (0, 4, -1, "high", None, 1.5):
        answer = await alice.put(f"{url}/{await _id(bob)}", json={"auth_level": level})
        assert answer.status_code == 422, level
    assert (await alice.put(f"{url}/2000000000", json={"auth_level": 1})).status_code == 404
    # The owner already has level 3; a stored lower level would be misleading.
    assert (await alice.put(f"{url}/{await _id(alice)}", json={"auth_level": 1})).status_code == 409
    assert (await alice.get(url)).json()["total"] == 0


async def test_public_namespace_is_readable_but_not_writable_by_others(api: Api) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    namespace = await api.namespace(alice)
    url = f"/api/namespaces/{namespace}"
    assert (await bob.get(url)).status_code == 404
    await alice.patch(url, json={"is_public": True})
    assert (await bob.get(url)).json()["auth_level"] == 1
    assert [item["id"] for item in (await bob.get("/api/namespaces")).json()["items"]] == [namespace]
    assert (await bob.post(f"{url}/search", json={"query": "anything"})).json()["hits"] == []
    assert (await bob.patch(url, json={"name": "mine"})).status_code == 403
    assert (await bob.get(f"{url}/members")).status_code == 403
    await alice.patch(url, json={"is_public": False})
    assert (await bob.get(url)).status_code == 404
    assert (await bob.get("/api/namespaces")).json() == {"items": [], "total": 0}


async def test_lists_are_paginated(api: Api) -> None:
    alice = await api.user("alice")
    names = ["delta", "Alpha", "echo", "alpha", "Bravo", "charlie"]
    ids = [await api.namespace(alice, name=name) for name in names]
    by_name = [number for _, number in sorted(zip((n.lower() for n in names), ids, strict=True))]
    whole = (await alice.get("/api/namespaces")).json()
    assert [item["id"] for item in whole["items"]] == by_name
    paged: list[int] = []
    for offset in range(0, 8, 2):
        page = (await alice.get("/api/namespaces", params={"limit": 2, "offset": offset})).json()
        assert page["total"] == 6
        paged += [item["id"] for item in page["items"]]
    assert paged == by_name
    beyond = (await alice.get("/api/namespaces", params={"offset": 2**31 - 1})).json()
    assert beyond == {"items": [], "total": 6}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=201", "limit=500", "limit=x", "offset=-1", f"offset={2**31}"]
)
@pytest.mark.parametrize("path", ["/api/namespaces", "/api/documents", "/api/chats", "/api/auth/tokens"])
async def test_invalid_page_parameters_are_rejected(api: Api, path: str, query: str) -> None:
    answer = await (await api.user("alice")).get(f"{path}?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [query.split("=", maxsplit=1)[0]]


async def test_largest_page_is_accepted(api: Api) -> None:
    answer = await (await api.user("alice")).get("/api/namespaces?limit=200")
    assert answer.json() == {"items": [], "total": 0}


async def test_documents_can_be_added_and_removed(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    one, two = await api.namespace(alice, name="one"), await api.namespace(alice, name="two")
    doc_id = await api.upload(alice, factories.handbook(tmp_path), one)
    details = (await alice.get(f"/api/namespaces/{one}")).json()
    assert (details["documents"], details["chunks"]) == (1, 3)
    added = await alice.post(f"/api/namespaces/{two}/documents", json={"doc_id": doc_id})
    assert added.status_code == 202
    assert (added.json()["doc_id"], added.json()["namespace_id"]) == (doc_id, two)
    # While queued it is listed without vectors, and a second request does not enqueue it again.
    coming = (await alice.get(f"/api/namespaces/{two}/documents")).json()
    assert [(d["id"], d["vec_count"], d["ingestion"]["state"]) for d in coming["items"]] == [
        (doc_id, 0, "queued")
    ]
    twice = await alice.post(f"/api/namespaces/{two}/documents", json={"doc_id": doc_id})
    assert (twice.status_code, twice.json()["id"]) == (202, added.json()["id"])
    await api.work()
    assert (await alice.get(f"/api/namespaces/{two}")).json()["chunks"] == details["chunks"]
    again = await alice.post(f"/api/namespaces/{two}/documents", json={"doc_id": doc_id})
    assert again.status_code == 409
    assert (await alice.delete(f"/api/namespaces/{one}/documents/{doc_id}")).status_code == 204
    assert (await alice.delete(f"/api/namespaces/{one}/documents/{doc_id}")).status_code == 404
    emptied = (await alice.get(f"/api/namespaces/{one}")).json()
    assert (emptied["documents"], emptied["chunks"]) == (0, 0)
    assert (await alice.get(f"/api/namespaces/{one}/documents")).json()["total"] == 0
    # A document removed from one namespace stays complete in the other.
    found = await alice.post(f"/api/namespaces/{two}/search", json={"query": "vacation days"})
    assert found.json()["hits"][0]["doc_id"] == doc_id


async def test_namespace_lists_only_documents_its_reader_can_open(api: Api, tmp_path: Path) -> None:
    admin, alice, bob = await api.admin(), await api.user("alice"), await api.user("bob")
    bob_id = (await bob.get("/api/auth/me")).json()["id"]
    namespace = await api.namespace(alice)
    listing = f"/api/namespaces/{namespace}/documents"
    await alice.put(f"/api/namespaces/{namespace}/members/{bob_id}", json={"auth_level": 2})

    async def listed(client: httpx.AsyncClient) -> list[tuple[int, str]]:
        found = (await client.get(listing)).json()
        assert found["total"] == len(found["items"])
        for item in found["items"]:
            assert (await client.get(f"/api/documents/{item['id']}")).status_code == 200
        return [(item["id"], item["ingestion"]["state"]) for item in found["items"]]

    # A failed document is never part of the namespace, but its uploader sees the failure.
    blank = await api.upload(bob, factories.pdf(tmp_path / "blank.pdf", ""), namespace)
    assert await listed(bob) == await listed(admin) == [(blank, "failed")]
    assert await listed(alice) == []
    # A shared document that another user adds is listed for as long as it is shared.
    moles = await api.upload(alice, factories.pdf(tmp_path / "m.pdf", "Moles dig at noon."))
    shared = f"/api/documents/{moles}/permissions/{bob_id}"
    assert (await alice.put(shared, json={"permission": "write"})).status_code == 200
    assert (await bob.post(listing, json={"doc_id": moles})).status_code == 202
    assert await listed(bob) == [(moles, "queued"), (blank, "failed")]
    assert await listed(alice) == [(moles, "queued")]
    assert (await alice.delete(shared)).status_code == 204
    assert await listed(bob) == [(blank, "failed")]
    assert await listed(alice) == []
    # Once the namespace contains a document, all of its readers see it.
    assert (await alice.post(listing, json={"doc_id": moles})).status_code == 202
    assert await listed(bob) == [(blank, "failed")]
    await api.work()
    assert await listed(bob) == [(moles, "ready"), (blank, "failed")]
    assert await listed(alice) == [(moles, "ready")]


async def test_deleting_a_namespace_preserves_the_documents(api: Api, tmp_path: Path) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    namespace = await api.namespace(alice, is_public=True)
    doc_id = await api.upload(alice, factories.handbook(tmp_path), namespace)
    await alice.put(f"/api/namespaces/{namespace}/members/{await _id(bob)}", json={"auth_level": 2})
    chat = (await bob.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
    question = {"content": "How many days of vacation are there?"}
    assert (await bob.post(f"/api/chats/{chat}/messages", json=question)).status_code == 201
    assert (await alice.delete(f"/api/namespaces/{namespace}")).status_code == 204
    assert (await alice.get(f"/api/namespaces/{namespace}")).status_code == 404
    assert (await bob.get(f"/api/chats/{chat}")).status_code == 404
    assert (await alice.get(f"/api/documents/{doc_id}/file")).status_code == 200
    async with api.runtime.engine.connect() as connection:
        for table in ("namespace_auth", "namespace_doc", "chunk_vector", "ingestion", "chats", "message"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table
        # The parsed content stays with the document, for the next namespace.
        assert await connection.scalar(text("SELECT count(*) FROM chunk")) == 3
