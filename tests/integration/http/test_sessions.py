"""A user's sessions in browsers: listed, ended, rotated, and what of them is audited."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import msgspec
from sqlalchemy import select, text, update

from luma_rag.db.base import utcnow
from luma_rag.db.models import AuditEvent, LoginSession, User
from tests.api import PASSWORD, Api
from tests.servers import serving

LOGIN = {"username": "alice", "password": PASSWORD}


async def sessions_of(client: httpx.AsyncClient, **params: int) -> dict[str, Any]:
    answer = await client.get("/api/auth/sessions", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def set_last_use(api: Api, seconds_ago: int) -> None:
    async with api.runtime.sessions.begin() as session:
        await session.execute(
            update(LoginSession).values(last_used_at=utcnow() - timedelta(seconds=seconds_ago))
        )


async def events(api: Api) -> list[tuple[str, int | None, dict[str, Any]]]:
    async with api.runtime.sessions.begin() as session:
        trail = await session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        return [(event.action, event.actor_id, event.about) for event in trail]


async def test_sessions_are_listed_the_one_used_last_first(api: Api) -> None:
    alice = await api.user("alice")
    await api.user("bob")
    await set_last_use(api, 3600)
    phone = await api.anonymous(headers={"user-agent": "Pho\tne " + "x" * 1000})
    await phone.post("/api/auth/login", json=LOGIN)
    listed = await sessions_of(alice)
    assert listed["total"] == 2
    # The call itself was the last use.
    current, other = listed["items"]
    assert set(current) == {
        "id", "created_at", "last_used_at", "expires_at", "address", "user_agent", "is_current",
    }  # fmt: skip
    assert (current["is_current"], other["is_current"]) == (True, False)
    assert current["last_used_at"] > other["last_used_at"]
    assert current["address"] == "127.0.0.1"
    assert current["user_agent"].startswith("python-httpx/")
    assert other["user_agent"] == "Phone " + "x" * 294
    assert alice.cookies["luma_session"] not in str(listed)
    second = await sessions_of(alice, limit=1, offset=1)
    assert (second["items"], second["total"]) == ([other], 2)
    token = (await alice.post("/api/auth/tokens", json={"name": "batch"})).json()["token"]
    program = await api.anonymous(headers={"authorization": f"Bearer {token}"})
    assert not any(item["is_current"] for item in (await sessions_of(program))["items"])


async def test_expired_sessions_are_not_listed_and_not_ended(api: Api) -> None:
    alice = await api.user("alice")
    await api.sign_in("alice")
    async with api.runtime.sessions.begin() as session:
        last = (await session.scalars(select(LoginSession).order_by(LoginSession.id.desc()))).first()
        assert last is not None
        last.expires_at = utcnow() - timedelta(seconds=1)
    assert (await sessions_of(alice))["total"] == 1
    assert (await alice.delete(f"/api/auth/sessions/{last.id}")).status_code == 404


async def test_a_session_can_be_ended_from_another(api: Api) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    elsewhere = await api.sign_in("alice")
    (other,) = [item for item in (await sessions_of(alice))["items"] if not item["is_current"]]
    assert (await bob.delete(f"/api/auth/sessions/{other['id']}")).status_code == 404
    assert (await elsewhere.get("/api/auth/me")).status_code == 200
    assert (await alice.delete(f"/api/auth/sessions/{other['id']}")).status_code == 204
    assert (await elsewhere.get("/api/auth/me")).status_code == 401
    assert (await alice.delete(f"/api/auth/sessions/{other['id']}")).status_code == 404
    (own,) = (await sessions_of(alice))["items"]
    assert (await alice.delete(f"/api/auth/sessions/{own['id']}")).status_code == 204
    assert (await alice.get("/api/auth/me")).status_code == 401


async def test_signing_in_again_ends_the_session_that_the_browser_had(api: Api) -> None:
    await api.user("alice")
    bob = await api.user("bob")
    planted = bob.cookies["luma_session"]
    # Somebody else's session is in the browser, planted there or left behind.
    victim = await api.anonymous(headers={"cookie": f"luma_session={planted}"})
    answer = await victim.post("/api/auth/login", json=LOGIN)
    assert answer.status_code == 200
    fresh = answer.cookies["luma_session"]
    assert fresh != planted
    assert len(fresh) == 43
    assert (await bob.get("/api/auth/me")).status_code == 401
    wrong = await api.anonymous(headers={"cookie": f"luma_session={fresh}"})
    assert (await wrong.post("/api/auth/login", json={**LOGIN, "password": "wrong"})).status_code == 401
    # Who fails to sign in does not end what there was.
    assert (await wrong.get("/api/auth/me")).json()["username"] == "alice"


async def test_use_is_noted_once_a_minute(api: Api) -> None:
    alice = await api.user("alice")

    async def last_use() -> Any:
        async with api.runtime.sessions.begin() as session:
            return await session.scalar(select(LoginSession.last_used_at))

    await set_last_use(api, 50)
    noted = await last_use()
    assert (await alice.get("/api/auth/me")).status_code == 200
    assert await last_use() == noted
    await set_last_use(api, 61)
    assert (await alice.get("/api/auth/me")).status_code == 200
    assert utcnow() - await last_use() < timedelta(seconds=50)


async def test_signing_in_and_out_is_audited_and_no_name_that_was_only_typed(api: Api) -> None:
    alice = await api.user("alice")
    me = (await alice.get("/api/auth/me")).json()["id"]
    (session_id,) = [item["id"] for item in (await sessions_of(alice))["items"]]
    client = await api.anonymous()
    await client.post("/api/auth/login", json={**LOGIN, "password": "not it"})
    await client.post("/api/auth/login", json={"username": "my secret", "password": "not it"})
    made = (await alice.post("/api/auth/tokens", json={"name": "quiet", "max_level": 2})).json()
    await alice.delete(f"/api/auth/tokens/{made['id']}")
    await alice.post("/api/auth/logout")
    limits = {"namespace_ids": None, "max_level": 2}
    assert [event for event in await events(api) if not event[0].startswith("account.")] == [
        ("sign-in.succeeded", me, {"method": "password"}),
        ("sign-in.failed", None, {"method": "password", "user_id": me, "username": "alice"}),
        ("sign-in.failed", None, {"method": "password", "user_id": None}),
        ("token.created", me, {"token_id": made["id"], **limits}),
        ("token.revoked", me, {"token_id": made["id"]}),
        ("session.ended", me, {"session_id": session_id}),
    ]
    for secret in ("my secret", "not it", "quiet", made["token"]):
        assert secret not in str(await events(api))


async def test_no_session_starts_by_a_password_that_is_changed_at_this_moment(api: Api) -> None:
    await api.user("alice")
    client = await api.anonymous()
    async with api.runtime.sessions.begin() as session:
        await session.execute(update(User).values(password="changed"))
        login = asyncio.create_task(client.post("/api/auth/login", json=LOGIN))
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        async with asyncio.timeout(30):
            # Asked by another connection: in one transaction the answer never changes.
            async with api.runtime.engine.connect() as other:
                autocommit = await other.execution_options(isolation_level="AUTOCOMMIT")
                while not await autocommit.scalar(waiting):
                    assert not login.done()
                    await asyncio.sleep(0.05)
    assert (await login).status_code == 401


async def test_cookies_are_secure_where_browsers_come_by_https(api: Api) -> None:
    """Also where the proxy that speaks https is not told of, and http is all that arrives."""
    await api.user("alice")
    for public_url, is_secure in ((None, False), ("https://luma.example.org", True)):
        settings = msgspec.structs.replace(api.runtime.settings, public_url=public_url)
        async with (
            serving(msgspec.structs.replace(api.runtime, settings=settings)) as url,
            httpx.AsyncClient(base_url=url) as client,
        ):
            login = await client.post("/api/auth/login", json={"username": "alice", "password": PASSWORD})
            session = login.cookies["luma_session"]
            # A page that has lost its CSRF token gets it again.
            again = await client.get("/api/auth/me", headers={"cookie": f"luma_session={session}"})
            cookies = login.headers.get_list("set-cookie") + again.headers.get_list("set-cookie")
            assert len(cookies) == 3
            assert {"secure" in cookie.lower() for cookie in cookies} == {is_secure}
