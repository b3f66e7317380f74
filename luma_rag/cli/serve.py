"""`luma serve`: the HTTP service with its worker."""

import gc
import os
import socket
from typing import Annotated

import typer

from luma_rag import settings
from luma_rag.cli.log import log_to_stderr
from luma_rag.cli.output import console
from luma_rag.errors import ConfigurationError
from luma_rag.runtime import open_runtime
from luma_rag.worker_process import worker_process


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 for any free one.")] = 8000,
) -> None:
    """Serve the chat page and the HTTP interface, with a worker that reads uploaded documents.

    Example: luma serve --port 8080
    """
    log_to_stderr()
    configured = settings.load()

    # Imported here, for the other commands need no HTTP and should start without it.
    import uvloop

    from luma_rag.http import server

    async def run() -> None:
        with _listen(host, port) as listening:
            async with open_runtime(configured) as runtime, worker_process():
                # What is there by now stays. To look through it takes 70 ms, in which nobody is answered.
                gc.collect()
                gc.freeze()
                await server.run(runtime, listening, lambda: _say_ready(listening))

    uvloop.run(run())


def _say_ready(listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    console.print(f"Luma is ready at http://{shown}:{port}", highlight=False)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ConfigurationError(
            f"Can't listen on {host} port {port}: {reason}. Choose another: luma serve --port 8001"
        ) from None
