import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from luma_rag.db.models import AuditEvent, User
from luma_rag.documents import claims, ingestion
from luma_rag.documents.vectors import PostgresSink
from luma_rag.verify import verify
from tests import factories
from tests.api import Api


async def _id(client: httpx.AsyncClient) -> int:
    return int((await client.get("/api/auth/me")).json()["id"])


async def _held(client: httpx.AsyncClient, namespace: int) -> dict[int, int]:
    """The documents of a namespace, with their numbers of vectors there."""
    items = (await client.get(f"/api/namespaces/{namespace}/documents")).json()["items"]
    assert all(item["ingestion"]["state"] == "ready" for item in items), items
    return {item["id"]: item["vec_count"] for item in items}


async def _assert_whole(api: Api) -> None:
    verdict = await verify(api.runtime.sessions, api.runtime.storage, deep=True)
    assert verdict.findings == []


async def _added(api: Api, doc_id: int) -> list[int]:
    """The namespaces that received a document, according to the audit trail."""
    async with api.runtime.sessions.begin() as session:
        events = await session.scalars(
            select(AuditEvent.about).where(
                AuditEvent.action == "namespace.document-added",
                AuditEvent.about.contains({"doc_id": doc_id}),
            )
        )
        return sorted(about["namespace_id"] for about in events)


def _files(api: Api) -> int:
    return len(list(api.runtime.storage.files()))


async def test_removing_an_owner_requires_a_decision_on_their_property(api: Api, tmp_path: Path) -> None:
    admin, alice, bob = await api.admin(), await api.user("alice"), await api.user("bob")
    alice_id, bob_id = await _id(alice), await _id(bob)
    await api.upload(alice, factories.handbook(tmp_path), await api.namespace(alice))
    seen = (await admin.get(f"/api/users/{alice_id}")).json()
    assert (seen["namespaces"], seen["documents"]) == (1, 1)
    refused = await admin.delete(f"/api/users/{alice_id}")
    assert refused.status_code == 409
    for part in ("1 namespaces", "1 documents", "hand_to", "contents=remove"):
        assert part in refused.json()["detail"]
    await admin.patch(f"/api/users/{bob_id}", json={"is_disabled": True})
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"hand_to": bob_id}, 422),
        ({"hand_to": alice_id}, 422),
        ({"hand_to": 4711}, 422),
        ({"hand_to": await _id(admin), "contents": "remove"}, 422),
        ({"contents": "keep"}, 422),
    ]
    for params, status in wrong:
        answer = await admin.delete(f"/api/users/{alice_id}", params=params)
        assert answer.status_code == status, answer.text
    assert (await admin.delete("/api/users/4711", params={"contents": "remove"})).status_code == 404
    assert (await alice.get("/api/auth/me")).status_code == 200
    assert _files(api) == 1


