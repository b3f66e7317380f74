"""Serves the application with uvicorn."""

import asyncio
import gc
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn

from ingest.words import load_languages
from luma_rag import tracing
from luma_rag.http.app import create_service
from luma_rag.http.connections import max_connections, raise_file_limit
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

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Handle signals while serving.

        Afterwards uvicorn would raise them again. That would end the process before everything is closed.
        """
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streams that never end would use up the grace period of the other requests.
        self._on_stop()
        await super().shutdown(sockets)
        # Here, because uvicorn then ends the process by the signal that it received.
        await asyncio.to_thread(tracing.flush)


def freeze_objects() -> None:
    """Exempt all existing objects from garbage collection: they live until the end.

    Collecting them takes 70 ms, in which no request is answered.
    """
    gc.collect()
    gc.freeze()


async def run(runtime: Runtime, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve on a listening socket until a signal or cancellation. Calls `on_ready` when ready."""
    raise_file_limit()
    config = uvicorn.Config(
        create_service(runtime),
        http=BoundedProtocol,
        # A full queue is accepted at once, before any connection can be closed.
        backlog=max_connections(),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # `RequestContextMiddleware` reads them, from trusted proxies.
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )

    def on_stop() -> None:
        runtime.change_stream.close()
        runtime.chats.close()

    # The first answer would load it in the event loop, and all requests would wait.
    loading = asyncio.create_task(asyncio.to_thread(load_languages))
    server = _Server(config, on_ready, on_stop)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        # If cancelled directly, uvicorn would leave its connections and the socket in the event loop.
        server.should_exit = True
        await serving
        raise
    finally:
        await loading
