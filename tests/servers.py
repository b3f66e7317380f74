"""HTTP servers, shared by consecutive tests.

Building the application and stopping uvicorn take half a second. A server is therefore kept running and
serves the runtime of the current test.
"""

import asyncio
import socket
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import uvicorn
from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send

from luma_rag.http import app as http_app
from luma_rag.http import server as http_server
from luma_rag.http.app import create_app, create_service
from luma_rag.http.rate_limit import WorkLimits
from luma_rag.runtime import Runtime

_GRACE_SECONDS = 5


class Server:
    """A running uvicorn; `service` is the application of the current test."""

    def __init__(self) -> None:
        self.url = ""
        self.service: ASGIApp | None = None
        self._requests: set[asyncio.Task[Any]] = set()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            # Luma's application does nothing then.
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        assert self.service is not None, "a request of a test that is over"
        request = asyncio.current_task()
        assert request is not None
        self._requests.add(request)
        try:
            await self.service(scope, receive, send)
        finally:
            self._requests.discard(request)

    async def start(self, runtime: Runtime) -> None:
        """Serve on a free port."""
        # Ctrl-C belongs to pytest.
        with patch.object(uvicorn.Server, "capture_signals", nullcontext):
            self.url, self._running = await _start(runtime, lambda _: self)

    async def stop(self) -> None:
        """Stop uvicorn."""
        if self._running is not None:
            await _stop(self._running)

    async def finish_requests(self) -> None:
        """Wait for the test's requests to finish, and cancel the rest, as uvicorn does."""
        if self._requests:
            _, late = await asyncio.wait(self._requests, timeout=_GRACE_SECONDS)
            for request in late:
                request.cancel()
            if late:
                await asyncio.wait(late)
        self.service = None


_started: list[Server] = []
_free: list[Server] = []
# By the setting that is built into them.
_apps: defaultdict[int, list[Litestar]] = defaultdict(list)


@asynccontextmanager
async def serving(runtime: Runtime) -> AsyncGenerator[str]:
    """Serve a runtime over HTTP. Yields the address."""
    server = await _take_server(runtime)
    apps = _apps[runtime.settings.max_upload_mb]
    app = apps.pop() if apps else create_app(runtime)
    app.state.runtime = runtime
    app.state.limits = WorkLimits(runtime.settings.limits)
    with patch.object(http_app, "create_app", lambda _: app):
        server.service = create_service(runtime)
    try:
        yield server.url
    finally:
        runtime.change_stream.close()
        await server.finish_requests()
        apps.append(app)
        _free.append(server)


async def stop_all() -> None:
    """Stop all servers of this process."""
    for server in _started:
        await server.stop()


async def _take_server(runtime: Runtime) -> Server:
    if _free:
        return _free.pop()
    server = Server()
    await server.start(runtime)
    _started.append(server)
    return server


@asynccontextmanager
async def starting_and_stopping(runtime: Runtime) -> AsyncGenerator[str]:
    """Serve a runtime like `luma serve`, from startup to shutdown."""
    url, running = await _start(runtime, create_service)
    try:
        yield url
    finally:
        await _stop(running)


async def _start(runtime: Runtime, create: Callable[[Runtime], ASGIApp]) -> tuple[str, asyncio.Task[None]]:
    listening = socket.create_server(("127.0.0.1", 0))
    # On plain asyncio, a response in two packets would wait 40 ms for the client's acknowledgment.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ready = asyncio.Event()
    with patch.object(http_server, "create_service", create):
        running = asyncio.create_task(http_server.run(runtime, listening, ready.set))
        await ready.wait()
    return f"http://127.0.0.1:{listening.getsockname()[1]}", running


async def _stop(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
