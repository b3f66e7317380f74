"""Acts that hand out power require a session with a recent password; temporary passwords must be changed."""

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select, update

from luma_rag.db.base import utcnow
from luma_rag.db.models import AuditEvent, LoginSession
from luma_rag.runtime import Runtime
from tests.api import PASSWORD, Api
from tests.servers import serving

BOB = {"username": "bob", "email": "bob@example.com", "password": PASSWORD}
NEW = "a password of my own"


async def grow_old(api: Api, minutes: int = 10) -> None:
    """Let all sessions have shown their password so long ago."""
    async with api.runtime.sessions.begin() as session:
        then = utcnow() - timedelta(minutes=minutes)
        await session.execute(update(LoginSession).values(authenticated_at=then))


def problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def actions(api: Api) -> list[str]:
    async with api.runtime.sessions.begin() as session:
        return list(await session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


async def test_password_is_asked_again_after_ten_minutes(api: Api) -> None:
    admin = await api.admin()
    await grow_old(api, 9)
    bob = await admin.post("/api/users", json=BOB)
    assert bob.status_code == 201
    await grow_old(api, 10)
    url = f"/api/users/{bob.json()['id']}"
    for method, path, body in (
        ("POST", "/api/users", {**BOB, "username": "eve", "email": "eve@example.com"}),
        ("PATCH", url, {"role": "admin"}),
        ("PATCH", url, {"password": "another long password"}),
        ("DELETE", url, None),
        ("POST", "/api/auth/tokens", {"name": "without end"}),
        ("POST", "/api/auth/totp", None),
    ):
        refused = await admin.request(method, path, json=body)
        problem(refused, 403, "reauthentication_required")
    assert (await admin.get(url)).json()["role"] == "user"
    wrong = await admin.post("/api/auth/reauthenticate", json={"password": "wrong"})
    problem(wrong, 401, "invalid_credentials")
    problem(await admin.patch(url, json={"role": "admin"}), 403, "reauthentication_required")
    again = await admin.post("/api/auth/reauthenticate", json={"password": PASSWORD})
    assert again.status_code == 204
    assert (await admin.patch(url, json={"role": "admin"})).status_code == 200
    assert [a for a in await actions(api) if a.startswith("session.")] == [
        "session.reauthentication-failed",
        "session.reauthenticated",
    ]


async def test_reauthentication_counts_for_its_session_only(api: Api) -> None:
    admin = await api.admin()
    elsewhere = await api.sign_in("root")
    await grow_old(api)
    assert (await admin.post("/api/auth/reauthenticate", json={"password": PASSWORD})).status_code == 204
    problem(await elsewhere.post("/api/users", json=BOB), 403, "reauthentication_required")
    assert (await admin.post("/api/users", json=BOB)).status_code == 201


async def test_guesses_at_the_password_of_a_session_are_limited(api: Api) -> None:
    alice = await api.user("alice")
    for _ in range(10):
        wrong = await alice.post("/api/auth/reauthenticate", json={"password": "wrong"})
        assert wrong.status_code == 401
    limited = await alice.post("/api/auth/reauthenticate", json={"password": PASSWORD})
    problem(limited, 429, "rate_limited")


async def test_sensitive_operations_refuse_tokens(api: Api) -> None:
    admin = await api.admin()
    whole = (await admin.post("/api/auth/tokens", json={"name": "whole"})).json()["token"]
    program = await api.anonymous({"authorization": f"Bearer {whole}"})
    assert (await program.get("/api/users")).status_code == 200
    problem(await program.post("/api/users", json=BOB), 403, "reauthentication_required")
    problem(await program.post("/api/auth/tokens", json={"name": "x"}), 403, "reauthentication_required")
    made = await program.post("/api/auth/tokens", json={"name": "x", "expires_in_days": 30})
    assert made.status_code == 201
    expiring = await api.anonymous({"authorization": f"Bearer {made.json()['token']}"})
    for path, body in (
        ("/api/auth/tokens", {"name": "y", "expires_in_days": 1}),
        ("/api/auth/password", {"current": PASSWORD, "new": NEW}),
    ):
        problem(await expiring.post(path, json=body), 403, "forbidden")
    refused = await program.post("/api/auth/reauthenticate", json={"password": PASSWORD})
    problem(refused, 403, "forbidden")


async def test_password_of_an_administrator_must_be_changed(api: Api) -> None:
    admin = await api.admin()
    bob_id = (await admin.post("/api/users", json=BOB)).json()["id"]
    assert (await admin.get(f"/api/users/{bob_id}")).json()["must_change_password"] is True
    bob = await api.sign_in("bob")
    assert (await bob.get("/api/auth/me")).json()["username"] == "bob"
    assert (await bob.get("/api/auth/account")).json()["required_action"] == "change_password"
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/api/namespaces", None),
        ("POST", "/api/namespaces", {"name": "x"}),
        ("POST", "/api/auth/tokens", {"name": "x"}),
        ("GET", "/api/auth/sessions", None),
        ("GET", "/v1/models", None),
        ("GET", "/metrics", None),
    ]
    for method, path, body in calls:
        problem(await bob.request(method, path, json=body), 403, "password_change_required")
    change = {"current": PASSWORD, "new": PASSWORD}
    same = await bob.post("/api/auth/password", json=change)
    assert [error["field"] for error in same.json()["errors"]] == ["new"]
    problem(await bob.get("/api/namespaces"), 403, "password_change_required")
    assert (await bob.post("/api/auth/password", json={**change, "new": NEW})).status_code == 204
    assert (await bob.get("/api/namespaces")).status_code == 200
    assert (await bob.get("/api/auth/account")).json()["required_action"] is None
    reset = await admin.patch(f"/api/users/{bob_id}", json={"password": PASSWORD})
    assert reset.json()["must_change_password"] is True
    problem(await (await api.sign_in("bob")).get("/api/chats"), 403, "password_change_required")


