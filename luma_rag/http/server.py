"""Serves the application with uvicorn."""

import asyncio
import gc
import socket
from collections.abc import Callable

import uvicorn

from luma_rag.http.app import create_service
from luma_rag.http.protocol import BoundedProtocol
from luma_rag.runtime import Runtime

# How long active requests may take to finish at shutdown.
_GRACE_SECONDS = 5


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], on_stop: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streams that never end would use up the grace period of the other requests.
        self._on_stop()
        await super().shutdown(sockets)


def freeze_objects() -> None:
    """Exempt all objects from garbage collection: those of the start live on.

    Collecting them takes 70 ms, in which no request is answered.
    """
    gc.collect()
    gc.freeze()


async def run(runtime: Runtime, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve on a listening socket until a signal or cancellation. Calls `on_ready` when ready."""
    config = uvicorn.Config(
        create_service(runtime),
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # `RequestContextMiddleware` reads them, from trusted proxies.
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, on_ready, runtime.change_stream.close)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        # If cancelled directly, uvicorn would leave its connections and the socket in the event loop.
        server.should_exit = True
        await serving
        raise
