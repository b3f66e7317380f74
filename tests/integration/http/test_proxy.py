"""Headers of proxies are believed only of those that were named."""

import httpx
import msgspec
import pytest

from luma_rag.accounts import users
from luma_rag.runtime import Runtime
from tests.api import PASSWORD
from tests.servers import serving


@pytest.mark.parametrize(("trusted", "is_secure"), [(None, False), ("127.0.0.1", True), ("10.9.8.7", False)])
async def test_cookies_are_secure_behind_a_known_proxy_with_https(
    runtime: Runtime, trusted: str | None, is_secure: bool
) -> None:
    await users.create(runtime.sessions, "alice", "alice@example.com", PASSWORD, "user")
    told = msgspec.structs.replace(runtime.settings, trusted_proxies=trusted)
    async with (
        serving(msgspec.structs.replace(runtime, settings=told)) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        answer = await client.post(
            "/api/auth/login",
            json={"username": "alice", "password": PASSWORD},
            headers={"x-forwarded-proto": "https"},
        )
    assert answer.status_code == 200
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert all(("Secure" in cookie) == is_secure for cookie in cookies)