async def test_own_password_is_not_temporary(api: Api) -> None:
    admin = await api.admin()
    me = (await admin.get("/api/auth/me")).json()["id"]
    assert (await admin.patch(f"/api/users/{me}", json={"password": NEW})).status_code == 200
    again = await api.sign_in("root", NEW)
    assert (await again.get("/api/namespaces")).status_code == 200


@pytest.mark.parametrize(
    ("column", "setting"),
    [("last_used_at", {"session_idle_minutes": 30}), ("created_at", {"session_days": 1})],
)
async def test_sessions_end_by_idleness_and_by_age(
    runtime: Runtime, column: str, setting: dict[str, int]
) -> None:
    """The limits hold for sessions that were started under longer ones."""
    minutes = setting.get("session_idle_minutes", 24 * 60)
    limited = msgspec.structs.replace(runtime, settings=msgspec.structs.replace(runtime.settings, **setting))
    async with serving(limited) as url, Api(url, limited) as api:
        alice = await api.user("alice")
        for ago, status in ((minutes - 1, 200), (minutes, 401)):
            async with runtime.sessions.begin() as session:
                then = utcnow() - timedelta(minutes=ago)
                await session.execute(
                    update(LoginSession).values({column: then, "expires_at": utcnow() + timedelta(days=9)})
                )
            assert (await alice.get("/api/auth/me")).status_code == status


async def test_administrators_list_and_end_sessions_and_tokens_of_others(api: Api) -> None:
    admin, alice, bob = await api.admin(), await api.user("alice"), await api.user("bob")
    alice_id = (await alice.get("/api/auth/me")).json()["id"]
    token = (await alice.post("/api/auth/tokens", json={"name": "batch"})).json()
    program = await api.anonymous({"authorization": f"Bearer {token['token']}"})
    url = f"/api/users/{alice_id}"
    for path in ("sessions", "tokens"):
        assert (await bob.get(f"{url}/{path}")).status_code == 403
        assert (await admin.get(f"/api/users/4711/{path}")).status_code == 404
    (session,) = (await admin.get(f"{url}/sessions")).json()["items"]
    (listed,) = (await admin.get(f"{url}/tokens")).json()["items"]
    assert (listed["id"], listed["name"]) == (token["id"], "batch")
    assert token["token"] not in str(listed)
    bob_id = (await bob.get("/api/auth/me")).json()["id"]
    # Under the wrong user nothing is found.
    for path, of_id in (("sessions", session["id"]), ("tokens", token["id"])):
        assert (await admin.delete(f"/api/users/{bob_id}/{path}/{of_id}")).status_code == 404
    assert (await program.get("/api/auth/me")).status_code == 200
    assert (await admin.delete(f"{url}/tokens/{token['id']}")).status_code == 204
    assert (await program.get("/api/auth/me")).status_code == 401
    assert (await alice.get("/api/auth/me")).status_code == 200
    assert (await admin.delete(f"{url}/sessions/{session['id']}")).status_code == 204
    assert (await alice.get("/api/auth/me")).status_code == 401
    root = (await admin.get("/api/auth/me")).json()["id"]
    async with api.runtime.sessions.begin() as session_:
        ended = select(AuditEvent).where(AuditEvent.action.in_(["token.revoked", "session.ended"]))
        events = list(await session_.scalars(ended.order_by(AuditEvent.id)))
    about = {"user_id": alice_id, "username": "alice"}
    assert [(event.action, event.actor_id, event.about) for event in events] == [
        ("token.revoked", root, {**about, "token_id": token["id"]}),
        ("session.ended", root, {**about, "session_id": session["id"]}),
    ]
