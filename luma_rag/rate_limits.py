"""Rate limits by the generic cell rate algorithm, kept in Postgres or in memory.

The algorithm is that of ITU-T Recommendation I.371, annex A ("virtual scheduling"): of each key only one time
is kept, `free_at`, at which all of its limit will be free again. A permit moves it on by one interval; who
would move it further ahead of now than the limit reaches is refused.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
from sqlalchemy import Interval, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db.session import Sessions
from luma_rag.errors import InvalidInputError, RateLimitedError

_SECOND = 1_000_000


class Limit(msgspec.Struct, frozen=True):
    """`count` permits at once, and one more every `seconds / count`."""

    count: int
    seconds: int

    @property
    def interval(self) -> int:
        """Microseconds from one permit to the next, in whole ones: so is all the arithmetic, and exact."""
        return self.seconds * _SECOND // self.count

    @property
    def reach(self) -> int:
        """How many microseconds ahead of now `free_at` may lie."""
        return self.interval * self.count

    def wait(self, ahead: int, permits: int = 1) -> int:
        """Seconds until so many permits are there, 0 if they are.

        `ahead` is `free_at` minus now in microseconds.
        """
        return -(-max(0, ahead + permits * self.interval - self.reach) // _SECOND)


class Quota(msgspec.Struct, frozen=True):
    """One permit of a limit, for whoever the key names. Keys are kept: no name or address stands in them."""

    key: str
    limit: Limit


# One statement, so that of many who ask at once no more get a permit than there are. The clock is read when
# the row is ours: by that of the transaction, who waited would ask in the past of who had the row before.
_TAKE = text(
    """
    INSERT INTO rate_limit AS kept (key, free_at) VALUES (:key, clock_timestamp() + :interval)
    ON CONFLICT (key) DO UPDATE SET free_at = greatest(kept.free_at, clock_timestamp()) + :interval
    WHERE greatest(kept.free_at, clock_timestamp()) + :interval <= clock_timestamp() + :reach
    RETURNING true
    """
).bindparams(bindparam("interval", type_=Interval), bindparam("reach", type_=Interval))
_AHEAD = text("SELECT free_at - clock_timestamp() FROM rate_limit WHERE key = :key").columns(ahead=Interval)
_GIVE_BACK = text("UPDATE rate_limit SET free_at = free_at - :interval WHERE key = :key").bindparams(
    bindparam("interval", type_=Interval)
)
# A permit makes one row at most, so that the table shrinks while there are rows to forget.
_FORGET = text(
    """
    DELETE FROM rate_limit WHERE key IN (
        SELECT key FROM rate_limit WHERE free_at < localtimestamp
        ORDER BY free_at LIMIT 10 FOR UPDATE SKIP LOCKED
    )
    """
)


async def acquire(session: AsyncSession, *permits: Quota) -> None:
    """Take all of the permits in this transaction; a rollback gives them back.

    Raises:
        RateLimitedError: one of them is not to be had.
    """
    for permit in _in_order(permits):
        limit = permit.limit
        values = {"key": permit.key, "interval": _delta(limit.interval), "reach": _delta(limit.reach)}
        if await session.scalar(_TAKE, values) is None:
            ahead = await session.scalar(_AHEAD, {"key": permit.key}) or timedelta()
            raise _refusal(limit.wait(ahead // timedelta(microseconds=1)))
    await session.execute(_FORGET)


@asynccontextmanager
async def count_failure(sessions: Sessions, *permits: Quota) -> AsyncGenerator[None]:
    """Count only failures: the permits are taken before, and given back if nothing was raised.

    Bad input is no failure either. Taking and giving back are transactions of their own, so that no
    connection is held in between, and what is being tried at this moment is counted already.

    Raises:
        RateLimitedError: one of the permits is not to be had; nothing was tried.
    """
    async with sessions.begin() as session:
        await acquire(session, *permits)
    try:
        yield
    except InvalidInputError:
        await _give_back(sessions, permits)
        raise
    await _give_back(sessions, permits)


async def _give_back(sessions: Sessions, permits: tuple[Quota, ...]) -> None:
    async with sessions.begin() as session:
        for permit in _in_order(permits):
            await session.execute(_GIVE_BACK, {"key": permit.key, "interval": _delta(permit.limit.interval)})


class MemoryLimits:
    """One limit for many keys, in the memory of this process, which holds one number for each active key."""

    _FEW = 1024

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._free_at: dict[int, int] = {}
        self._sweep_at = self._FEW

    def acquire(self, key: int, now: int | None = None, *, permits: int = 1) -> None:
        """Take permits, all of them or none; `now` is in microseconds by a clock that never goes back.

        What needs more than the whole limit takes the whole limit: it would never be possible otherwise.

        Raises:
            RateLimitedError: they are not there.
        """
        permits = min(permits, self._limit.count)
        now = time.monotonic_ns() // 1000 if now is None else now
        ahead = max(0, self._free_at.get(key, 0) - now)
        if wait := self._limit.wait(ahead, permits):
            raise _refusal(wait)
        self._free_at[key] = now + ahead + permits * self._limit.interval
        if len(self._free_at) > self._sweep_at:
            self._free_at = {k: free_at for k, free_at in self._free_at.items() if free_at > now}
            # Twice what is left, so that the cost of sweeping spreads over as many permits.
            self._sweep_at = max(self._FEW, 2 * len(self._free_at))


def _in_order(permits: tuple[Quota, ...]) -> list[Quota]:
    # Who locks two rows in one order never waits for somebody who waits for them.
    return sorted(permits, key=lambda permit: permit.key)


def _delta(microseconds: int) -> timedelta:
    return timedelta(microseconds=microseconds)


def _refusal(wait: int) -> RateLimitedError:
    wait = max(1, wait)
    return RateLimitedError(f"Too many requests. Retry in {wait} s.", retry_after=wait)
