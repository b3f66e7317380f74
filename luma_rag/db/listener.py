"""One Postgres connection that receives the notifications for all subscribers in this process."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from luma_rag.db.errors import OutageLog
from luma_rag.errors import UnavailableError

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 10.0
# A silently broken connection looks like an idle one.
_PROBE_SECONDS = 30.0
_PAUSE_SECONDS = 0.5

OnNews = Callable[[str | None], None]
"""Called with a notification's payload, or with None if some may have been missed."""


class Listener:
    """Listens on `channel` from the first subscriber on, and reconnects whenever the connection is lost.

    `connect` returns an asyncpg connection.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], channel: str) -> None:
        self._connect = connect
        self._channel = channel
        self._subscribers: set[OnNews] = set()
        self._task: asyncio.Task[None] | None = None
        self._listens = asyncio.Event()

    @asynccontextmanager
    async def subscribed(self, on_notification: OnNews) -> AsyncGenerator[None]:
        """Call `on_notification` for every notification from now on, until the context ends.

        Raises:
            UnavailableError: the database can't be reached.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        self._subscribers.add(on_notification)
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
            self._subscribers.discard(on_notification)

    async def aclose(self) -> None:
        """Close the connection; subscribers receive nothing further."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        outages = OutageLog(logger)
        while True:
            try:
                await self._listen()
            except Exception as error:
                # Whatever it is, the subscribers depend on another try.
                outages.add("Listening to the database", error)
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
        for on_notification in self._subscribers:
            on_notification(news)
