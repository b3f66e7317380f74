import asyncio

import httpx
import msgspec
import pytest
from sqlalchemy import select

from luma_rag.access import Principal
from luma_rag.accounts import tokens, users
from luma_rag.db.base import utcnow
from luma_rag.db.models import ApiToken, LoginSession, User
from luma_rag.errors import ForbiddenError, NotAuthenticatedError
from luma_rag.runtime import Runtime
from tests.api import PASSWORD, Api
from tests.servers import serving

ALICE = {"username": "alice", "email": "alice@example.com", "password": PASSWORD}
BOB = {"username": "bob", "email": "bob@example.com", "password": PASSWORD}


async def test_first_account_becomes_admin_and_closes_registration(api: Api) -> None:
    client = await api.anonymous()
    first = await client.post("/api/auth/register", json=ALICE)
    assert first.status_code == 201
    assert first.json()["role"] == "admin"
    assert set(first.json()) == {"id", "username", "email", "role", "created_at", "updated_at"}
    assert first.json()["created_at"].endswith("Z")
    second = await client.post("/api/auth/register", json=BOB)
    assert second.status_code == 403
    assert second.headers["content-type"] == "application/problem+json"


async def test_concurrent_first_registrations_create_one_admin(api: Api) -> None:
    client = await api.anonymous()
    answers = await asyncio.gather(
        *(client.post("/api/auth/register", json=person) for person in (ALICE, BOB))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 403]


async def test_names_and_addresses_are_unique_in_any_case(api: Api) -> None:
    admin = await api.admin()
    assert (await admin.post("/api/users", json=BOB)).status_code == 201
    for twin in ({**BOB, "email": "other@example.com", "username": "BOB"}, {**BOB, "username": "other"}):
        assert (await admin.post("/api/users", json=twin)).status_code == 409


async def test_an_address_is_printable(api: Api) -> None:
    client = await api.anonymous()
    answer = await client.post("/api/auth/register", json={**ALICE, "email": "a\x1b]0;owned\x07@b"})
    assert [error["field"] for error in answer.json()["errors"]] == ["email"]


async def test_invalid_input_is_reported_by_field(api: Api) -> None:
    client = await api.anonymous()
    answer = await client.post(
        "/api/auth/register", json={"email": "nowhere", "username": "a@b", "password": "?"}
    )
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"email", "username", "password"}
    short = await client.post("/api/auth/register", json={**ALICE, "password": "short"})
    assert short.json()["errors"][0]["field"] == "password"
    missing = await client.post("/api/auth/register", json={"username": "alice"})
    assert missing.status_code == 422
    unparsable = await client.post(
        "/api/auth/register", content=b"{", headers={"content-type": "application/json"}
    )
    assert unparsable.status_code == 400


async def test_sign_in_by_name_or_email_and_sign_out(api: Api) -> None:
    await api.user("alice")
    by_address = await api.sign_in("ALICE@example.com")
    assert (await by_address.get("/api/auth/me")).json()["username"] == "alice"
    secret = by_address.cookies["luma_session"]
    assert (await by_address.post("/api/auth/logout")).status_code == 204
    # The session is invalid on the server, not merely dropped by the browser.
    again = await api.anonymous(headers={"cookie": f"luma_session={secret}"})
    assert (await again.get("/api/auth/me")).status_code == 401