async def test_transferred_property_needs_no_grant_for_its_new_owner(api: Api, tmp_path: Path) -> None:
    admin, alice, bob, carol = [
        await api.admin(),
        *[await api.user(name) for name in ("alice", "bob", "carol")],
    ]
    alice_id, bob_id, carol_id = await _id(alice), await _id(bob), await _id(carol)
    namespace = await api.namespace(alice)
    document = await api.upload(alice, factories.handbook(tmp_path), namespace)
    for user_id in (bob_id, carol_id):
        await alice.put(f"/api/namespaces/{namespace}/members/{user_id}", json={"auth_level": 2})
        await alice.put(f"/api/documents/{document}/permissions/{user_id}", json={"permission": "read"})
    chat = (await carol.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
    answer = await admin.delete(f"/api/users/{alice_id}", params={"hand_to": bob_id})
    assert answer.status_code == 204, answer.text
    assert (await bob.get(f"/api/namespaces/{namespace}")).json()["user_id"] == bob_id
    assert (await bob.get(f"/api/documents/{document}")).json()["user_id"] == bob_id
    members = (await bob.get(f"/api/namespaces/{namespace}/members")).json()["items"]
    shared = (await bob.get(f"/api/documents/{document}/permissions")).json()["items"]
    assert [entry["user_id"] for entry in (*members, *shared)] == [carol_id, carol_id]
    assert (await carol.get(f"/api/chats/{chat}")).status_code == 200
    assert (await bob.get(f"/api/documents/{document}/file")).status_code == 200
    assert (await alice.get("/api/auth/me")).status_code == 401
    await _assert_whole(api)
    async with api.runtime.sessions.begin() as session:
        rows = await session.execute(
            select(AuditEvent.action, AuditEvent.actor, AuditEvent.about)
            .where(AuditEvent.action.in_(["account.handed-over", "account.removed"]))
            .order_by(AuditEvent.id)
        )
        moved = {
            "user_id": alice_id,
            "username": "alice",
            "to": bob_id,
            "namespaces": [namespace],
            "documents": [document],
        }
        deleted = {"user_id": alice_id, "username": "alice", "role": "user"}
        assert [tuple(row) for row in rows] == [
            ("account.handed-over", "root", moved),
            ("account.removed", "root", deleted),
        ]


@pytest.mark.parametrize("twin", ["read", "not read yet", "on its way", "in the same namespace"])
async def test_duplicate_file_stays_in_its_namespaces_after_a_transfer(
    api: Api, tmp_path: Path, twin: str
) -> None:
    admin, alice, bob, carol = [
        await api.admin(),
        *[await api.user(name) for name in ("alice", "bob", "carol")],
    ]
    file = factories.handbook(tmp_path)
    space, carols, bobs = [await api.namespace(user) for user in (alice, carol, bob)]
    given = await api.upload(alice, file, space, is_public="true")
    assert (
        await carol.post(f"/api/namespaces/{carols}/documents", json={"doc_id": given})
    ).status_code == 202
    await api.work()
    chat = (await carol.post("/api/chats", json={"namespace_id": carols})).json()["id"]
    question = {"content": "How many days of paid vacation?"}
    assert (await carol.post(f"/api/chats/{chat}/messages", json=question)).status_code == 201
    measured = {"question": question["content"], "places": [{"doc_id": given, "page": 2}]}
    questions = f"/api/namespaces/{carols}/questions"
    assert (await carol.post(questions, json={"questions": [measured]})).status_code == 201
    if twin == "read":
        doc_id = await api.upload(bob, file, bobs)
    else:
        there = {"namespace_id": str(bobs)} if twin == "on its way" else {}
        if twin == "in the same namespace":
            level = {"auth_level": 2}
            await alice.put(f"/api/namespaces/{space}/members/{await _id(bob)}", json=level)
            there = {"namespace_id": str(space)}
        sent = await bob.post("/api/documents", files={"file": (file.name, file.read_bytes())}, data=there)
        doc_id = sent.json()["id"]
        if twin == "in the same namespace":
            await api.work()
    bobs_has_it = twin in ("read", "on its way")
    vectors = (await _held(carol, carols))[given]
    answer = await admin.delete(f"/api/users/{await _id(alice)}", params={"hand_to": await _id(bob)})
    assert answer.status_code == 204, answer.text
    # Immediately, without the worker.
    assert await _held(bob, space) == {doc_id: vectors}
    assert await _held(carol, carols) == {doc_id: vectors}
    found = await carol.post(f"/api/namespaces/{carols}/search", json={"query": "vacation"})
    assert {hit["doc_id"] for hit in found.json()["hits"]} == {doc_id}
    cited = (await carol.get(f"/api/chats/{chat}/messages")).json()["items"][1]["citations"]
    assert {citation["doc_id"] for citation in cited} == {doc_id}
    (entry,) = (await carol.get(questions)).json()["items"]
    assert [(place["doc_id"], place["page"]) for place in entry["places"]] == [(doc_id, 2)]
    assert (await carol.get(f"/api/documents/{doc_id}/file")).status_code == 200
    assert (await bob.get(f"/api/documents/{doc_id}")).json()["file_metadata"]["pages"] == 3
    # Documents that the other user had not made public do not become public.
    assert (await bob.get(f"/api/documents/{doc_id}")).json()["is_public"] is False
    assert (await bob.get(f"/api/documents/{given}")).status_code == 404
    assert _files(api) == 1
    await api.work()
    if twin == "on its way":
        assert await _held(bob, bobs) == {doc_id: vectors}
    assert await _added(api, doc_id) == sorted({space, carols} | ({bobs} if bobs_has_it else set()))
    await _assert_whole(api)


async def test_queued_duplicate_file_is_transferred(api: Api, tmp_path: Path) -> None:
    admin, alice, bob = await api.admin(), await api.user("alice"), await api.user("bob")
    file, space = factories.handbook(tmp_path), await api.namespace(alice)
    there = {"namespace_id": str(space)}
    await alice.post("/api/documents", files={"file": (file.name, file.read_bytes())}, data=there)
    doc_id = (await bob.post("/api/documents", files={"file": (file.name, file.read_bytes())})).json()["id"]
    answer = await admin.delete(f"/api/users/{await _id(alice)}", params={"hand_to": await _id(bob)})
    assert answer.status_code == 204, answer.text
    assert await _added(api, doc_id) == [space]
    async with api.runtime.sessions.begin() as session:
        actors = select(AuditEvent.actor).where(
            AuditEvent.action == "namespace.document-added", AuditEvent.about.contains({"doc_id": doc_id})
        )
        assert list(await session.scalars(actors)) == ["root"]
    await api.work()
    assert list(await _held(bob, space)) == [doc_id]
    await _assert_whole(api)


async def test_token_for_a_deleted_namespace_has_no_access(api: Api) -> None:
    alice = await api.user("alice")
    deleted, left = await api.namespace(alice), await api.namespace(alice)
    programs = []
    for reach in ([deleted], [deleted, left]):
        token = await alice.post("/api/auth/tokens", json={"name": "batch", "namespace_ids": reach})
        headers = {"authorization": f"Bearer {token.json()['token']}"}
        programs.append(await api.anonymous(headers=headers))
    assert (await alice.delete(f"/api/namespaces/{deleted}")).status_code == 204
    listed = (await alice.get("/api/auth/tokens")).json()["items"]
    assert [token["namespace_ids"] for token in listed] == [[], [left]]
    seen = [
        [namespace["id"] for namespace in (await program.get("/api/namespaces")).json()["items"]]
        for program in programs
    ]
    assert seen == [[], [left]]
    assert (await programs[0].get("/api/documents")).json()["total"] == 0
    assert (await programs[0].get("/api/chats")).json()["total"] == 0
    assert (await programs[0].post("/api/namespaces", json={"name": "x"})).status_code == 403
    assert (await programs[0].post("/api/auth/tokens", json={"name": "x"})).status_code == 403


async def test_worker_continues_after_its_document_is_removed(api: Api, tmp_path: Path) -> None:
    admin, alice, bob = await api.admin(), await api.user("alice"), await api.user("bob")
    pages = [
        f"Chapter {n}.\n" + "\n".join(f"In year {n * i} they sold {i} ships." for i in range(30))
        for n in range(20)
    ]
    long, short = factories.pdf(tmp_path / "long.pdf", *pages), factories.handbook(tmp_path)
    spaces = [await api.namespace(alice), await api.namespace(bob)]
    for client, file, space in ((alice, long, spaces[0]), (bob, short, spaces[1])):
        data = {"namespace_id": str(space)}
        sent = await client.post("/api/documents", files={"file": (file.name, file.read_bytes())}, data=data)
        assert sent.status_code == 201
    work = asyncio.create_task(api.work())
    while True:
        await asyncio.sleep(0.05)
        items = (await alice.get(f"/api/namespaces/{spaces[0]}/documents")).json()["items"]
        if items[0]["ingestion"]["state"] == "running":
            break
        assert not work.done()
    removed = await admin.delete(f"/api/users/{await _id(alice)}", params={"contents": "remove"})
    assert removed.status_code == 204
    assert not work.done()
    await work
    assert len(await _held(bob, spaces[1])) == 1
    assert _files(api) == 1
    await _assert_whole(api)


async def test_namespace_deletion_and_storage_do_not_deadlock(api: Api, tmp_path: Path) -> None:
    runtime, alice = api.runtime, await api.admin()
    first, second = await api.namespace(alice), await api.namespace(alice)
    document = await api.upload(alice, factories.handbook(tmp_path), first)
    await alice.post("/api/chats", json={"namespace_id": second})
    await alice.post(f"/api/namespaces/{second}/documents", json={"doc_id": document})
    async with runtime.engine.connect() as connection:
        worker = await ingestion.register_worker(connection)
        await connection.commit()
        async with runtime.sessions.begin() as session:
            assert await claims.claim(session, worker) is not None
        async with runtime.sessions.begin() as session:
            # Blocks the removal after it has locked the namespace, but not yet the dependent rows.
            await session.execute(text("SELECT FROM chats FOR UPDATE"))
            removal = asyncio.create_task(alice.delete(f"/api/namespaces/{second}"))
            await _waiting(api, 1)
            storing = asyncio.create_task(PostgresSink(runtime.sessions, worker).link(document))
            await _waiting(api, 2)
        assert (await removal).status_code == 204
        await storing
    await _assert_whole(api)


async def _waiting(api: Api, number: int) -> None:
    """Wait until a number of transactions wait for a lock."""
    statement = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(60):
        while True:
            async with api.runtime.sessions.begin() as session:
                if await session.scalar(statement) == number:
                    return
            await asyncio.sleep(0.05)


async def test_self_removal_is_audited_with_the_name(api: Api) -> None:
    await api.admin()
    second = await api.user("second", "admin")
    assert (await second.delete(f"/api/users/{await _id(second)}")).status_code == 204
    async with api.runtime.sessions.begin() as session:
        assert "second" not in set(await session.scalars(select(User.username)))
        removed = select(AuditEvent.actor).where(AuditEvent.action == "account.removed")
        assert (await session.scalars(removed)).all() == ["second"]
