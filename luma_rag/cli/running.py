"""Running what a command does on the database."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag import settings
from luma_rag.access import Principal
from luma_rag.audit import RequestContext, request_context
from luma_rag.cli.caller import caller
from luma_rag.store import open_store

Result = TypeVar("Result")


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end. What it changes stands in the audit trail under the command line."""
    request_context.set(RequestContext("cli"))
    return asyncio.run(coroutine)


@asynccontextmanager
async def transaction(username: str | None) -> AsyncGenerator[tuple[AsyncSession, Principal]]:
    """One transaction on the configured database, and the user on whose behalf it acts."""
    async with open_store(settings.load()) as store, store.sessions.begin() as session:
        yield session, await caller(session, username)


@asynccontextmanager
async def stop_signal() -> AsyncGenerator[asyncio.Event]:
    """Set by SIGTERM and SIGINT, which otherwise would end only this process."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