async def test_unknown_user_and_wrong_password_get_the_same_response(api: Api) -> None:
    await api.user("alice")
    client = await api.anonymous()
    wrong = await client.post("/api/auth/login", json={"username": "alice", "password": "wrong password"})
    unknown = await client.post("/api/auth/login", json={"username": "nobody", "password": "wrong password"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


async def test_repeated_guesses_are_limited(api: Api) -> None:
    await api.user("guessed")
    client = await api.anonymous()
    for _ in range(10):
        answer = await client.post("/api/auth/login", json={"username": "guessed", "password": "x"})
        assert answer.status_code == 401
    limited = await client.post("/api/auth/login", json={"username": "guessed", "password": PASSWORD})
    assert limited.status_code == 429
    assert int(limited.headers["retry-after"]) > 0


async def test_cookie_without_csrf_token_is_rejected(api: Api) -> None:
    alice = await api.user("alice")
    forged = await api.anonymous(headers={"cookie": f"luma_session={alice.cookies['luma_session']}"})
    assert (await forged.get("/api/auth/me")).status_code == 200
    assert (await forged.post("/api/namespaces", json={"name": "x"})).status_code == 403
    planted = await forged.post("/api/namespaces", json={"name": "x"}, headers={"x-csrftoken": "y"})
    assert planted.status_code == 403
    token = (await forged.get("/api/auth/me")).cookies["csrftoken"]
    real = await forged.post("/api/namespaces", json={"name": "x"}, headers={"x-csrftoken": token})
    assert real.status_code == 201


async def test_password_change_ends_other_sessions_and_all_tokens(api: Api) -> None:
    alice = await api.user("alice")
    elsewhere = await api.sign_in("alice")
    token = (await alice.post("/api/auth/tokens", json={"name": "batch"})).json()["token"]
    program = await api.anonymous(headers={"authorization": f"Bearer {token}"})
    assert (await program.get("/api/auth/me")).status_code == 200
    wrong = await alice.post("/api/auth/password", json={"current": "no", "new": "another password"})
    assert wrong.status_code == 403
    right = await alice.post("/api/auth/password", json={"current": PASSWORD, "new": "another password"})
    assert right.status_code == 204
    assert (await alice.get("/api/auth/me")).status_code == 200
    assert (await elsewhere.get("/api/auth/me")).status_code == 401
    assert (await program.get("/api/auth/me")).status_code == 401
    await api.sign_in("alice", "another password")


async def test_token_is_shown_once_and_can_be_revoked(api: Api) -> None:
    alice = await api.user("alice")
    created = await alice.post("/api/auth/tokens", json={"name": "batch", "expires_in_days": 7})
    assert created.status_code == 201
    assert created.json()["token"].startswith("luma_")
    listed = (await alice.get("/api/auth/tokens")).json()
    assert listed["total"] == 1
    assert created.json()["token"] not in str(listed)
    program = await api.anonymous(headers={"authorization": f"Bearer {created.json()['token']}"})
    # Bearer tokens need no CSRF token.
    assert (await program.post("/api/namespaces", json={"name": "x"})).status_code == 201
    assert (await alice.delete(f"/api/auth/tokens/{created.json()['id']}")).status_code == 204
    assert (await program.get("/api/auth/me")).status_code == 401


async def test_secrets_are_not_stored_in_plain_text(api: Api) -> None:
    alice = await api.user("alice")
    token = (await alice.post("/api/auth/tokens", json={"name": "batch"})).json()["token"]
    async with api.runtime.sessions.begin() as session:
        user = (await session.scalars(select(User))).one()
        assert user.password.startswith("$argon2id$")
        for digest, secret in (
            ((await session.scalars(select(ApiToken))).one().token_hash, token),
            ((await session.scalars(select(LoginSession))).one().token_hash, alice.cookies["luma_session"]),
        ):
            assert len(digest) == 32
            assert secret.encode() not in digest


async def test_admins_manage_users(api: Api) -> None:
    admin = await api.admin()
    alice = await api.user("alice")
    assert (await alice.get("/api/users")).status_code == 403
    bob = (await admin.post("/api/users", json=BOB)).json()
    assert bob["role"] == "user"
    assert (await admin.get("/api/users")).json()["total"] == 3
    promoted = await admin.patch(f"/api/users/{bob['id']}", json={"role": "admin"})
    assert promoted.json()["role"] == "admin"
    assert (await admin.delete(f"/api/users/{bob['id']}")).status_code == 204
    assert (await admin.get(f"/api/users/{bob['id']}")).status_code == 404


async def test_last_admin_can_not_be_removed(api: Api) -> None:
    admin = await api.admin()
    me = (await admin.get("/api/auth/me")).json()["id"]
    assert (await admin.patch(f"/api/users/{me}", json={"role": "user"})).status_code == 409
    assert (await admin.delete(f"/api/users/{me}")).status_code == 409


async def test_user_with_property_is_not_removed(api: Api) -> None:
    admin = await api.admin()
    alice = await api.user("alice")
    await api.namespace(alice)
    alice_id = (await alice.get("/api/auth/me")).json()["id"]
    answer = await admin.delete(f"/api/users/{alice_id}")
    assert answer.status_code == 409
    assert "1 namespaces" in answer.json()["detail"]


async def test_lookup_finds_exact_names_only(api: Api) -> None:
    alice = await api.user("alice")
    await api.user("bobby")
    found = await alice.get("/api/users/lookup", params={"username": "bobby"})
    assert set(found.json()) == {"id", "username"}
    for other in ("bob", "Bobby", "bobby "):
        assert (await alice.get("/api/users/lookup", params={"username": other})).status_code == 404


async def test_password_reset_wins_over_a_concurrent_change(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await api.user("alice")
    me = (await alice.get("/api/auth/me")).json()
    sessions = api.runtime.sessions
    verified, reset = asyncio.Event(), asyncio.Event()
    hash_password = users.hash_password

    async def slow_hash(*arguments: str, **more: str) -> str:
        if arguments[0] == "an attacker's password":
            verified.set()
            await reset.wait()
        return await hash_password(*arguments, **more)

    monkeypatch.setattr(users, "hash_password", slow_hash)
    caller = Principal(me["id"], "user")
    change = asyncio.create_task(users.change_password(sessions, caller, PASSWORD, "an attacker's password"))
    await verified.wait()
    await users.update(sessions, me["id"], password="what an administrator chose")
    reset.set()
    with pytest.raises(ForbiddenError, match="The password was just changed"):
        await change
    assert (await api.sign_in("alice", "what an administrator chose")).cookies["luma_session"]


async def test_token_does_not_survive_a_concurrent_password_change(api: Api) -> None:
    alice = await api.user("alice")
    me = (await alice.get("/api/auth/me")).json()
    async with api.runtime.sessions.begin() as session:
        session_id = await session.scalar(select(LoginSession.id).where(LoginSession.user_id == me["id"]))
    caller = Principal(me["id"], "user", session_id=session_id, authenticated_at=utcnow())
    async with api.runtime.sessions.begin() as resetting:
        user = await resetting.get_one(User, me["id"], with_for_update=True)
        await users._set_password(resetting, user, "another hash", keep_session=None)

        async def make() -> None:
            async with api.runtime.sessions.begin() as session:
                await tokens.create_token(session, caller, "late")

        making = asyncio.create_task(make())
        await asyncio.sleep(0.3)
        assert not making.done()
    with pytest.raises(NotAuthenticatedError):
        await making


async def test_restricted_token_can_not_exhaust_password_attempts(api: Api) -> None:
    alice = await api.user("alice")
    created = await alice.post("/api/auth/tokens", json={"name": "reader", "max_level": 1})
    reader = await api.anonymous({"authorization": f"Bearer {created.json()['token']}"})
    for _ in range(12):
        answer = await reader.post("/api/auth/password", json={"current": "a", "new": "b"})
        assert answer.status_code == 403
    changed = {"current": PASSWORD, "new": "another long password"}
    assert (await alice.post("/api/auth/password", json=changed)).status_code == 204


@pytest.mark.parametrize(
    ("registration", "at_first", "later"),
    [("first", True, False), ("open", True, True), ("closed", False, False)],
)
async def test_options_include_whether_registration_is_open(
    runtime: Runtime, registration: str, at_first: bool, later: bool
) -> None:
    changed = msgspec.structs.replace(runtime.settings, registration=registration)
    others = {"openid": None, "has_passwords": True}
    async with (
        serving(msgspec.structs.replace(runtime, settings=changed)) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        empty = (await client.get("/api/auth/options")).json()
        assert empty == {**others, "can_register": at_first, "is_empty": True}
        await users.create(runtime.sessions, "alice", "alice@example.com", PASSWORD, "admin")
        filled = (await client.get("/api/auth/options")).json()
        assert filled == {**others, "can_register": later, "is_empty": False}
