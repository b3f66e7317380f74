"""Sign-in with an OpenID provider, against a real one."""

import asyncio
import base64
import hmac
import json
import socket
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from sqlalchemy import func, select

from luma_rag.accounts import sessions, users
from luma_rag.audit import AuditEvent
from luma_rag.db.base import utcnow
from luma_rag.db.models import DisabledAccount, ExternalIdentity, LoginSession, User
from luma_rag.errors import ConfigurationError
from luma_rag.runtime import Runtime, create_provider
from luma_rag.settings import OpenIDSettings, load
from tests.api import PASSWORD
from tests.openid_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    USES_OLD_AUTHLIB,
    Lie,
    OpenIDProvider,
    provider_running,
)
from tests.servers import serving

pytestmark = USES_OLD_AUTHLIB

START = "/api/auth/openid"
ALICE = {"email": "alice@example.com", "email_verified": True, "preferred_username": "alice"}


@pytest.fixture
def provider() -> Iterator[OpenIDProvider]:
    with provider_running() as running:
        yield running


class Browser:
    """A browser with its own cookies, on a Luma with the provider configured."""

    def __init__(self, client: httpx.AsyncClient, provider: OpenIDProvider) -> None:
        self.client = client
        self.provider = provider

    async def begin(self, **options: Any) -> str:
        answer = await self.client.get(START, **options)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def come_back(self, subject: str) -> str:
        """The URL to which the provider redirects the browser."""
        return await self.provider.agree(await self.begin(), subject)

    async def sign_in(self, subject: str = "a1") -> httpx.Response:
        return await self.client.get(await self.come_back(subject))

    async def me(self) -> dict[str, Any]:
        answer = await self.client.get("/api/auth/me")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
async def people(runtime: Runtime) -> None:
    """An administrator and Alice, with passwords."""
    await users.create(runtime.sessions, "root", "root@example.com", PASSWORD, "admin")
    await users.create(runtime.sessions, "alice", "Alice@example.com", PASSWORD, "user")


@asynccontextmanager
async def luma(runtime: Runtime, provider: OpenIDProvider, **changes: Any) -> AsyncGenerator[Browser]:
    """A Luma with this provider and these settings."""
    given = {"issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    settings = OpenIDSettings(**{**given, **changes})
    configured = create_provider(settings)
    assert configured is not None
    told = msgspec.structs.replace(runtime.settings, openid=settings)
    try:
        async with (
            serving(msgspec.structs.replace(runtime, settings=told, openid=configured)) as url,
            httpx.AsyncClient(base_url=url, timeout=60) as client,
        ):
            yield Browser(client, provider)
    finally:
        await configured.aclose()


async def events(runtime: Runtime, action: str) -> list[AuditEvent]:
    async with runtime.sessions.begin() as session:
        found = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)
        return list(await session.scalars(found))


async def count(runtime: Runtime, model: type[Any]) -> int:
    async with runtime.sessions.begin() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


