import asyncio

import msgspec
import pytest
from sqlalchemy import select, text

from luma_rag.accounts import users
from luma_rag.db.models import AuditEvent, LoginSession
from luma_rag.runtime import Runtime
from tests.api import PASSWORD, Api
from tests.servers import serving


async def _id(api: Api, name: str) -> int:
    admin = await api.admin()
    found = await admin.get("/api/users/lookup", params={"username": name})
    return int(found.json()["id"])


async def _trail(api: Api, *actions: str) -> list[tuple[str, int | None, dict[str, object]]]:
    async with api.runtime.sessions.begin() as session:
        rows = await session.execute(
            select(AuditEvent.action, AuditEvent.actor_id, AuditEvent.about)
            .where(AuditEvent.action.in_(actions))
            .order_by(AuditEvent.id)
        )
        return [(action, actor, about) for action, actor, about in rows]


async def test_who_is_disabled_is_out_until_enabled_and_loses_nothing(api: Api) -> None:
    admin, alice, bob = await api.admin(), await api.user("alice"), await api.user("bob")
    namespace = await api.namespace(alice)
    bob_id, alice_id = await _id(api, "bob"), await _id(api, "alice")
    await alice.put(f"/api/namespaces/{namespace}/members/{bob_id}", json={"auth_level": 1})
    token = (await alice.post("/api/auth/tokens", json={"name": "batch"})).json()["token"]
    program = await api.anonymous(headers={"authorization": f"Bearer {token}"})
    for _ in range(2):
        disabled = await admin.patch(f"/api/users/{alice_id}", json={"is_disabled": True})
        assert disabled.status_code == 200
        assert disabled.json()["is_disabled"] is True
    assert (await alice.get("/api/auth/me")).status_code == 401
    assert (await program.get("/api/auth/me")).status_code == 401
    client = await api.anonymous()
    for username in ("alice", "alice@example.com"):
        refused = await client.post("/api/auth/login", json={"username": username, "password": PASSWORD})
        assert refused.status_code == 403
        assert "disabled" in refused.json()["detail"]
        assert "luma_session" not in client.cookies
    # Who does not know the password does not learn that the account is disabled, or is there at all.
    wrong = await client.post("/api/auth/login", json={"username": "alice", "password": "wrong password"})
    unknown = await client.post("/api/auth/login", json={"username": "nobody", "password": "wrong password"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["detail"] == unknown.json()["detail"]
    assert (await bob.get(f"/api/namespaces/{namespace}")).status_code == 200
    listed = {user["username"]: user for user in (await admin.get("/api/users")).json()["items"]}
    assert [listed[name]["is_disabled"] for name in ("alice", "bob", "root")] == [True, False, False]
    enabled = await admin.patch(f"/api/users/{alice_id}", json={"is_disabled": False})
    assert enabled.json()["is_disabled"] is False
    assert (await alice.get("/api/auth/me")).status_code == 401
    assert (await program.get(f"/api/namespaces/{namespace}")).status_code == 200
    assert (await (await api.sign_in("alice")).get("/api/auth/me")).status_code == 200
    root = await _id(api, "root")
    assert await _trail(api, "account.disabled", "account.enabled") == [
        ("account.disabled", root, {"user_id": alice_id, "username": "alice"}),
        ("account.enabled", root, {"user_id": alice_id, "username": "alice"}),
    ]


async def test_who_signs_in_while_being_disabled_gets_no_session(api: Api) -> None:
    await api.admin()
    await api.user("alice")
    alice_id = await _id(api, "alice")
    client = await api.anonymous()
    async with api.runtime.sessions.begin() as session:
        # Disabled, and not yet committed: the sign-in has to wait for how it ends.
        await session.execute(text("SELECT FROM users WHERE id = :id FOR UPDATE"), {"id": alice_id})
        await session.execute(text("INSERT INTO disabled_account VALUES (:id, now())"), {"id": alice_id})
        await session.execute(text("DELETE FROM login_session WHERE user_id = :id"), {"id": alice_id})
        signing_in = asyncio.create_task(
            client.post("/api/auth/login", json={"username": "alice", "password": PASSWORD})
        )
        await asyncio.wait([signing_in], timeout=2)
        assert not signing_in.done()
    assert (await signing_in).status_code == 403
    async with api.runtime.sessions.begin() as session:
        assert (
            await session.scalars(select(LoginSession).where(LoginSession.user_id == alice_id))
        ).all() == []


async def test_an_administrator_who_is_disabled_does_not_count(api: Api) -> None:
    admin = await api.admin()
    await api.user("second", "admin")
    root, second = await _id(api, "root"), await _id(api, "second")
    assert (await admin.patch(f"/api/users/{second}", json={"is_disabled": True})).status_code == 200
    for last in (
        await admin.patch(f"/api/users/{root}", json={"is_disabled": True}),
        await admin.patch(f"/api/users/{root}", json={"role": "user"}),
        await admin.delete(f"/api/users/{root}"),
    ):
        assert last.status_code == 409
        assert "last administrator" in last.json()["detail"]
    # Nothing of a change is done where part of it is refused.
    refused = await admin.patch(f"/api/users/{root}", json={"role": "user", "password": "another password"})
    assert refused.status_code == 409
    assert (await admin.get("/api/auth/me")).status_code == 200
    # One who is disabled may go.
    assert (await admin.patch(f"/api/users/{second}", json={"role": "user"})).status_code == 200


@pytest.mark.parametrize("ways", [("disable", "demote"), ("remove", "disable"), ("demote", "remove")])
async def test_two_administrators_do_not_do_away_with_each_other(api: Api, ways: tuple[str, str]) -> None:
    await api.admin()
    second = await api.user("second", "admin")
    root_id, second_id = await _id(api, "root"), await _id(api, "second")
    calls = []
    for client, other, way in ((await api.admin(), second_id, ways[0]), (second, root_id, ways[1])):
        url = f"/api/users/{other}"
        if way == "remove":
            calls.append(client.delete(url))
        else:
            change = {"is_disabled": True} if way == "disable" else {"role": "user"}
            calls.append(client.patch(url, json=change))
    answers = await asyncio.gather(*calls)
    # The later one is refused as the last administrator's, or since its caller is out by then.
    assert sum(answer.is_success for answer in answers) == 1, [answer.text for answer in answers]
    async with api.runtime.sessions.begin() as session:
        left = await session.scalar(
            text(
                "SELECT count(*) FROM users WHERE role = 'admin' "
                "AND NOT EXISTS (SELECT FROM disabled_account WHERE user_id = id)"
            )
        )
        assert left == 1


async def test_where_registration_is_closed_not_even_the_first_account_is_made_by_http(
    runtime: Runtime,
) -> None:
    settings = msgspec.structs.replace(runtime.settings, registration="closed")
    closed = msgspec.structs.replace(runtime, settings=settings)
    account = {"username": "alice", "email": "alice@example.com", "password": PASSWORD}
    async with serving(closed) as url, Api(url, closed) as api:
        client = await api.anonymous()
        first = await client.post("/api/auth/register", json=account)
        assert first.status_code == 403
        assert "luma users add" in first.json()["detail"]
        await users.create(runtime.sessions, "root", "root@example.com", PASSWORD, "admin")
        later = await client.post("/api/auth/register", json=account)
        assert later.status_code == 403
        assert "administrator" in later.json()["detail"]


async def test_what_becomes_of_accounts_is_in_the_trail(api: Api) -> None:
    client = await api.anonymous()
    account = {"username": "first", "email": "first@example.com", "password": PASSWORD}
    first = (await client.post("/api/auth/register", json=account)).json()["id"]
    admin = await api.sign_in("first")
    made = await admin.post("/api/users", json={**account, "username": "bob", "email": "bob@example.com"})
    bob = made.json()["id"]
    for change in ({"role": "admin"}, {"role": "admin"}, {"role": "user", "password": "another password"}):
        assert (await admin.patch(f"/api/users/{bob}", json=change)).status_code == 200
    passwords = {"current": "another password", "new": "one more password"}
    common = await (await api.sign_in("bob", "another password")).post(
        "/api/auth/password", json={**passwords, "new": "Password123"}
    )
    assert common.status_code == 422
    assert common.json()["errors"][0]["field"] == "new"
    changed = await (await api.sign_in("bob", "another password")).post("/api/auth/password", json=passwords)
    assert changed.status_code == 204
    assert (await admin.delete(f"/api/users/{bob}")).status_code == 204
    async with api.runtime.sessions.begin() as session:
        rows = await session.execute(
            select(AuditEvent.action, AuditEvent.actor, AuditEvent.about)
            .where(AuditEvent.action.like("account.%") | AuditEvent.action.like("password.%"))
            .order_by(AuditEvent.id)
        )
        named = {"user_id": bob, "username": "bob", "role": "user"}
        assert [tuple(row) for row in rows] == [
            ("account.created", "first", {"user_id": first, "username": "first", "role": "admin"}),
            ("account.created", "first", named),
            ("account.role-changed", "first", {"user_id": bob, "username": "bob", "role": "admin"}),
            ("password.reset", "first", {"user_id": bob, "username": "bob"}),
            ("account.role-changed", "first", {"user_id": bob, "username": "bob", "role": "user"}),
            ("password.changed", "bob", {"user_id": bob, "username": "bob"}),
            ("account.removed", "first", named),
        ]
