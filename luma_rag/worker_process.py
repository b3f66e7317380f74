"""Workers as child processes of the server or of `luma worker`: started, restarted and stopped with it."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from ingest import isolated
from luma_rag import settings
from luma_rag.settings import Settings

logger = logging.getLogger(__name__)
_STOP_SECONDS = 20
_MAX_PAUSE_SECONDS = 30


@asynccontextmanager
async def worker_processes(configured: Settings, count: int) -> AsyncGenerator[None]:
    """Keep workers running inside the context. They get the settings, with the secrets that they need."""
    line = settings.for_child(configured)
    keeping = [asyncio.create_task(_keep_running(line)) for _ in range(count)]
    try:
        yield
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)


async def _keep_running(configured: bytes) -> None:
    pause = 1
    while True:
        # The worker ends when its standard input closes, which also happens when this process is killed.
        process = await asyncio.create_subprocess_exec(
            *isolated.command("luma_rag.worker"), stdin=asyncio.subprocess.PIPE, env=isolated.environment()
        )
        try:
            await _send(process, configured)
            started = asyncio.get_running_loop().time()
            code = await process.wait()
        except asyncio.CancelledError:
            await _stop(process)
            raise
        if asyncio.get_running_loop().time() - started > _MAX_PAUSE_SECONDS:
            pause = 1
        logger.error("The worker ended with code %s; starting another in %s s", code, pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _MAX_PAUSE_SECONDS)


async def _send(process: asyncio.subprocess.Process, line: bytes) -> None:
    if process.stdin is not None:
        process.stdin.write(line)
        # A worker that has ended is noticed by its end.
        with suppress(ConnectionError):
            await process.stdin.drain()


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
