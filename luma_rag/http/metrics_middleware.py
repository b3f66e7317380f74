"""Metrics and traces of requests."""

import time

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from luma_rag import tracing
from luma_rag.audit import request_context
from luma_rag.metrics import REQUESTS

# Clients can send any method and any path. A label for each would exhaust the memory.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class MetricsMiddleware:
    """Measures the time until the response starts, by route, method and status.

    The span of the request lasts until the end of the response.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in METHODS else "other"
                # Set by the router if a route matches.
                route = scope.get("path_template") or "none"
                REQUESTS.labels(route, method, message["status"]).observe(time.perf_counter() - began)
                request_id = request_context.get().request_id or ""
                tracing.set_response(span, method, route, message["status"], request_id)
            await send(message)

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with tracing.request_span(headers) as span:
            await self._app(scope, receive, timed)
