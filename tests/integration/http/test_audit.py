"""The audit trail: what happened by HTTP stands there, in order, and nothing that was said or written."""

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from luma_rag.audit import record
from luma_rag.runtime import Runtime, Store
from tests import factories
from tests.api import PASSWORD, Api
from tests.servers import serving

MARK = "Zirkonium"
_OF_RIGHTS = ("namespace.", "document.", "member.")


async def _trail(api: Api, **filters: Any) -> list[dict[str, Any]]:
    """The events about rights, oldest first."""
    answer = await (await api.admin()).get("/api/audit", params={"limit": 200, **filters})
    assert answer.status_code == 200, answer.text
    events: list[dict[str, Any]] = answer.json()["items"]
    return [event for event in reversed(events) if event["action"].startswith(_OF_RIGHTS)]


async def test_everything_that_changes_who_sees_what_is_told_in_order(api: Api, tmp_path: Path) -> None:
    alice, bob = await api.user("alice"), (await (await api.user("bob")).get("/api/auth/me")).json()["id"]
    alice.headers["user-agent"] = MARK
    said: list[httpx.Response] = []

    async def call(method: str, url: str, **options: Any) -> Any:
        answer = await alice.request(method, url, **options)
        assert answer.is_success, answer.text
        said.append(answer)
        return answer.json() if answer.content else None

    space = (await call("POST", "/api/namespaces", json={"name": MARK, "description": MARK}))["id"]
    path = factories.pdf(tmp_path / f"{MARK}.pdf", f"The secret word is {MARK}.")
    files = {"file": (path.name, path.read_bytes())}
    form = {"title": MARK, "namespace_id": str(space)}
    document = (await call("POST", "/api/documents", files=files, data=form))["id"]
    await call("POST", "/api/documents", files=files, data=form)  # The very same: nothing new.
    member, shared = f"/api/namespaces/{space}/members/{bob}", f"/api/documents/{document}/permissions/{bob}"
    for level in (1, 1, 3):
        await call("PUT", member, json={"auth_level": level})
    await call("DELETE", member)
    for permission in ("read", "read", "write"):
        await call("PUT", shared, json={"permission": permission})
    await call("DELETE", shared)
    for is_public in (True, True, False):
        await call("PATCH", f"/api/documents/{document}", json={"is_public": is_public, "title": MARK})
        await call("PATCH", f"/api/namespaces/{space}", json={"is_public": is_public, "name": MARK})
    await call("DELETE", f"/api/namespaces/{space}/documents/{document}")
    await call("POST", f"/api/namespaces/{space}/documents", json={"doc_id": document})
    await call("DELETE", f"/api/documents/{document}")
    chat = (await call("POST", "/api/chats", json={"namespace_id": space}))["id"]
    await call("POST", f"/api/chats/{chat}/messages", json={"content": f"What is {MARK}?"})
    await call("DELETE", f"/api/namespaces/{space}")

    here, it, him = {"namespace_id": space}, {"doc_id": document}, {"user_id": bob, "username": "bob"}
    expected = [
        ("namespace.created", here | {"is_public": False}),
        ("document.uploaded", it | {"is_public": False}),
        ("namespace.document-added", here | it),
        ("member.set", here | him | {"auth_level": 1}),
        ("member.set", here | him | {"auth_level": 3}),
        ("member.removed", here | him),
        ("document.shared", it | him | {"permission": "read"}),
        ("document.shared", it | him | {"permission": "write"}),
        ("document.unshared", it | him),
        ("document.published", it),
        ("namespace.published", here),
        ("document.hidden", it),
        ("namespace.hidden", here),
        ("namespace.document-removed", here | it),
        ("namespace.document-added", here | it),
        ("document.deleted", it),
        ("namespace.deleted", here),
    ]
    events = await _trail(api)
    assert [(event["action"], event["about"]) for event in events] == expected
    me = (await alice.get("/api/auth/me")).json()["id"]
    assert {(event["actor"], event["actor_id"], event["address"]) for event in events} == {
        ("alice", me, "127.0.0.1")
    }
    ids = [answer.headers["x-request-id"] for answer in said]
    assert len(set(ids)) == len(ids)
    requests = [ids.index(event["request_id"]) for event in events]
    assert requests == sorted(requests)
    assert all(event["at"].endswith("Z") for event in events)
    await _nothing_said(
        api.runtime, MARK, PASSWORD, alice.cookies["luma_session"], alice.headers["x-csrftoken"]
    )