def refusal(answer: httpx.Response, status: int) -> str:
    """The response for API clients."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "luma_session" not in answer.cookies
    return str(answer.json()["detail"])


async def test_known_identity_signs_in_like_a_password(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    provider.person("a1", **ALICE)
    async with luma(runtime, provider, match_email=True) as browser:
        sent = httpx.URL(await browser.begin())
        assert sent.copy_with(query=None) == f"{provider.issuer}/oauth2/authorize"
        assert sent.params["redirect_uri"] == f"{browser.client.base_url}{START}/callback".replace(
            "//api", "/api"
        )
        assert sent.params["code_challenge_method"] == "S256"
        assert set(sent.params["scope"].split()) == {"openid", "profile", "email"}
        for first in (True, False):
            answer = await browser.sign_in()
            assert (answer.status_code, answer.headers["location"]) == (302, "/")
            cookies = {c.partition("=")[0]: c.lower() for c in answer.headers.get_list("set-cookie")}
            assert set(cookies) == {"luma_session", "csrftoken", "luma_openid"}
            assert "httponly" in cookies["luma_session"]
            assert "samesite=lax" in cookies["luma_session"]
            assert "luma_openid" not in browser.client.cookies
            assert answer.headers["cache-control"] == "no-store"
            assert (await browser.me())["username"] == "alice"
            assert len(await events(runtime, "identity.linked")) == 1, first
        # The second sign-in of a browser ended its first session.
        assert await count(runtime, LoginSession) == 1
        browser.client.headers["x-csrftoken"] = browser.client.cookies["csrftoken"]
        assert (await browser.client.post("/api/namespaces", json={"name": "x"})).status_code == 201
    succeeded = await events(runtime, "sign-in.succeeded")
    assert [(e.actor, e.about) for e in succeeded] == [("alice", {"method": "openid"})] * 2


async def test_sign_in_cookie_is_short_lived_and_path_scoped(
    runtime: Runtime, provider: OpenIDProvider
) -> None:
    async with luma(runtime, provider) as browser:
        answer = await browser.client.get(START)
    (cookie,) = answer.headers.get_list("set-cookie")
    parts = {part.strip().lower() for part in cookie.split(";")}
    assert {"httponly", "samesite=lax", "max-age=600", "path=/api/auth/openid"} <= parts
    url = httpx.URL(answer.headers["location"])
    secret = cookie.partition("=")[2].partition(";")[0]
    assert secret not in str(url)
    assert len({url.params[name] for name in ("state", "nonce", "code_challenge")}) == 3


async def test_redirect_uses_public_url_not_the_host_header(
    runtime: Runtime, provider: OpenIDProvider
) -> None:
    told = msgspec.structs.replace(runtime.settings, public_url="https://luma.example.org/")
    async with luma(msgspec.structs.replace(runtime, settings=told), provider) as browser:
        sent = httpx.URL(await browser.begin(headers={"host": "elsewhere.local"}))
    assert sent.params["redirect_uri"] == "https://luma.example.org/api/auth/openid/callback"


@pytest.mark.parametrize(
    ("rules", "claims", "name"),
    [
        ({}, ALICE, None),
        ({"match_email": True}, ALICE, "alice"),
        ({"match_email": True}, {**ALICE, "email": "ALICE@EXAMPLE.COM"}, "alice"),
        ({"match_email": True}, {**ALICE, "email_verified": False}, None),
        ({"match_email": True}, {**ALICE, "email_verified": "true"}, None),
        ({"match_email": True}, {"email": "alice@example.com"}, None),
        ({"match_email": True}, {"preferred_username": "alice"}, None),
        ({"match_email": True}, {**ALICE, "email": "new@example.com"}, None),
        ({"register": True}, ALICE, None),
        ({"register": True}, {**ALICE, "email": "new@example.com", "email_verified": False}, None),
        ({"register": True}, {**ALICE, "email": "no address"}, None),
        ({"register": True}, {**ALICE, "email": ["new@example.com"]}, None),
        ({"register": True}, {**ALICE, "email": "new@example.com"}, "alice-2"),
        ({"register": True}, {"email": "new@example.com", "email_verified": True}, "new"),
        (
            {"register": True},
            {"email": "new@example.com", "email_verified": True, "preferred_username": "x@<b>y/" + "z" * 60},
            "x--b-y-" + "z" * 43,
        ),
        (
            {"register": True},
            {"email": "new@example.com", "email_verified": True, "preferred_username": "…"},
            "user",
        ),
        ({"register": True, "match_email": True}, ALICE, "alice"),
        ({"register": True, "match_email": True}, {**ALICE, "email": "new@example.com"}, "alice-2"),
    ],
)
async def test_first_sign_in_policy(
    runtime: Runtime,
    provider: OpenIDProvider,
    people: None,
    rules: dict[str, bool],
    claims: dict[str, Any],
    name: str | None,
) -> None:
    provider.person("a1", **claims)
    async with luma(runtime, provider, **rules) as browser:
        answer = await browser.sign_in()
        if name is None:
            assert "administrator" in refusal(answer, 403)
            assert (await browser.client.get("/api/auth/me")).status_code == 401
        else:
            assert answer.status_code == 302, answer.text
            me = await browser.me()
            assert (me["username"], me["role"]) == (name, "user")
    is_new = name is not None and name != "alice"
    assert await count(runtime, User) == (3 if is_new else 2)
    assert await count(runtime, ExternalIdentity) == (0 if name is None else 1)
    # The two accounts already existed.
    assert len(await events(runtime, "account.created")) == 2 + is_new
    failed = await events(runtime, "sign-in.failed")
    if name is None:
        about = {"method": "openid", "reason": "no-account", "subject": "a1"}
        assert [(event.actor_id, event.about) for event in failed] == [(None, about)]
    else:
        assert not failed


async def test_open_registration_accepts_new_identities(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    provider.person("n1", email="new@example.com", email_verified=True)
    told = msgspec.structs.replace(runtime.settings, registration="open")
    async with luma(msgspec.structs.replace(runtime, settings=told), provider) as browser:
        assert (await browser.sign_in("n1")).headers["location"] == "/"


async def test_provider_does_not_create_the_first_account(runtime: Runtime, provider: OpenIDProvider) -> None:
    provider.person("a1", **ALICE)
    async with luma(runtime, provider, register=True) as browser:
        assert "Register it with a password" in refusal(await browser.sign_in(), 403)
    assert await count(runtime, User) == 0


async def test_account_follows_the_identity_not_the_email_address(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    await users.create(runtime.sessions, "bob", "bob@example.com", PASSWORD, "user")
    provider.person("a1", **ALICE)
    async with luma(runtime, provider, match_email=True, register=True) as browser:
        await browser.sign_in("a1")
        # Alice takes over Bob's address at the provider, and remains Alice here.
        provider.person("a1", **{**ALICE, "email": "bob@example.com"})
        await browser.sign_in("a1")
        me = await browser.me()
        assert (me["username"], me["email"]) == ("alice", "Alice@example.com")
        # A new identity with Alice's former address does not get her account.
        provider.person("a2", **ALICE)
        assert "linked to another identity" in refusal(await browser.sign_in("a2"), 403)
    assert await count(runtime, ExternalIdentity) == 1


async def test_concurrent_first_sign_ins_create_one_account(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    provider.person("n1", email="new@example.com", email_verified=True)
    async with luma(runtime, provider, register=True) as one:
        async with httpx.AsyncClient(base_url=one.client.base_url, timeout=60) as client:
            other = Browser(client, provider)
            back = [await one.come_back("n1"), await other.come_back("n1")]
            answers = await asyncio.gather(one.client.get(back[0]), other.client.get(back[1]))
        assert [answer.status_code for answer in answers] == [302, 302], [a.text for a in answers]
    assert await count(runtime, User) == 3


async def test_account_from_a_provider_has_no_password(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    provider.person("n1", email="new@example.com", email_verified=True, preferred_username="new")
    async with luma(runtime, provider, register=True) as browser:
        await browser.sign_in("n1")
        for password in ("!", "", "new", PASSWORD):
            login = {"username": "new", "password": password}
            assert (await browser.client.post("/api/auth/login", json=login)).status_code == 401, password


async def test_disabled_account_can_not_sign_in(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    provider.person("a1", **ALICE)
    async with luma(runtime, provider, match_email=True) as browser:
        async with runtime.sessions.begin() as session:
            alice = await session.scalar(select(User.id).where(User.username == "alice"))
            session.add(DisabledAccount(user_id=alice, disabled_at=utcnow()))
        assert "disabled" in refusal(await browser.sign_in(), 403)
        assert await count(runtime, ExternalIdentity) == 0
        async with runtime.sessions.begin() as session:
            await session.delete(await session.get_one(DisabledAccount, alice))
        await browser.sign_in()
        async with runtime.sessions.begin() as session:
            session.add(DisabledAccount(user_id=alice, disabled_at=utcnow()))
        assert "disabled" in refusal(await browser.sign_in(), 403)
    assert [event.about["reason"] for event in await events(runtime, "sign-in.failed")] == ["disabled"] * 2


async def test_only_the_initiating_browser_can_finish_a_sign_in_once(
    runtime: Runtime, provider: OpenIDProvider, people: None, caplog: pytest.LogCaptureFixture
) -> None:
    provider.person("a1", **ALICE)
    async with luma(runtime, provider, match_email=True) as browser:
        back = await browser.come_back("a1")
        cookies = dict(browser.client.cookies)
        async with httpx.AsyncClient(base_url=browser.client.base_url, timeout=60) as other:
            # Without the cookie, as when the URL is sent to another person.
            assert "Sign in again" in refusal(await other.get(back), 403)
            # With the cookie of another sign-in attempt.
            await other.get(START)
            assert "Sign in again" in refusal(await other.get(back), 403)
            assert "luma_openid" not in other.cookies
        url = httpx.URL(back)
        for state in ("", "wrong", "ä"):
            browser.client.cookies.update(cookies)
            refusal(await browser.client.get(url.copy_set_param("state", state)), 403)
        browser.client.cookies.update(cookies)
        refusal(await browser.client.get(url.copy_remove_param("state")), 403)
        assert "/oauth2/token" not in provider.requests

        browser.client.cookies.update(cookies)
        assert (await browser.client.get(back)).headers["location"] == "/"
        # A second use: the browser has dropped the cookie, and the provider rejects a used code.
        refusal(await browser.client.get(back), 403)
        browser.client.cookies.set("luma_openid", cookies["luma_openid"])
        assert "returned an error" in refusal(await browser.client.get(back), 403)
        assert "invalid_grant" in caplog.text
    assert await count(runtime, LoginSession) == 1


async def test_code_is_bound_to_the_browser_verifier(
    runtime: Runtime, provider: OpenIDProvider, people: None, caplog: pytest.LogCaptureFixture
) -> None:
    """An attacker injects a code into a victim's sign-in with a matching state."""
    provider.person("a1", **ALICE)
    async with luma(runtime, provider, match_email=True) as browser:
        stolen = httpx.URL(await browser.come_back("a1")).params["code"]
        own = httpx.URL(await browser.come_back("a1"))
        refusal(await browser.client.get(own.copy_set_param("code", stolen)), 403)
        assert "invalid_grant" in caplog.text


