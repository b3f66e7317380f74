"""A request whose body comes late is as good as the login is by then."""

import asyncio
import json

import httpx
import pytest

from luma_rag.http import authentication, bodies
from tests.api import PASSWORD, Api

UPLOAD = httpx.Request("POST", "http://luma", files={"file": ("a.pdf", b"%PDF-1.4\n%%EOF\n")})
CALLS = {
    "a token": ("POST", "/api/auth/tokens", json.dumps({"name": "parked"}).encode(), "application/json"),
    "an account": (
        "POST",
        "/api/users",
        json.dumps(
            {"username": "backdoor", "email": "b@example.com", "password": PASSWORD, "role": "admin"}
        ).encode(),
        "application/json",
    ),
    "a change": ("PATCH", "/api/users/1", json.dumps({"role": "user"}).encode(), "application/json"),
    "an upload": ("POST", "/api/documents", UPLOAD.read(), UPLOAD.headers["content-type"]),
}


class Parked:
    """A request of which the last byte is missing."""

    def __init__(self, client: httpx.AsyncClient, method: str, path: str, body: bytes, kind: str) -> None:
        url = httpx.URL(str(client.base_url))
        self._address = (url.host, url.port)
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        self._head = (
            f"{method} {path} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nCookie: {cookies}\r\n"
            f"x-csrftoken: {client.cookies['csrftoken']}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        ).encode()
        self._body = body

    async def begin(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        self._writer.write(self._head + self._body[:-1])
        await self._writer.drain()

    async def finish(self) -> int:
        self._writer.write(self._body[-1:])
        await self._writer.drain()
        got = await asyncio.wait_for(self._reader.read(), 20)
        status = int(got.split()[1])
        self._writer.close()
        return status


@pytest.mark.parametrize(
    ("what", "ends"), [*((what, True) for what in CALLS), ("a token", False), ("an upload", False)]
)
async def test_a_login_that_ends_while_the_body_comes_does_nothing(
    api: Api, what: str, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "_FRESH_SECONDS", 0.05)
    admin = await api.admin()
    elsewhere = await api.sign_in("root")
    parked = Parked(elsewhere, *CALLS[what])
    await parked.begin()
    await asyncio.sleep(0.3)
    if ends:
        changed = {"current": PASSWORD, "new": "another long password"}
        assert (await admin.post("/api/auth/password", json=changed)).status_code == 204
        assert (await elsewhere.get("/api/auth/me")).status_code == 401
    status = await parked.finish()
    if not ends:
        assert status == 201
        return
    assert status == 401
    for path in ("/api/auth/tokens", "/api/documents"):
        assert (await admin.get(path)).json()["total"] == 0
    assert [user["username"] for user in (await admin.get("/api/users")).json()["items"]] == ["root"]


async def test_a_body_that_trickles_is_not_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "WHOLE_SECONDS", 0.3)
    parked = Parked(await api.admin(), *CALLS["a token"])
    await parked.begin()
    await asyncio.sleep(0.6)
    assert await parked.finish() == 408
