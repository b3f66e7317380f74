"""All event streams of a process."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import cast

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal
from luma_rag.changes.caller import CallerChanges
from luma_rag.changes.namespace import NamespaceChange, NamespaceChanges, OpenNamespace
from luma_rag.changes.parts import Concern, Part
from luma_rag.db.base import utcnow
from luma_rag.db.listener import Listener
from luma_rag.db.session import Sessions
from luma_rag.errors import RateLimitedError, UnavailableError

CHANNEL = "luma_change"
STREAMS_PER_USER = 16
"""Streams per user in one server process. A browser opens one per visible tab."""

# Changes within this time are batched. With many subscribers the batches grow, so that requests still get
# processor time.
_GATHER_SECONDS = 0.25
_READS_PER_SECOND = 50
# Database connections shared by all subscribers, so that requests find one too.
_READ_AT_ONCE = 2

Authenticate = Callable[[], Awaitable[Principal]]


class ChangeStream:
    """All subscriptions of this process. While idle they share one connection, the listener's.

    Each subscriber receives something at least every `heartbeat` seconds. Its login is checked then, and at
    the time at which it ends.
    """

    def __init__(self, sessions: Sessions, listener: Listener, *, heartbeat: float = 15.0) -> None:
        self._sessions = sessions
        self._listener = listener
        self._heartbeat = heartbeat
        self._subscriptions: set[_Subscription] = set()
        self._of_user: Counter[int] = Counter()
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)
        self._closing = asyncio.Event()

    def subscribe(
        self, authenticate: Authenticate, namespace_id: int, since: datetime | None = None
    ) -> AsyncGenerator[Sequence[NamespaceChange]]:
        """Yield the unfinished ingestions, then every change; an empty list is a heartbeat.

        With `since`, ingestions that finished after that time come first as well. Rapid changes of one
        ingestion may be merged into the latest. After a lost database connection some changes may be
        repeated. Nothing is lost except removals during the outage. Requires level 1, checked before anything
        is yielded.

        Raises:
            NotFoundError: the namespace is gone, or no longer readable.
            NotAuthenticatedError: the login has ended.
            RateLimitedError: the user has too many streams open.
            UnavailableError: the database can't be reached, or the service is shutting down.
        """
        changes = self._run(authenticate, lambda _: [NamespaceChanges(namespace_id, since)])
        return cast(AsyncGenerator[Sequence[NamespaceChange]], changes)

    def follow(
        self, authenticate: Authenticate, namespace_id: int | None = None, since: datetime | None = None
    ) -> AsyncGenerator[Sequence[msgspec.Struct]]:
        """Yield what changes for the caller, and what `subscribe` yields for a namespace.

        Whatever changes after the first list is told. If the caller can't read the namespace, or not any
        more, the rest of the stream goes on.

        Raises:
            NotAuthenticatedError, RateLimitedError, UnavailableError: as `subscribe`.
        """

        def parts(user_id: int) -> list[Part]:
            mine: list[Part] = [CallerChanges(user_id)]
            if namespace_id is not None:
                mine.append(OpenNamespace(NamespaceChanges(namespace_id, since)))
            return mine

        return self._run(authenticate, parts)

    def close(self) -> None:
        """End all streams and refuse new ones, because the service is shutting down."""
        self._closing.set()
        for subscription in self._subscriptions:
            subscription.wake(Concern.RIGHTS)

    async def _run(
        self, authenticate: Authenticate, create_parts: Callable[[int], Sequence[Part]]
    ) -> AsyncGenerator[Sequence[msgspec.Struct]]:
        if self._closing.is_set():
            raise UnavailableError("The server is shutting down. Retry in 5 s.", retry_after=5)
        principal = await authenticate()
        subscription = _Subscription(principal.user_id, create_parts(principal.user_id))

        @asynccontextmanager
        async def reading() -> AsyncGenerator[tuple[AsyncSession, Principal]]:
            async with self._reading:
                principal = await authenticate()
                subscription.login_ends_at = principal.ends_at
                async with self._sessions.begin() as session:
                    yield session, principal

        with self._counted(subscription):
            # Subscribe first, so that no change is lost between the snapshot and the changes.
            async with self._listener.subscribed(subscription.notify):
                while not self._closing.is_set():
                    is_silent = True
                    for part in subscription.parts:
                        async for changes in part.read(reading):
                            if changes:
                                is_silent = False
                                yield changes
                    if is_silent:
                        yield []
                    if not await _is_set(self._closing, _GATHER_SECONDS):
                        await subscription.rest(
                            len(self._subscriptions) / _READS_PER_SECOND - _GATHER_SECONDS
                        )
                        await subscription.wait(self._heartbeat)

    @contextmanager
    def _counted(self, subscription: "_Subscription") -> Iterator[None]:
        if self._of_user[subscription.user_id] >= STREAMS_PER_USER:
            raise RateLimitedError(
                f"You already have {STREAMS_PER_USER} open event streams. Close some, then retry.",
                retry_after=5,
            )
        self._subscriptions.add(subscription)
        self._of_user[subscription.user_id] += 1
        try:
            yield
        finally:
            self._subscriptions.discard(subscription)
            self._of_user[subscription.user_id] -= 1
            self._of_user += Counter()  # drops zero counts


class _Subscription:
    """One stream: its parts, and the reasons to read."""

    def __init__(self, user_id: int, parts: Sequence[Part]) -> None:
        self.user_id = user_id
        self.parts = parts
        self.login_ends_at: datetime | None = None
        self._woken = asyncio.Event()
        self._woken_at_once = asyncio.Event()

    def notify(self, payload: str | None) -> None:
        """Record a trigger's notification if it concerns this stream; None means that some were missed."""
        if payload is None:
            for part in self.parts:
                part.note_gap()
            self.wake(Concern.RIGHTS)
            return
        kind, *words = payload.split()
        ids = [int(word) for word in words]
        concern = Concern.RIGHTS if (kind, ids) == ("user", [self.user_id]) else Concern.NONE
        self.wake(max(concern, *(part.note(kind, ids) for part in self.parts)))

    def wake(self, concern: Concern) -> None:
        """Wake the stream so that it reads."""
        if concern >= Concern.CHANGE:
            self._woken.set()
        if concern >= Concern.RIGHTS:
            self._woken_at_once.set()

    async def rest(self, seconds: float) -> None:
        """Gather changes, but not those of rights."""
        if seconds > 0:
            await _is_set(self._woken_at_once, seconds)

    async def wait(self, heartbeat: float) -> None:
        """Wait for a change, a check of the login, or what a part has held back."""
        due = min(part.due() for part in self.parts)
        await _is_set(self._woken, min(heartbeat, due, _until(self.login_ends_at)))
        self._woken.clear()
        self._woken_at_once.clear()


def _until(end: datetime | None) -> float:
    """Seconds until a login has ended; it ends at this time, not after it."""
    return math.inf if end is None else max(0.0, (end - utcnow()).total_seconds())


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