async def test_provider_errors_are_reported_without_their_text(
    runtime: Runtime, provider: OpenIDProvider
) -> None:
    html = {"accept": "text/html,application/xhtml+xml"}
    async with luma(runtime, provider) as browser:
        for error, reason in (("access_denied", "cancelled"), ("<b>server_error</b>", "refused")):
            sent = httpx.URL(await browser.begin())
            back = f"{START}/callback"
            query = {
                "state": sent.params["state"],
                "error": error,
                "error_description": "<script>alert(1)</script>",
            }
            answer = await browser.client.get(back, params=query, headers=html)
            assert (answer.status_code, answer.headers["location"]) == (302, f"/?sign-in={reason}")
            assert "script" not in answer.text
            assert "luma_openid" not in browser.client.cookies
        # And with an invalid code.
        for code in ({"code": "made up"}, {}):
            sent = httpx.URL(await browser.begin())
            query = {"state": sent.params["state"], **code}
            answer = await browser.client.get(back, params=query, headers=html)
            assert answer.headers["location"] == "/?sign-in=refused"
        assert (await browser.client.get(back, headers=html)).headers["location"] == "/?sign-in=stale"


def _signed(header: dict[str, Any], claims: dict[str, Any], key: Any, **changes: Any) -> str:
    changed = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(header, changed, key, algorithms=[header["alg"]])


