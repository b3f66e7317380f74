"""Rate limits by the generic cell rate algorithm (GCRA), in Postgres or in memory.

The algorithm is "virtual scheduling" in ITU-T Recommendation I.371, annex A. Each key has one time,
`free_at`, at which its whole limit will be free again. A permit moves it forward by one interval. A request
that would move it more than the whole limit ahead of now is rejected.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
from sqlalchemy import Interval, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db.session import Sessions
from luma_rag.errors import InvalidInputError, RateLimitedError, TOTPRequiredError

_SECOND = 1_000_000


class Limit(msgspec.Struct, frozen=True):
    """A burst of `count` permits, refilled at one per `seconds / count`."""

    count: int
    seconds: int

    @property
    def interval(self) -> int:
        """Microseconds between two permits. All arithmetic uses whole microseconds and is exact."""
        return self.seconds * _SECOND // self.count

    @property
    def reach(self) -> int:
        """The maximum of `free_at` minus now, in microseconds."""
        return self.interval * self.count

    def wait(self, ahead: int, permits: int = 1) -> int:
        """Seconds until so many permits are available, 0 if they are.

        `ahead` is `free_at` minus now, in microseconds.
        """
        return -(-max(0, ahead + permits * self.interval - self.reach) // _SECOND)


class Quota(msgspec.Struct, frozen=True):
    """One permit of the limit of a key. Keys are stored, so they must not contain names or addresses."""

    key: str
    limit: Limit


# One statement, so that concurrent requests can't exceed the limit. It reads the clock when it has the row
# lock: the time of the transaction could be earlier than that of the previous holder of the lock.
_TAKE = text(
    """
    INSERT INTO rate_limit AS kept (key, free_at) VALUES (:key, clock_timestamp() + :interval)
    ON CONFLICT (key) DO UPDATE SET free_at = greatest(kept.free_at, clock_timestamp()) + :interval
    WHERE greatest(kept.free_at, clock_timestamp()) + :interval <= clock_timestamp() + :reach
    RETURNING true
    """
).bindparams(bindparam("interval", type_=Interval), bindparam("reach", type_=Interval))
_AHEAD = text("SELECT free_at - clock_timestamp() FROM rate_limit WHERE key = :key").columns(ahead=Interval)
_RETURN = text("UPDATE rate_limit SET free_at = free_at - :interval WHERE key = :key").bindparams(
    bindparam("interval", type_=Interval)
)
# Deletes more rows than a permit can insert, so that the table shrinks.
_FORGET = text(
    """
    DELETE FROM rate_limit WHERE key IN (
        SELECT key FROM rate_limit WHERE free_at < localtimestamp
        ORDER BY free_at LIMIT 10 FOR UPDATE SKIP LOCKED
    )
    """
)


async def acquire(session: AsyncSession, *permits: Quota) -> None:
    """Take all permits in this transaction; a rollback returns them.

    Raises:
        RateLimitedError: a permit is not available.
    """
    for permit in _in_order(permits):
        limit = permit.limit
        values = {"key": permit.key, "interval": _delta(limit.interval), "reach": _delta(limit.reach)}
        if await session.scalar(_TAKE, values) is None:
            ahead = await session.scalar(_AHEAD, {"key": permit.key}) or timedelta()
            raise _rejection(limit.wait(ahead // timedelta(microseconds=1)))
    await session.execute(_FORGET)


@asynccontextmanager
async def count_failure(sessions: Sessions, *permits: Quota) -> AsyncGenerator[None]:
    """Count only failures: take the permits first, and return them if the block succeeds.

    Invalid input is not a failure, nor is a right password that lacks its code. Taking and returning are
    separate transactions, so that no connection is held in between and concurrent attempts count.

    Raises:
        RateLimitedError: a permit is not available; the block did not run.
    """
    if not permits:
        yield
        return
    async with sessions.begin() as session:
        await acquire(session, *permits)
    try:
        yield
    except (InvalidInputError, TOTPRequiredError):
        await _return(sessions, permits)
        raise
    await _return(sessions, permits)


async def _return(sessions: Sessions, permits: tuple[Quota, ...]) -> None:
    async with sessions.begin() as session:
        for permit in _in_order(permits):
            await session.execute(_RETURN, {"key": permit.key, "interval": _delta(permit.limit.interval)})


class MemoryLimits:
    """One limit for many keys, in memory: one number per active key."""

    _FEW = 1024

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._free_at: dict[int, int] = {}
        self._sweep_at = self._FEW

    def acquire(self, key: int, now: int | None = None, *, permits: int = 1) -> None:
        """Take all permits or none. `now` is in microseconds of a monotonic clock.

        More permits than the whole limit count as the whole limit; otherwise they would never be available.

        Raises:
            RateLimitedError: there are not enough permits.
        """
        permits = min(permits, self._limit.count)
        now = time.monotonic_ns() // 1000 if now is None else now
        ahead = max(0, self._free_at.get(key, 0) - now)
        if wait := self._limit.wait(ahead, permits):
            raise _rejection(wait)
        self._free_at[key] = now + ahead + permits * self._limit.interval
        if len(self._free_at) > self._sweep_at:
            self._free_at = {k: free_at for k, free_at in self._free_at.items() if free_at > now}
            # Twice the remaining keys, so that the cost of sweeping is amortized.
            self._sweep_at = max(self._FEW, 2 * len(self._free_at))


def _in_order(permits: tuple[Quota, ...]) -> list[Quota]:
    # Always locking rows in the same order prevents deadlocks.
    return sorted(permits, key=lambda permit: permit.key)


def _delta(microseconds: int) -> timedelta:
    return timedelta(microseconds=microseconds)


def _rejection(wait: int) -> RateLimitedError:
    wait = max(1, wait)
    return RateLimitedError(f"Too many requests. Retry in {wait} s.", retry_after=wait)