async def _nothing_said(runtime: Store, *secrets: str) -> None:
    async with runtime.sessions.begin() as session:
        rows = list(await session.scalars(text("SELECT CAST(audit_event AS text) FROM audit_event")))
    assert rows
    for secret in secrets:
        assert not [row for row in rows if secret in row], secret


async def test_what_was_refused_or_rolled_back_is_not_told(api: Api) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    space = await api.namespace(alice)
    before = await _trail(api)
    assert (await bob.delete(f"/api/namespaces/{space}")).status_code == 404
    assert (
        await alice.put(f"/api/namespaces/{space}/members/999", json={"auth_level": 1})
    ).status_code == 404
    assert (await alice.delete(f"/api/namespaces/{space}/documents/1")).status_code == 404
    assert await _trail(api) == before


async def test_events_are_found_by_who_what_when_and_on_what(api: Api) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    first, second = await api.namespace(alice), await api.namespace(bob)
    await bob.patch(f"/api/namespaces/{second}", json={"is_public": True})
    events = await _trail(api)
    assert [event["about"]["namespace_id"] for event in events] == [first, second, second]
    assert await _trail(api, actor_id=events[0]["actor_id"]) == events[:1]
    assert await _trail(api, action="namespace.published") == events[2:]
    assert await _trail(api, namespace_id=second) == events[1:]
    assert await _trail(api, namespace_id=second, action="namespace.created") == events[1:2]
    assert await _trail(api, doc_id=1) == []
    assert await _trail(api, since=events[1]["at"]) == events[1:]
    assert await _trail(api, until=events[1]["at"]) == events[:1]
    admin = await api.admin()
    part = {"limit": 1, "namespace_id": second}
    pages = [(await admin.get("/api/audit", params={**part, "offset": i})).json() for i in (0, 1)]
    assert [page["items"][0]["id"] for page in pages] == [events[2]["id"], events[1]["id"]]
    assert pages[0]["total"] == pages[1]["total"] == 2
    for wrong in ("action=namespace", "since=yesterday", "actor_id=0", "until=0001-01-01T00:00:00%2B14:00"):
        assert (await admin.get(f"/api/audit?{wrong}")).status_code == 422, wrong


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET actor = 'nobody'",
        "DELETE FROM audit_event",
        "DELETE FROM audit_event WHERE false",
        "TRUNCATE audit_event",
        "TRUNCATE audit_event RESTART IDENTITY CASCADE",
        "INSERT INTO audit_event (id, at, action, about) OVERRIDING SYSTEM VALUE "
        "VALUES (1, now(), 'x', '{}') ON CONFLICT (id) DO UPDATE SET action = 'y'",
    ],
)
async def test_nothing_that_was_written_can_be_changed(store: Store, statement: str) -> None:
    async with store.sessions.begin() as session:
        await record(session, "document.deleted", None, doc_id=1)
    with pytest.raises(DBAPIError, match="append-only"):
        async with store.sessions.begin() as session:
            await session.execute(text(statement))
    async with store.sessions.begin() as session:
        assert list(await session.scalars(text("SELECT action FROM audit_event"))) == ["document.deleted"]


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [("from-the-proxy.1", True), ("x" * 65, False), ("a b", False), ("a\xe9", False), ("", False)],
)
async def test_a_known_proxy_gives_the_id_and_the_address(
    runtime: Runtime, given: str, is_kept: bool
) -> None:
    headers = {"x-request-id": given.encode("latin-1"), "x-forwarded-for": b"203.0.113.7"}
    cases = (("127.0.0.0/8", True), (None, False), ("10.0.0.1", False))
    for number, (proxies, is_known) in enumerate(cases):
        told = msgspec.structs.replace(runtime.settings, trusted_proxies=proxies)
        behind = msgspec.structs.replace(runtime, settings=told)
        async with serving(behind) as url, Api(url, behind) as api:
            alice = await api.user(f"alice{number}")
            answer = await alice.post("/api/namespaces", json={"name": "x"}, headers=headers)  # type: ignore[arg-type]
            event = (await _trail_of(behind))[-1]
        sent = answer.headers["x-request-id"]
        assert (sent == given) == (is_kept and is_known)
        assert len(sent) in (16, len(given))
        assert event == (sent, "203.0.113.7" if is_known else "127.0.0.1")


async def _trail_of(runtime: Store) -> list[tuple[str, str]]:
    query = text("SELECT request_id, address FROM audit_event WHERE action = 'namespace.created' ORDER BY id")
    async with runtime.sessions.begin() as session:
        return [(row.request_id, row.address) for row in await session.execute(query)]