def _part(content: dict[str, Any] | bytes) -> bytes:
    plain = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(plain).rstrip(b"=")


def _without_signature(header: dict[str, Any], claims: dict[str, Any], key: RSAKey) -> str:
    return b".".join((_part({"alg": "none"}), _part(claims), b"")).decode()


def _by_a_secret(secret: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    content = b".".join((_part({**header, "alg": "HS256"}), _part(claims)))
    return b".".join((content, _part(hmac.digest(secret, content, "sha256")))).decode()


def _changed(**changes: Any) -> Lie:
    return lambda header, claims, key: _signed(header, claims, key, **changes)


def _by(other: Any, **header: Any) -> Lie:
    return lambda told, claims, key: _signed({**told, **header}, claims, other)


LIES: dict[str, Lie] = {
    "iss": _changed(iss="https://other.example"),
    "no iss": _changed(iss=None),
    "aud": _changed(aud="another client"),
    "auds": _changed(aud=["another client", "a third"]),
    "auds without azp": _changed(aud=[CLIENT_ID, "another client"]),
    "azp": _changed(azp="another client"),
    "no aud": _changed(aud=None),
    "exp": _changed(exp=int(time.time()) - 120),
    "no exp": _changed(exp=None),
    "exp that is no time": _changed(exp="tomorrow"),
    "iat": _changed(iat=int(time.time()) + 3600),
    "nonce": _changed(nonce="of another sign-in"),
    "no nonce": _changed(nonce=None),
    "at_hash": _changed(at_hash="of another token"),
    "no sub": _changed(sub=None),
    "empty sub": _changed(sub=""),
    "sub that is no text": _changed(sub=1),
    "sub with NUL": _changed(sub="a\x00"),
    "long sub": _changed(sub="a" * 300),
    "alg none": _without_signature,
    "HS256 with the public key": lambda h, c, k: _by_a_secret(k.as_pem(private=False), h, c),
    "HS256 with the secret": lambda h, c, k: _by_a_secret(CLIENT_SECRET.encode(), h, c),
    "another key of the same kid": _by(RSAKey.generate_key(2048)),
    "another key": _by(RSAKey.generate_key(2048), kid="unknown"),
    "another kind of key": _by(ECKey.generate_key("P-256"), alg="ES256"),
    "signature": lambda h, c, k: _signed(h, c, k)[:-8] + "AAAAAAAA",
    "no token": lambda h, c, k: "no token",
    "nearly a token": lambda h, c, k: "a.b.c",
    "empty": lambda h, c, k: "",
}


async def test_password_of_the_provider_counts_as_recent_if_it_says_so(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    provider.person("a1", **ALICE)
    token = {"name": "without end"}
    async with luma(runtime, provider, match_email=True) as browser:

        async def makes_a_token(auth_time: object) -> bool:
            provider.lie = _changed(auth_time=auth_time)
            assert (await browser.sign_in()).headers["location"] == "/"
            browser.client.headers["x-csrftoken"] = browser.client.cookies["csrftoken"]
            answer = await browser.client.post("/api/auth/tokens", json=token)
            assert answer.is_success or answer.json()["code"] == "reauthentication_required"
            return answer.is_success

        now = int(time.time())
        assert await makes_a_token(now - 60)
        assert await makes_a_token(now + 30)
        # The provider knew the browser and asked for nothing.
        for missing in (None, True, now - 600, -1e30):
            assert not await makes_a_token(missing), missing
        sent = httpx.URL(await browser.begin(params={"reauthenticate": "true"}))
        assert (sent.params["prompt"], sent.params["max_age"]) == ("login", "0")
        assert "prompt" not in httpx.URL(await browser.begin()).params


async def test_passwords_can_be_turned_off(runtime: Runtime, provider: OpenIDProvider, people: None) -> None:
    provider.person("a1", **ALICE)
    settings = msgspec.structs.replace(runtime.settings, password_sign_in=False, registration="open")
    async with runtime.sessions.begin() as session:
        alice = await session.scalar(select(User.id).where(User.username == "alice"))
        assert alice is not None
        earlier = await sessions.start_session(session, alice, sessions.Browser(), days=1)
    async with luma(
        msgspec.structs.replace(runtime, settings=settings), provider, register=True, name="Quillhaven"
    ) as browser:
        options = (await browser.client.get("/api/auth/options")).json()
        assert options == {
            "openid": "Quillhaven",
            "has_passwords": False,
            "can_register": False,
            "is_empty": False,
        }
        account = {"username": "eve", "email": "eve@example.com", "password": PASSWORD}
        for path, body in (
            ("/api/auth/login", {"username": "alice", "password": PASSWORD}),
            ("/api/auth/register", account),
        ):
            assert "Quillhaven" in refusal(await browser.client.post(path, json=body), 403)
        provider.person("b1", email="b@example.com", email_verified=True)
        assert (await browser.sign_in("b1")).headers["location"] == "/"
        assert (await browser.me())["email"] == "b@example.com"
        change = {"current": PASSWORD, "new": "quite another horse"}
        csrf = {"x-csrftoken": browser.client.cookies["csrftoken"]}
        changed = await browser.client.post("/api/auth/password", json=change, headers=csrf)
        assert "Quillhaven" in refusal(changed, 403)
        browser.client.cookies.clear()
        cookie = {"cookie": f"luma_session={earlier}"}
        assert (await browser.client.get("/api/auth/me", headers=cookie)).status_code == 401
    with pytest.raises(ConfigurationError, match="LUMA_OPENID_ISSUER"):
        load({"LUMA_PASSWORD_SIGN_IN": "false"})


async def test_forged_id_tokens_are_rejected(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    provider.person("a1", **ALICE)
    async with luma(runtime, provider, match_email=True, register=True) as browser:
        for name, lie in LIES.items():
            provider.lie = lie
            answer = await browser.sign_in()
            assert (answer.status_code, "luma_session" in answer.cookies) == (403, False), name
            assert "ID token" in answer.json()["detail"], name
        # The same with a valid token.
        provider.lie = _changed()
        assert (await browser.sign_in()).headers["location"] == "/"


async def test_new_provider_keys_are_fetched_and_old_ones_kept(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    provider.person("a1", **ALICE)
    new = ECKey.generate_key("P-256", {"kid": "new"})
    async with luma(runtime, provider, match_email=True) as browser:
        for _ in range(3):
            assert (await browser.sign_in()).headers["location"] == "/"
        assert provider.requests.count("/jwks") == 1
        assert provider.requests.count("/.well-known/openid-configuration") == 1
        provider.lie = _by(new, alg="ES256", kid="new")
        refusal(await browser.sign_in(), 403)
        # A symmetric key and an unknown key type in the key set are ignored.
        others = [OctKey.generate_key(256).as_dict(), {"kty": "AKP", "kid": "later"}]
        provider.answers["/jwks"] = (200, {"keys": [*others, new.as_dict(private=False)]})
        assert (await browser.sign_in()).headers["location"] == "/"


async def test_email_from_user_info_applies_only_to_its_subject(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    provider.person("a1", **ALICE)
    async with luma(runtime, provider, match_email=True) as browser:
        provider.lie = _changed(email=None, email_verified=None, preferred_username=None)
        provider.changes["/userinfo"] = {"sub": "a2"}
        assert "belongs to another subject" in refusal(await browser.sign_in(), 403)
        provider.changes.clear()
        assert (await browser.sign_in()).headers["location"] == "/"
        assert (await browser.me())["username"] == "alice"


async def test_email_is_verified_only_by_the_source_that_provides_it(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    provider.person("a1", **{**ALICE, "email_verified": False})
    async with luma(runtime, provider, match_email=True) as browser:
        # The ID token claims that an address is verified, but does not contain one.
        provider.lie = _changed(email=None, email_verified=True)
        refusal(await browser.sign_in(), 403)


DESCRIPTION = "/.well-known/openid-configuration"
FAILURES: list[tuple[str, tuple[int, Any]]] = [
    (DESCRIPTION, (500, "broken")),
    (DESCRIPTION, (200, "no JSON")),
    (DESCRIPTION, (200, {"issuer": "x"})),
    (DESCRIPTION, (200, "x" * 2**21)),
    (DESCRIPTION, (302, "")),
    ("/jwks", (404, "")),
    ("/jwks", (200, {"keys": []})),
    ("/jwks", (200, {"keys": [{"kty": "RSA"}]})),
    ("/oauth2/token", (502, "<html>")),
    ("/oauth2/token", (200, {"access_token": "x"})),
]


async def test_provider_failure_is_reported_and_retried(
    runtime: Runtime, provider: OpenIDProvider, people: None
) -> None:
    provider.person("a1", **ALICE)
    async with luma(runtime, provider, match_email=True, name="Quillhaven") as browser:
        for path, failure in FAILURES:
            provider.answers = {path: failure}
            begun = await browser.client.get(START)
            if path != DESCRIPTION:
                back = await provider.agree(begun.headers["location"], "a1")
                begun = await browser.client.get(back)
            assert "Quillhaven is unavailable" in refusal(begun, 503), (path, failure)
        provider.answers = {}
        assert (await browser.sign_in()).headers["location"] == "/"


async def test_provider_with_invalid_metadata_is_rejected(
    runtime: Runtime, provider: OpenIDProvider, caplog: pytest.LogCaptureFixture
) -> None:
    async with luma(runtime, provider) as browser:
        for name, value, named in (
            ("issuer", "https://other.example", "LUMA_OPENID_ISSUER"),
            ("token_endpoint", "http://192.0.2.1/token", "https"),
            ("authorization_endpoint", "javascript:alert(1)", "https"),
            ("jwks_uri", "file:///etc/passwd", "https"),
            ("userinfo_endpoint", "http://other.example/", "https"),
        ):
            provider.changes[DESCRIPTION] = {name: value}
            caplog.clear()
            told = refusal(await browser.client.get(START), 503)
            assert named in caplog.text, name
            # The operator's business.
            assert named not in told, name


async def test_unavailable_provider_does_not_block_requests(
    runtime: Runtime, provider: OpenIDProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luma_rag.accounts.openid_server._TOTAL_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        provider.issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with luma(runtime, provider) as browser:
            started = time.monotonic()
            refusal(await browser.client.get(START), 503)
            assert time.monotonic() - started < 3
    async with luma(runtime, provider) as browser:
        refusal(await browser.client.get(START), 503)
        answer = await browser.client.get(START, headers={"accept": "text/html"})
        assert answer.headers["location"] == "/?sign-in=unavailable"


async def test_wrong_or_missing_client_secret(
    runtime: Runtime, provider: OpenIDProvider, people: None, caplog: pytest.LogCaptureFixture
) -> None:
    provider.person("a1", **ALICE)
    for secret in ("wrong", None):
        async with luma(runtime, provider, match_email=True, client_secret=secret) as browser:
            told = refusal(await browser.sign_in(), 403)
            assert "invalid_client" in caplog.text
            assert "invalid_client" not in told
            assert "wrong" not in told


async def test_options_include_the_provider_name(runtime: Runtime, provider: OpenIDProvider) -> None:
    async with luma(runtime, provider, name="Quillhaven") as browser:
        assert (await browser.client.get("/api/auth/options")).json()["openid"] == "Quillhaven"
    async with serving(runtime) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        assert (await client.get("/api/auth/options")).json()["openid"] is None
        for path in (START, f"{START}/callback"):
            assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"issuer": "https://id.example"}, "LUMA_OPENID_CLIENT_ID"),
        ({"client_id": "luma"}, "LUMA_OPENID_ISSUER"),
        ({"issuer": "http://id.example", "client_id": "luma"}, "https"),
        ({"issuer": "id.example", "client_id": "luma"}, "https"),
        ({"issuer": "http://127.0.0.1.example", "client_id": "luma"}, "https"),
    ],
)
def test_invalid_settings_are_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        create_provider(OpenIDSettings(**given))


def test_settings_names() -> None:
    loaded = load({"LUMA_OPENID_MATCH_EMAIL": "true", "LUMA_PUBLIC_URL": "https://luma.example.org"})
    assert loaded.openid.match_email is True
    assert loaded.openid.register is False
    for wrong in ("luma.example.org", "https://luma.example.org/path", "javascript://x"):
        with pytest.raises(ConfigurationError, match="LUMA_PUBLIC_URL"):
            load({"LUMA_PUBLIC_URL": wrong})
