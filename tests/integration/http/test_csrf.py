"""No route that changes anything works with the cookie alone, generated from the route table."""

import re
from types import SimpleNamespace
from typing import cast

import pytest
from litestar.routes import HTTPRoute

from luma_rag.http.app import create_app
from luma_rag.http.authentication import SAFE_METHODS
from luma_rag.runtime import Runtime
from luma_rag.settings import Settings
from tests.api import Api

REFUSAL = "Send the value of the cookie csrftoken"


def unsafe_routes() -> list[tuple[str, str]]:
    # The routes don't look at the runtime before they are called.
    app = create_app(cast(Runtime, SimpleNamespace(settings=Settings())))
    return sorted(
        (method, re.sub(r"{.*?}", "2147483647", route.path))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method not in SAFE_METHODS and not handler.opt.get("public")
    )


async def test_every_unsafe_call_of_a_browser_needs_the_token_of_its_own_session(api: Api) -> None:
    routes = unsafe_routes()
    assert ("POST", "/api/documents") in routes
    assert len(routes) > 20
    alice, bob = await api.user("alice"), await api.user("bob")
    cookie = f"luma_session={alice.cookies['luma_session']}"
    own, others = alice.cookies["csrftoken"], bob.cookies["csrftoken"]
    client = await api.anonymous()
    wrong: list[dict[str, str]] = [
        {"cookie": cookie},
        {"cookie": cookie, "x-csrftoken": ""},
        {"cookie": f"{cookie}; csrftoken={own}"},
        # A cookie that another site planted, with the header to match.
        {"cookie": f"{cookie}; csrftoken={others}", "x-csrftoken": others},
        {"cookie": f"{cookie}; csrftoken=x", "x-csrftoken": "x"},
        # What a form of another site sends.
        {"cookie": cookie, "content-type": "text/plain", "request_context": "https://evil.example"},
    ]
    for method, path in routes:
        for headers in wrong:
            answer = await client.request(method, path, headers=headers)
            assert (answer.status_code, REFUSAL in answer.text) == (403, True), (method, path, headers)
    # Logging out comes last, with the session.
    for method, path in sorted(routes, key=lambda route: route[1] == "/api/auth/logout"):
        answer = await client.request(method, path, headers={"cookie": cookie, "x-csrftoken": own})
        assert REFUSAL not in answer.text, (method, path)
        assert answer.status_code != 401, (method, path)


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/register"])
async def test_a_form_of_another_site_can_not_sign_its_visitor_in(api: Api, path: str) -> None:
    await api.user("alice")
    client = await api.anonymous()
    body = '{"username": "alice", "email": "a@b", "password": "correct horse battery"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = await client.post(path, content=body, headers={"content-type": kind})
        assert answer.status_code == 415
        assert "set-cookie" not in answer.headers
