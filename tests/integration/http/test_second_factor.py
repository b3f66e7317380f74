"""Second factors: codes at sign-in, replay, recovery codes, removal, and administrators who need one."""

import asyncio
import base64
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import select, text, update

from luma_rag.accounts import users
from luma_rag.db.models import AuditEvent, RecoveryCode, SecondFactor
from luma_rag.runtime import Runtime
from tests.api import PASSWORD, Api
from tests.servers import serving

LOGIN = {"username": "alice", "password": PASSWORD}


def code_of(secret: str, steps: int = 0) -> str:
    """The code of an authenticator, now or so many time steps later."""
    totp = TOTP(base64.b32decode(secret), 6, SHA1(), 30)
    return totp.generate(int(time.time()) + 30 * steps).decode()


def problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def set_up(client: httpx.AsyncClient) -> tuple[str, list[str]]:
    """The key and the recovery codes of a new second factor."""
    begun = await client.post("/api/auth/totp")
    assert begun.status_code == 201, begun.text
    secret = begun.json()["secret"]
    confirmed = await client.post("/api/auth/totp/confirm", json={"code": code_of(secret, -1)})
    assert confirmed.status_code == 200, confirmed.text
    return secret, confirmed.json()["recovery_codes"]


async def sign_in(api: Api, **fields: str) -> httpx.Response:
    return await (await api.anonymous()).post("/api/auth/login", json={**LOGIN, **fields})


async def events(api: Api, *prefixes: str) -> list[tuple[str, dict[str, object]]]:
    async with api.runtime.sessions.begin() as session:
        trail = await session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        return [(event.action, event.about) for event in trail if event.action.startswith(prefixes)]


async def test_unconfirmed_second_factor_does_not_count(api: Api) -> None:
    alice = await api.user("alice")
    problem(await alice.post("/api/auth/totp/confirm", json={"code": "1"}), 404, "not_found")
    first, second = [(await alice.post("/api/auth/totp")).json() for _ in range(2)]
    uri = urlsplit(second["uri"])
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Luma:alice")
    assert parse_qs(uri.query)["secret"] == [second["secret"]]
    for code in (
        code_of(first["secret"]),
        "",
        "12345",
        "0" * 6 if code_of(second["secret"]) != "0" * 6 else "1",
    ):
        problem(await alice.post("/api/auth/totp/confirm", json={"code": code}), 401, "invalid_code")
    assert (await alice.get("/api/auth/account")).json()["has_second_factor"] is False
    assert (await sign_in(api)).status_code == 200
    confirmed = await alice.post("/api/auth/totp/confirm", json={"code": code_of(second["secret"])})
    assert len(set(confirmed.json()["recovery_codes"])) == 10
    assert (await alice.get("/api/auth/account")).json()["has_second_factor"] is True
    problem(await alice.post("/api/auth/totp"), 409, "conflict")


async def test_sign_in_requires_a_code_after_the_right_password(api: Api) -> None:
    secret, _ = await set_up(await api.user("alice"))
    unknown = await sign_in(api, username="nobody", code=code_of(secret))
    for fields in ({"password": "wrong"}, {"password": "wrong", "code": code_of(secret)}):
        wrong = await sign_in(api, **fields)
        problem(wrong, 401, "invalid_credentials")
        assert wrong.json() == unknown.json()
    missing = await sign_in(api)
    problem(missing, 401, "totp_required")
    assert "luma_session" not in missing.cookies
    problem(await sign_in(api, code="000000x"), 401, "invalid_code")
    spaced = code_of(secret)[:3] + " " + code_of(secret)[3:]
    answer = await sign_in(api, code=spaced)
    assert (answer.status_code, answer.json()["username"]) == (200, "alice")
    reasons = [about.get("reason") for _, about in await events(api, "sign-in.failed")]
    assert reasons == [None, None, None, "totp_required", "invalid_code"]


