"""The worker as a child process of the server: started, restarted and stopped with it."""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

logger = logging.getLogger(__name__)
_STOP_SECONDS = 20
_MAX_PAUSE_SECONDS = 30


@asynccontextmanager
async def worker_process() -> AsyncGenerator[None]:
    """Keep a worker running inside the context."""
    keeping = asyncio.create_task(_keep_running())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _keep_running() -> None:
    pause = 1
    while True:
        # The worker ends when its standard input closes, which also happens when this process is killed.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "luma_rag.worker", stdin=asyncio.subprocess.PIPE
        )
        try:
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


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
