"""The context of a request: its id and the address of its client."""

import re
import secrets
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import structs
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from luma_rag.audit import RequestContext, request_context

HEADER = "x-request-id"
_FROM_PROXIES = frozenset({HEADER.encode(), b"traceparent", b"tracestate"})
# The id appears in headers, log lines and tables: only characters without a meaning in any of them.
_HARMLESS = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestContextMiddleware:
    """Sets `luma_rag.audit.request_context` for the whole request, streams included, and returns the id.

    `X-Request-Id`, `traceparent` and `X-Forwarded-*` are used only from trusted proxies: addresses and
    networks, separated by commas.
    """

    def __init__(self, app: ASGIApp, trusted_proxies: str | None) -> None:
        self._app = app
        self._forwarded: Any = ProxyHeadersMiddleware(self._with_address, trusted_proxies or "")  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request. Lifespan events pass through."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        if not self._is_from_proxy(scope):
            scope["headers"] = [header for header in scope["headers"] if header[0] not in _FROM_PROXIES]
        request_id = self._given_id(scope) or secrets.token_hex(8)
        request_context.set(RequestContext(request_id, None))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableScopeHeaders(message)[HEADER] = request_id
            await send(message)

        await self._forwarded(scope, receive, send_with_id)

    async def _with_address(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        request_context.set(structs.replace(request_context.get(), address=client[0] if client else None))
        await self._app(scope, receive, send)

    def _is_from_proxy(self, scope: Scope) -> bool:
        client = scope.get("client")
        return client is not None and client[0] in self._forwarded.trusted_hosts

    def _given_id(self, scope: Scope) -> str | None:
        for name, value in scope["headers"]:
            if name == HEADER.encode() and _HARMLESS.fullmatch(value):
                return value.decode()
        return None
