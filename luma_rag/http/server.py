"""Serving the application with uvicorn, until it is told to stop."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn

from luma_rag.http.app import create_app
from luma_rag.runtime import Runtime

# How long requests under way may take to end when the service is told to stop.
_GRACE_SECONDS = 5


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


async def run(runtime: Runtime, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve on a listening socket until a signal or a cancellation; `on_ready` is called once it answers."""
    proxies = runtime.settings.trusted_proxies
    config = uvicorn.Config(
        create_app(runtime),
        log_config=None,
        access_log=False,
        server_header=False,
        # Anybody can send these headers; only those of a known proxy say who and by what scheme is calling.
        proxy_headers=proxies is not None,
        forwarded_allow_ips=proxies or "",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, on_ready)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        # Cancelled in the middle, uvicorn would leave its connections and the socket in the event loop.
        server.should_exit = True
        await serving
        raise
