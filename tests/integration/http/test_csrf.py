"""No unsafe route works with the cookie alone. The cases are generated from the route table."""

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
    # The routes do not use the runtime before a call.
    app = create_app(cast(Runtime, SimpleNamespace(settings=Settings())))
    return sorted(
        (method, re.sub(r"{.*?}", "2147483647", route.path))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method not in SAFE_METHODS and not handler.opt.get("public")
    )


async def test_unsafe_browser_requests_need_the_session_csrf_token(api: Api) -> None:
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
        # A cookie planted by another site, with a matching header.
        {"cookie": f"{cookie}; csrftoken={others}", "x-csrftoken": others},
        {"cookie": f"{cookie}; csrftoken=x", "x-csrftoken": "x"},
        # A form submission from another site.
        {"cookie": cookie, "content-type": "text/plain", "request_context": "https://evil.example"},
    ]
    for method, path in routes:
        for headers in wrong:
            answer = await client.request(method, path, headers=headers)
            assert (answer.status_code, REFUSAL in answer.text) == (403, True), (method, path, headers)
    # Logout comes last, because it ends the session.
    for method, path in sorted(routes, key=lambda route: route[1] == "/api/auth/logout"):
        answer = await client.request(method, path, headers={"cookie": cookie, "x-csrftoken": own})
        assert REFUSAL not in answer.text, (method, path)
        assert answer.status_code != 401, (method, path)


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/register"])
async def test_cross_site_form_can_not_sign_in(api: Api, path: str) -> None:
    await api.user("alice")
    client = await api.anonymous()
    body = '{"username": "alice", "email": "a@b", "password": "correct horse battery"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = await client.post(path, content=body, headers={"content-type": kind})
        assert answer.status_code == 415
        assert "set-cookie" not in answer.headers
