"""One connection to Postgres that listens for all of this process that wait for news."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from luma_rag.errors import UnavailableError

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 10.0
# A connection that was cut without a word looks like one on which nothing happens.
_PROBE_SECONDS = 30.0
_PAUSE_SECONDS = 0.5

OnNews = Callable[[str | None], None]
"""Called with the payload of a notification, or with None where some may have been missed."""


class Listener:
    """Listens on `channel` from the first subscriber on, and connects again whenever the connection is lost.

    `connect` gives a connection of asyncpg's.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], channel: str) -> None:
        self._connect = connect
        self._channel = channel
        self._subscribers: set[OnNews] = set()
        self._task: asyncio.Task[None] | None = None
        self._listens = asyncio.Event()

    @asynccontextmanager
    async def subscribed(self, on_news: OnNews) -> AsyncGenerator[None]:
        """Call `on_news` for everything that is committed from now on, until the context ends.

        Raises:
            UnavailableError: the database can't be reached.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        self._subscribers.add(on_news)
        try:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._listens.wait()
            except TimeoutError:
                raise UnavailableError(
                    "The database does not answer right now. Try again soon.", retry_after=5
                ) from None
            yield
        finally:
            self._subscribers.discard(on_news)

    async def aclose(self) -> None:
        """Close the connection; nothing is told any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                logger.warning("Listening to the database failed, and is tried again: %s", error)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            connection = await self._connect()
        lost = asyncio.Event()
        connection.add_termination_listener(lambda *_: lost.set())
        try:
            await connection.add_listener(self._channel, lambda *news: self._tell(news[-1]))
            self._listens.set()
            self._tell(None)
            while not lost.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PROBE_SECONDS):
                        await lost.wait()
                        return
                await connection.fetchval("SELECT 1", timeout=_PATIENCE_SECONDS)
        finally:
            self._listens.clear()
            connection.terminate()

    def _tell(self, news: str | None) -> None:
        for on_news in self._subscribers:
            on_news(news)