async def test_code_works_once(api: Api) -> None:
    secret, _ = await set_up(await api.user("alice"))
    code = code_of(secret)
    answers = await asyncio.gather(*(sign_in(api, code=code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    # Nor does an earlier one, once a later one has been used.
    problem(await sign_in(api, code=code_of(secret, -1)), 401, "invalid_code")
    assert (await sign_in(api, code=code_of(secret, 1))).status_code == 200
    # Clocks may differ by a step, no more.
    async with api.runtime.sessions.begin() as session:
        await session.execute(update(SecondFactor).values(last_step=0))
    for steps in (-3, 3):
        problem(await sign_in(api, code=code_of(secret, steps)), 401, "invalid_code")


async def test_recovery_code_works_once(api: Api) -> None:
    _, codes = await set_up(await api.user("alice"))
    async with api.runtime.sessions.begin() as session:
        stored = list(await session.scalars(select(RecoveryCode.code_hash)))
    assert {len(digest) for digest in stored} == {32}
    answers = await asyncio.gather(*(sign_in(api, code=codes[0]) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]
    assert (await sign_in(api, code=codes[1].upper().replace("-", " "))).status_code == 200
    assert len(await events(api, "recovery-code.used")) == 2


async def test_recovery_code_belongs_to_its_user(api: Api) -> None:
    _, codes = await set_up(await api.user("alice"))
    await set_up(await api.user("bob"))
    problem(await sign_in(api, username="bob", code=codes[0]), 401, "invalid_code")


async def test_guesses_at_codes_are_limited_apart_from_passwords(api: Api) -> None:
    secret, _ = await set_up(await api.user("alice"))
    statuses = []
    for number in range(11):
        # Under both names, each of which has a limit of its own.
        username = "alice" if number % 2 else "alice@example.com"
        statuses.append((await sign_in(api, username=username, code="000000x")).status_code)
    assert statuses == [401] * 10 + [429]
    assert (await sign_in(api, code=code_of(secret))).status_code == 429
    problem(await sign_in(api), 401, "totp_required")


async def test_reauthentication_requires_a_code_too(api: Api) -> None:
    alice = await api.user("alice")
    secret, _ = await set_up(alice)
    async with api.runtime.sessions.begin() as session:
        await session.execute(text("UPDATE login_session SET authenticated_at = NULL"))
    password = {"password": PASSWORD}
    problem(await alice.post("/api/auth/reauthenticate", json=password), 401, "totp_required")
    problem(await alice.delete("/api/auth/totp"), 403, "reauthentication_required")
    answer = await alice.post("/api/auth/reauthenticate", json={**password, "code": code_of(secret)})
    assert answer.status_code == 204
    assert (await alice.delete("/api/auth/totp")).status_code == 204
    problem(await alice.delete("/api/auth/totp"), 404, "not_found")
    assert (await sign_in(api)).status_code == 200
    changes = [action for action, _ in await events(api, "second-factor")]
    assert changes == ["second-factor.added", "second-factor.removed"]


async def test_administrator_removes_a_lost_second_factor(api: Api) -> None:
    admin, alice = await api.admin(), await api.user("alice")
    await set_up(alice)
    url = f"/api/users/{(await alice.get('/api/auth/me')).json()['id']}"
    assert (await admin.get(url)).json()["has_second_factor"] is True
    assert (await alice.delete(f"{url}/totp")).status_code == 403
    assert (await admin.delete(f"{url}/totp")).status_code == 204
    assert (await sign_in(api)).status_code == 200


async def test_administrators_can_be_required_to_have_a_second_factor(runtime: Runtime) -> None:
    settings = msgspec.structs.replace(runtime.settings, require_admin_totp=True)
    strict = msgspec.structs.replace(runtime, settings=settings)
    async with serving(strict) as url, Api(url, strict) as api:
        alice, admin = await api.user("alice"), await api.admin()
        assert (await alice.get("/api/namespaces")).status_code == 200
        assert (await admin.get("/api/auth/account")).json()["required_action"] == "set_up_second_factor"
        for path in ("/api/users", "/api/namespaces", "/api/audit", "/api/auth/sessions"):
            problem(await admin.get(path), 403, "second_factor_required")
        await set_up(admin)
        assert (await admin.get("/api/users")).status_code == 200
        # A user who becomes an administrator must set one up at once, in the sessions they have.
        me = (await alice.get("/api/auth/me")).json()["id"]
        await users.update(runtime.sessions, me, role="admin")
        problem(await alice.get("/api/namespaces"), 403, "second_factor_required")
