import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from luma_rag.db.base import utcnow
from luma_rag.db.models import RateLimit
from luma_rag.errors import ForbiddenError, InvalidInputError, RateLimitedError
from luma_rag.rate_limits import Limit, MemoryLimits, Quota, acquire, count_failure
from luma_rag.runtime import Store

SECOND = 1_000_000


@given(
    count=st.integers(1, 20),
    seconds=st.integers(1, 600),
    pauses=st.lists(st.one_of(st.just(0), st.integers(0, 100 * SECOND)), max_size=60),
)
def test_no_span_of_time_sees_more_than_the_limit_and_waiting_as_told_suffices(
    count: int, seconds: int, pauses: list[int]
) -> None:
    limit = Limit(count, seconds)
    limits = MemoryLimits(limit)
    now, taken = 10**12, []
    for pause in pauses:
        now += pause
        try:
            limits.acquire(1, now)
        except RateLimitedError as refused:
            now += (refused.retry_after or 0) * SECOND
            limits.acquire(1, now)
        taken.append(now)
    for first, start in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= count + (end - start) // limit.interval


def test_all_of_a_limit_is_there_at_once_and_of_each_key() -> None:
    limits = MemoryLimits(Limit(7, 60))
    for key in (1, 2):
        for _ in range(7):
            limits.acquire(key, 5)
        with pytest.raises(RateLimitedError, match="Try again in 9 seconds"):
            limits.acquire(key, 5)


def test_several_permits_are_taken_together_or_none_and_never_more_than_there_are() -> None:
    limits = MemoryLimits(Limit(7, 70))
    limits.acquire(1, 5, permits=5)
    with pytest.raises(RateLimitedError, match="Try again in 10 seconds"):
        limits.acquire(1, 5, permits=3)
    limits.acquire(1, 5, permits=2)
    # More than the whole limit takes the whole limit.
    limits.acquire(2, 5, permits=100)
    with pytest.raises(RateLimitedError, match="Try again in 10 seconds"):
        limits.acquire(2, 5)
    limits.acquire(2, 5 + 70 * SECOND, permits=100)


def test_memory_holds_only_who_was_active_lately() -> None:
    limits = MemoryLimits(Limit(1, 1))
    for key in range(100_000):
        limits.acquire(key, key * 10_000)
    assert len(limits._free_at) <= 2 * MemoryLimits._FEW


async def test_of_many_at_once_no_more_get_a_permit_than_there_are(store: Store) -> None:
    permit = Quota("parallel", Limit(5, 3600))

    async def wait() -> int:
        try:
            async with store.sessions.begin() as session:
                await acquire(session, permit)
        except RateLimitedError as refused:
            return refused.retry_after or 0
        return 0

    waits = sorted(await asyncio.gather(*(wait() for _ in range(40))))
    assert waits[:6] == [0, 0, 0, 0, 0, waits[5]]
    # An hour for five: the next one is there after a fifth of it.
    assert 690 < waits[5] <= waits[-1] <= 720


async def test_who_began_to_ask_before_the_first_permit_gets_the_next(store: Store) -> None:
    permit = Quota("early", Limit(2, 3600))
    async with store.sessions.begin() as early:
        await early.execute(text("SELECT 1"))
        async with store.sessions.begin() as session:
            await acquire(session, permit)
        await acquire(early, permit)


async def test_retry_after_in_postgres_is_true(store: Store) -> None:
    permit = Quota("waiting", Limit(2, 10))
    async with store.sessions.begin() as session:
        await acquire(session, permit)
        await acquire(session, permit)
    with pytest.raises(RateLimitedError) as refused:
        async with store.sessions.begin() as session:
            await acquire(session, permit)
    assert 1 <= (refused.value.retry_after or 0) <= 5
    async with store.sessions.begin() as session:
        # As if so much time had passed.
        waited = timedelta(seconds=refused.value.retry_after or 0)
        await session.execute(update(RateLimit).values(free_at=RateLimit.free_at - waited))
    async with store.sessions.begin() as session:
        await acquire(session, permit)


async def test_of_two_permits_both_are_taken_or_none(store: Store) -> None:
    narrow, wide = Quota("b narrow", Limit(1, 3600)), Quota("a wide", Limit(2, 3600))
    async with store.sessions.begin() as session:
        await acquire(session, narrow)
    for _ in range(3):
        with pytest.raises(RateLimitedError):
            async with store.sessions.begin() as session:
                await acquire(session, wide, narrow)
    async with store.sessions.begin() as session:
        await acquire(session, wide)
        await acquire(session, wide)


async def test_an_attempt_counts_only_if_it_fails(store: Store) -> None:
    permit = Quota("attempts", Limit(2, 3600))
    for _ in range(5):
        async with count_failure(store.sessions, permit):
            pass
        with pytest.raises(InvalidInputError):
            async with count_failure(store.sessions, permit):
                raise InvalidInputError("too short")
    for _ in range(2):
        with pytest.raises(ForbiddenError):
            async with count_failure(store.sessions, permit):
                raise ForbiddenError("wrong")
    with pytest.raises(RateLimitedError):
        async with count_failure(store.sessions, permit):
            raise AssertionError("tried without a permit")


async def test_what_is_free_again_is_forgotten(store: Store) -> None:
    for number in range(30):
        async with store.sessions.begin() as session:
            await acquire(session, Quota(f"old {number}", Limit(10, 10)))
    async with store.sessions.begin() as session:
        await session.execute(update(RateLimit).values(free_at=utcnow().replace(year=2000)))
    for number in range(5):
        async with store.sessions.begin() as session:
            await acquire(session, Quota(f"new {number}", Limit(10, 3600)))
    async with store.sessions.begin() as session:
        left = await session.scalars(select(RateLimit.key))
        assert sorted(left) == [f"new {number}" for number in range(5)]
