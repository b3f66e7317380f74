"""Several web processes on one socket: started, restarted and stopped together.

Each calls `main`. It ends when its standard input closes, which also happens when the process that started it
is killed.
"""

import asyncio
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ingest import isolated
from luma_rag import __version__, log, settings, tracing
from luma_rag.cli.running import stop_signal
from luma_rag.db.session import POOL_SIZE
from luma_rag.errors import ConfigurationError, LumaError
from luma_rag.http import server
from luma_rag.runtime import open_runtime
from luma_rag.settings import Settings
from luma_rag.store import open_store
from luma_rag.worker_process import worker_processes

logger = logging.getLogger(__name__)
_CONFIGURATION = os.EX_CONFIG
_STOP_SECONDS = 20
_MAX_PAUSE_SECONDS = 30
_SMALLEST_POOL = 2
# For the first worker, the commands, and administrators; and for each further worker.
_OTHER_CONNECTIONS = 16
_CONNECTIONS_OF_A_WORKER = 4


async def serve(configured: Settings, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    """Run web processes and a worker until a signal. Calls `on_ready` when all are ready.

    Raises:
        ConfigurationError: as for `open_store`; a web process can't start; or the database allows too few
            connections.
    """
    if configured.llm.gguf is not None:
        raise ConfigurationError(
            "LUMA_LLM_GGUF needs LUMA_PROCESSES=1, since each process would load the model. Serve the model "
            "separately, and set LUMA_LLM_BASE_URL."
        )
    # Starts and migrates the database once, and keeps an embedded one running while processes restart.
    async with open_store(configured, pool_size=1) as store, stop_signal() as stopped:
        pool_size = await _pool_size(store.engine, configured)
        with tempfile.TemporaryDirectory(prefix="luma-metrics-") as metrics:
            count = configured.processes
            web = _WebProcesses(listening.fileno(), pool_size, metrics, count, on_ready)
            async with worker_processes(configured, configured.workers):
                await _first_of(stopped.wait(), *(web.keep_one_running() for _ in range(count)))


async def _pool_size(engine: AsyncEngine, configured: Settings) -> int:
    """The number of database connections of each process, besides one that listens."""
    async with engine.connect() as connection:
        most = int(await connection.scalar(text("SHOW max_connections")) or 0)
    others = _OTHER_CONNECTIONS + _CONNECTIONS_OF_A_WORKER * max(0, configured.workers - 1)
    size = (most - others) // configured.processes - 1
    if size < _SMALLEST_POOL:
        raise ConfigurationError(
            f"LUMA_PROCESSES={configured.processes} needs more than the {most} connections that Postgres "
            "allows. Lower it, or raise max_connections."
        )
    return min(size, POOL_SIZE)


class _WebProcesses:
    """Starts web processes, and calls `on_ready` when the first `count` are ready."""

    def __init__(
        self, listening: int, pool_size: int, metrics: str, count: int, on_ready: Callable[[], None]
    ) -> None:
        self._listening = listening
        self._pool_size = pool_size
        self._metrics = metrics
        self._awaited = count
        self._on_ready = on_ready

    async def keep_one_running(self) -> None:
        """Run a web process, and another whenever it ends.

        Raises:
            ConfigurationError: it can't start, and the service was never ready.
        """
        pause = 1
        while True:
            process = await self._start()
            started = asyncio.get_running_loop().time()
            try:
                await self._wait_until_ready(process)
                code = await process.wait()
            except asyncio.CancelledError:
                await _stop(process)
                raise
            # Later, the database may be away when a process must be replaced.
            if code == _CONFIGURATION and self._awaited > 0:
                raise ConfigurationError("A web process can't start; its message is above.")
            if asyncio.get_running_loop().time() - started > _MAX_PAUSE_SECONDS:
                pause = 1
            logger.error("A web process ended with code %s; starting another in %s s", code, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MAX_PAUSE_SECONDS)

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *isolated.command("luma_rag.cli.web_processes", str(self._listening), str(self._pool_size)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": self._metrics},
            pass_fds=[self._listening],
        )

    async def _wait_until_ready(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is not None and await process.stdout.readline():
            self._awaited -= 1
            if self._awaited == 0:
                self._on_ready()


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _first_of(*coroutines: Coroutine[Any, Any, Any]) -> None:
    """Wait until one ends, and cancel the others."""
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _serve_one(configured: Settings, listening: socket.socket, pool_size: int) -> None:
    async with open_runtime(configured, pool_size=pool_size) as runtime:
        server.freeze_objects()
        serving = asyncio.create_task(server.run(runtime, listening, lambda: print("ready", flush=True)))
        loop = asyncio.get_running_loop()

        def stop() -> None:
            # At its end, standard input stays readable; cancellations would go on during the shutdown.
            loop.remove_reader(sys.stdin.fileno())
            serving.cancel()

        loop.add_reader(sys.stdin.fileno(), stop)
        await asyncio.wait([serving])


def main() -> None:
    """Serve on the socket and with the number of database connections that the arguments name."""
    number, pool_size = map(int, sys.argv[1:])
    try:
        configured = settings.load()
        log.to_stderr(configured.log)
        tracing.start("web", __version__)
        # Ctrl-C reaches all processes of the terminal.
        with suppress(KeyboardInterrupt), socket.socket(fileno=number) as listening:
            uvloop.run(_serve_one(configured, listening, pool_size))
    except LumaError as error:
        logger.error("%s", error)
        sys.exit(_CONFIGURATION)
