"""The access log, refused requests in the audit trail, and reading by administrators there."""

import logging
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from luma_rag.accounts import sign_in
from luma_rag.db.models import AuditEvent
from luma_rag.rate_limits import Limit
from luma_rag.runtime import Runtime
from tests import factories
from tests.api import PASSWORD, Api
from tests.servers import serving


async def events(api: Api, *actions: str) -> list[AuditEvent]:
    async with api.runtime.sessions.begin() as session:
        found = select(AuditEvent).where(AuditEvent.action.in_(actions)).order_by(AuditEvent.id)
        return list(await session.scalars(found))


async def test_each_request_is_logged_with_its_id_and_caller(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await api.user("alice")
    me = (await alice.get("/api/auth/me")).json()["id"]
    token = (await alice.post("/api/auth/tokens", json={"name": "t"})).json()
    program = await api.anonymous({"authorization": f"Bearer {token['token']}"})
    caplog.clear()
    with caplog.at_level(logging.INFO, "luma.access"):
        space = await api.namespace(alice)
        await program.get(f"/api/namespaces/{space}/documents?q=secret")
        await program.get("/api/documents/1%0Aforged line")
        await (await api.anonymous()).get("/api/chats")
        await alice.get("/health/live")
    records = [vars(record) for record in caplog.records if record.name == "luma.access"]
    listed = f"/api/namespaces/{space}/documents"
    wanted = (
        ("POST", "/api/namespaces", "/api/namespaces", 201, None, me, None),
        ("GET", listed, "/api/namespaces/{namespace_id}/documents", 200, None, me, token["id"]),
        ("GET", "/api/documents/1%0Aforged%20line", None, 404, "not_found", None, None),
        ("GET", "/api/chats", "/api/chats", 401, "not_authenticated", None, None),
    )
    names = ("method", "path", "route", "status", "code", "user_id", "token_id")
    assert [tuple(record[name] for name in names) for record in records] == list(wanted)
    for record in records:
        assert record["address"] == "127.0.0.1"
        assert record["ms"] >= 0
        assert record["bytes_sent"] > 0
    assert (records[0]["session_id"] is None, records[1]["session_id"] is None) == (False, True)
    # Another server in this process may have turned the log of uvicorn on.
    lines = [r.getMessage() for r in caplog.records if r.name == "luma.access"]
    assert not any("secret" in line for line in lines)
    assert any(f"GET {listed} 200" in line for line in lines)


async def test_access_log_can_be_turned_off(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    settings = msgspec.structs.replace(runtime.settings, access_log=False)
    async with serving(msgspec.structs.replace(runtime, settings=settings)) as url:
        with caplog.at_level(logging.DEBUG, "luma.access"):
            async with httpx.AsyncClient(base_url=url) as client:
                assert (await client.get("/api/chats")).status_code == 401
    assert [record for record in caplog.records if record.name == "luma.access"] == []


async def test_refused_requests_are_recorded_once_a_minute_for_each_caller(api: Api) -> None:
    alice, nobody = await api.user("alice"), await api.anonymous()
    me = (await alice.get("/api/auth/me")).json()["id"]
    for _ in range(3):
        assert (await nobody.get("/api/chats")).status_code == 401
        assert (await alice.get("/api/audit")).status_code == 403
        # Neither is refused.
        assert (await alice.get("/api/documents/4711")).status_code == 404
        assert (await nobody.get("/api/auth/me")).status_code == 401
    refused = await events(api, "request.refused")
    assert [(event.actor_id, event.about) for event in refused] == [
        (None, {"status": 401, "code": "not_authenticated", "method": "GET", "route": "/api/chats"}),
        (me, {"status": 403, "code": "forbidden", "method": "GET", "route": "/api/audit"}),
    ]
    assert {event.address for event in refused} == {"127.0.0.1"}
    assert all(event.request_id for event in refused)


async def test_refusals_of_all_clients_together_are_bounded(runtime: Runtime) -> None:
    settings = msgspec.structs.replace(runtime.settings, trusted_proxies="127.0.0.1")
    behind = msgspec.structs.replace(runtime, settings=settings)
    async with serving(behind) as url, Api(url, behind) as api:
        client = await api.anonymous()
        for number in range(650):
            address = f"198.51.{number // 250}.{number % 250}"
            assert (await client.get("/api/chats", headers={"x-forwarded-for": address})).status_code == 401
        recorded = await events(api, "request.refused")
    # The 600 of an hour, and what is free again after a while.
    assert 600 <= len(recorded) < 640


async def test_refused_sign_ins_are_recorded_with_their_reason(api: Api) -> None:
    await api.user("alice")
    admin = await api.admin()
    client = await api.anonymous()
    login: dict[str, Any] = {"username": "alice", "password": PASSWORD}
    alice_id = (await admin.get("/api/users/lookup?username=alice")).json()["id"]
    await admin.patch(f"/api/users/{alice_id}", json={"is_disabled": True})
    for _ in range(12):
        answer = await client.post("/api/auth/login", json=login)
    assert answer.status_code == 429
    refused = await events(api, "sign-in.failed", "request.refused")
    about = {"method": "password", "user_id": alice_id, "username": "alice", "reason": "account_disabled"}
    assert [event.about for event in refused[:-1]] == [about] * 10
    assert (refused[-1].action, refused[-1].about["code"]) == ("request.refused", "rate_limited")


async def test_guesses_at_unknown_names_are_recorded_up_to_a_limit(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "_UNKNOWN_NAMES", Limit(count=3, seconds=3600))
    await api.user("alice")
    client = await api.anonymous()
    for number in range(6):
        guess = {"username": f"nobody{number}", "password": "x"}
        assert (await client.post("/api/auth/login", json=guess)).status_code == 401
    await client.post("/api/auth/login", json={"username": "alice", "password": "x"})
    names = [event.about.get("username") for event in await events(api, "sign-in.failed")]
    assert names == [None] * 3 + ["alice"]


async def test_reading_by_administrators_is_recorded_once(api: Api, tmp_path: Path) -> None:
    alice, admin, bob = await api.user("alice"), await api.admin(), await api.user("bob")
    root = (await admin.get("/api/auth/me")).json()["id"]
    private, own = await api.namespace(alice), await api.namespace(admin)
    public = await api.namespace(alice, is_public=True)
    document = await api.upload(alice, factories.handbook(tmp_path), private)
    mine = await api.upload(admin, factories.handbook(tmp_path), own)
    search = {"query": "vacation"}
    for _ in range(2):
        for path in ("", "/file", "/passages", "/permissions"):
            assert (await admin.get(f"/api/documents/{document}{path}")).status_code == 200
            assert (await admin.get(f"/api/documents/{mine}{path}")).status_code == 200
        for space in (private, own, public):
            assert (await admin.get(f"/api/namespaces/{space}")).status_code == 200
            assert (await admin.post(f"/api/namespaces/{space}/search", json=search)).status_code == 200
    for path in ("/api/documents/4711", "/api/namespaces/4711", f"/api/documents/{2**40}"):
        assert (await admin.get(path)).status_code in (404, 422)
    assert (await bob.get(f"/api/documents/{document}")).status_code == 404
    read = await events(api, "document.read", "namespace.read")
    assert [(event.action, event.actor_id, event.about) for event in read] == [
        ("document.read", root, {"doc_id": document}),
        ("namespace.read", root, {"namespace_id": private}),
    ]


@pytest.mark.parametrize("way", ["search", "chat", "completion"])
async def test_each_way_into_a_namespace_is_recorded(api: Api, way: str) -> None:
    alice, admin = await api.user("alice"), await api.admin()
    space = await api.namespace(alice)
    ask = {"model": f"luma/{space}", "messages": [{"role": "user", "content": "Why?"}]}
    path, body = {
        "search": (f"/api/namespaces/{space}/search", {"query": "x"}),
        "chat": ("/api/chats", {"namespace_id": space}),
        "completion": ("/v1/chat/completions", ask),
    }[way]
    assert (await admin.post(path, json=body)).is_success
    assert [event.about for event in await events(api, "namespace.read")] == [{"namespace_id": space}]


@pytest.mark.parametrize("limits", [{"max_level": 1}, {"max_level": 2}, {"namespace_ids": ...}])
async def test_reading_with_a_restricted_token_is_recorded(
    api: Api, tmp_path: Path, limits: dict[str, Any]
) -> None:
    alice, admin = await api.user("alice"), await api.admin()
    space = await api.namespace(alice)
    document = await api.upload(alice, factories.handbook(tmp_path), space)
    limits = {name: [space] if value is ... else value for name, value in limits.items()}
    made = await admin.post("/api/auth/tokens", json={"name": "t", "expires_in_days": 1, **limits})
    client = await api.anonymous({"authorization": f"Bearer {made.json()['token']}"})
    assert (await client.get(f"/api/documents/{document}/file")).status_code == 200
    assert (await client.post(f"/api/namespaces/{space}/search", json={"query": "x"})).status_code == 200
    assert {event.action: event.about for event in await events(api, "document.read", "namespace.read")} == {
        "document.read": {"doc_id": document},
        "namespace.read": {"namespace_id": space},
    }


@pytest.mark.parametrize("again", [False, True], ids=["ask", "regenerate"])
async def test_asking_in_a_chat_begun_by_another_right_is_recorded(api: Api, again: bool) -> None:
    alice, admin = await api.user("alice"), await api.admin()
    space = await api.namespace(alice, is_public=True)
    chat = f"/api/chats/{(await admin.post('/api/chats', json={'namespace_id': space})).json()['id']}"
    assert (await admin.post(f"{chat}/messages", json={"content": "Why?"})).is_success
    assert await events(api, "namespace.read") == []
    assert (await alice.patch(f"/api/namespaces/{space}", json={"is_public": False})).status_code == 200
    assert (await admin.get(f"{chat}/messages")).status_code == 200
    assert await events(api, "namespace.read") == []
    if again:
        assert (await admin.post(f"{chat}/regenerate")).is_success
    else:
        assert (await admin.post(f"{chat}/messages", json={"content": "Why?"})).is_success
    assert [event.about for event in await events(api, "namespace.read")] == [{"namespace_id": space}]
