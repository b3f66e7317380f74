"""`luma serve`: the HTTP service with its workers."""

import os
import socket
from typing import Annotated

import msgspec
import typer
import uvloop

from luma_rag import __version__, log, settings, tracing
from luma_rag.cli import web_processes
from luma_rag.cli.output import console
from luma_rag.errors import ConfigurationError
from luma_rag.http import server
from luma_rag.runtime import open_runtime
from luma_rag.worker_process import worker_processes


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all. [default: the setting `host`]")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 for any free one. [default: the setting `port`]"),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Number of web processes. [default: the setting `processes`]"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Number of workers, which read documents; 0 leaves that to `luma worker`. [default: the "
            "setting `workers`]",
        ),
    ] = None,
) -> None:
    """Serve the chat page and the HTTP API, and ingest uploaded documents.

    Example: luma serve --port 8080
    """
    configured = settings.load()
    if processes is not None:
        configured = msgspec.structs.replace(configured, processes=processes)
    if workers is not None:
        configured = msgspec.structs.replace(configured, workers=workers)
    log.to_stderr(configured.log)
    tracing.start("serve", __version__)
    address = configured.host if host is None else host
    port = configured.port if port is None else port

    async def run() -> None:
        with _listen(address, port) as listening:
            if configured.processes > 1:
                await web_processes.serve(configured, listening, lambda: _say_ready(listening))
                return
            async with (
                open_runtime(configured) as runtime,
                worker_processes(configured, configured.workers),
            ):
                server.freeze_objects()
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
        # Of names that can't be resolved, the number is negative and the text says why.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise ConfigurationError(
            f"Can't listen on {host} port {port}: {reason}. Choose another port: luma serve --port 8001"
        ) from None
