"""Searches on a read replica, as long as it is at most a few seconds behind the primary."""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from luma_rag.db.session import POOL_SIZE, create_engine, reading

logger = logging.getLogger(__name__)

MOST_LAG_SECONDS = 5.0
"""Searches see everything that was committed as long ago, revoked rights included."""
_LOOK_SECONDS = 1.0
_TIMEOUT_SECONDS = 2.0
_POSITION = text("SELECT (pg_current_wal_lsn() - '0/0')::bigint")
_REPLAYED = text("SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END")


class Searching(Protocol):
    """Where searches read: connections in autocommit."""

    def connect(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection for as long as the context lasts."""
        ...


@asynccontextmanager
async def searching(
    primary: AsyncEngine, replica_url: str | None, *, pool_size: int = POOL_SIZE
) -> AsyncGenerator[Searching]:
    """Where searches read: on the replica, if there is one, or else on the primary.

    Raises:
        ConfigurationError: the URL is invalid.
    """
    if replica_url is None:
        yield reading(primary)
        return
    engine = create_engine(replica_url, pool_size=pool_size, setting="LUMA_DATABASE_READ_URL")
    replica = Replica(primary, engine)
    await replica.look()
    watching = asyncio.create_task(replica.watch())
    try:
        yield replica
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await engine.dispose()


class Replica:
    """Connections to a replica, or to the primary while the replica is too far behind or away.

    How far it is behind is told by positions in the primary's log, each with the time at which it was seen:
    the replica has everything that was committed before the last one that it has replayed. The time of its
    last transaction would say nothing while the primary is idle or out of reach.
    """

    def __init__(self, primary: AsyncEngine, replica: AsyncEngine) -> None:
        self._primary = reading(primary)
        self._replica = reading(replica)
        self._positions: deque[tuple[float, int]] = deque()
        self._complete_until = -math.inf
        self._was_used = False
        self._may_warn_at = time.monotonic() + MOST_LAG_SECONDS

    @property
    def is_current(self) -> bool:
        """Whether searches may use it now."""
        return time.monotonic() - self._complete_until < MOST_LAG_SECONDS

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[AsyncConnection]:
        """A connection to the replica or the primary."""
        connection = await self._connected()
        try:
            yield connection
        finally:
            await connection.close()

    async def watch(self) -> None:
        """Look every second until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Find out how far the replica is behind."""
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._compare()
        except (SQLAlchemyError, OSError) as error:  # a timeout is an OSError
            logger.debug("The read replica can't be compared: %s", error)
            self._complete_until = -math.inf
        self._tell()

    def _tell(self) -> None:
        if self.is_current and not self._was_used:
            logger.info("Searches use the read replica.")
        elif not self.is_current and (self._was_used or 0 < self._may_warn_at <= time.monotonic()):
            logger.warning("Searches use the primary: the read replica is behind or can't be reached.")
            self._may_warn_at = 0.0
        self._was_used = self.is_current

    async def _compare(self) -> None:
        now = time.monotonic()
        async with self._primary.connect() as connection:
            self._positions.append((now, await connection.scalar(_POSITION)))
        async with self._replica.connect() as connection:
            replayed = await connection.scalar(_REPLAYED)
        while self._positions and replayed is not None and self._positions[0][1] <= replayed:
            self._complete_until, _ = self._positions.popleft()
        # A replica that is hours behind needs no exact history.
        if len(self._positions) > MOST_LAG_SECONDS / _LOOK_SECONDS:
            self._positions.popleft()

    async def _connected(self) -> AsyncConnection:
        if self.is_current:
            try:
                connection = await self._replica.connect()
            except (SQLAlchemyError, OSError):
                self._complete_until = -math.inf
            else:
                # It may have taken long to get one.
                if self.is_current:
                    return connection
                await connection.close()
        return await self._primary.connect()
