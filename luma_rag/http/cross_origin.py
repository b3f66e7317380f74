"""Calls from pages of other origins (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).

Litestar's own would add a route for OPTIONS to every path, behind the guards.
"""

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_PATHS = ("/api/", "/v1/")
_SECONDS = "600"


class CrossOrigin:
    """Lets pages of `origins` call the API with a token: a comma-separated list, or `*`.

    Browsers send no cookies with such calls, so that they can't use the session of a visitor.
    """

    def __init__(self, app: ASGIApp, origins: str) -> None:
        self._app = app
        self._allowed = {origin.strip().rstrip("/") for origin in origins.split(",") if origin.strip()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != ScopeType.HTTP or not scope["path"].startswith(_PATHS):
            await self._app(scope, receive, send)
            return
        headers = Headers.from_scope(scope)
        origin = headers.get("origin", "")
        is_allowed = bool({"*", origin} & self._allowed) and origin != ""
        if is_allowed and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _answer_preflight(send, origin)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                response = MutableScopeHeaders.from_message(message)
                response.add("vary", "Origin")
                if is_allowed:
                    response["access-control-allow-origin"] = origin
                    response["access-control-expose-headers"] = "Retry-After, X-Request-ID"
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _answer_preflight(send: Send, origin: str) -> None:
    headers = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "DELETE, GET, PATCH, POST, PUT",
        # Clients add headers of their own, and `*` does not stand for the first one.
        "access-control-allow-headers": "Authorization, *",
        "access-control-max-age": _SECONDS,
        "vary": "Origin",
    }
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": encoded})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
