"""Changes of a namespace's documents, streamed to subscribers.

Database triggers (`tell_change`) announce that something changed, but not to whom. Each subscriber reads the
change with a statement that carries its own rights, and its login is checked again on every read.
"""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, or_, select

from luma_rag.access import Principal, readable_namespaces, require_namespace
from luma_rag.db.base import utcnow
from luma_rag.db.listener import Listener
from luma_rag.db.models import Ingestion
from luma_rag.db.session import Sessions
from luma_rag.documents.ingestion import IngestionView, view
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
_BATCH = 500
# A subscriber further behind than this reads a snapshot instead of remembering ids.
_MOST_REMEMBERED = 5000
# A change is dated before its commit, perhaps by another machine's clock.
_MARGIN = timedelta(minutes=1)

Authenticate = Callable[[], Awaitable[Principal]]


class DocumentRemoved(msgspec.Struct, frozen=True):
    """A document has left a namespace."""

    doc_id: int
    namespace_id: int


Change = IngestionView | DocumentRemoved


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

    async def subscribe(
        self, authenticate: Authenticate, namespace_id: int, since: datetime | None = None
    ) -> AsyncGenerator[list[Change]]:
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
        if self._closing.is_set():
            raise UnavailableError("The server is shutting down. Retry in 5 s.", retry_after=5)
        principal = await authenticate()
        subscription = _Subscription(principal.user_id, namespace_id)

        async def check() -> Principal:
            principal = await authenticate()
            subscription.login_ends_at = principal.ends_at
            return principal

        with self._counted(subscription):
            # Subscribe first, so that no change is lost between the snapshot and the changes.
            async with self._listener.subscribed(subscription.notify):
                while not self._closing.is_set():
                    read_at = utcnow()
                    if subscription.needs_snapshot():
                        after = 0
                        while True:
                            state = await self._snapshot(check, namespace_id, since, after)
                            yield [*state]
                            if len(state) < _BATCH:
                                break
                            after = state[-1].id
                    else:
                        yield await self._changes(check, namespace_id, subscription.take_changed())
                    since = read_at
                    rest = max(_GATHER_SECONDS, len(self._subscriptions) / _READS_PER_SECOND)
                    if not await _changed(self._closing, rest):
                        await subscription.wait(min(self._heartbeat, _until(subscription.login_ends_at)))

    def close(self) -> None:
        """End all streams and refuse new ones, because the service is shutting down."""
        self._closing.set()
        for subscription in self._subscriptions:
            subscription.wake()

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

    async def _snapshot(
        self, authenticate: Authenticate, namespace_id: int, since: datetime | None, after: int
    ) -> list[IngestionView]:
        wanted: ColumnElement[bool] = Ingestion.state.in_(("queued", "running"))
        if since is not None:
            wanted = or_(wanted, Ingestion.updated_at > since - _MARGIN)
        return await self._read(authenticate, namespace_id, wanted & (Ingestion.id > after), _BATCH)

    async def _changes(
        self, authenticate: Authenticate, namespace_id: int, changed: dict[int, int]
    ) -> list[Change]:
        found = await self._read(authenticate, namespace_id, Ingestion.id.in_(changed), None)
        gone = set(changed.values()) if len(found) < len(changed) else set()
        if gone:
            gone -= {
                i.doc_id
                for i in await self._read(authenticate, namespace_id, Ingestion.doc_id.in_(gone), None)
            }
        return [*(DocumentRemoved(doc_id, namespace_id) for doc_id in sorted(gone)), *found]

    async def _read(
        self,
        authenticate: Authenticate,
        namespace_id: int,
        wanted: ColumnElement[bool],
        limit: int | None,
    ) -> list[IngestionView]:
        async with self._reading:
            principal = await authenticate()
            async with self._sessions.begin() as session:
                found = await session.scalars(
                    select(Ingestion)
                    .where(
                        wanted,
                        Ingestion.namespace_id == namespace_id,
                        Ingestion.namespace_id.in_(readable_namespaces(principal)),
                    )
                    .order_by(Ingestion.id)
                    .limit(limit)
                )
                ingestions = [view(ingestion) for ingestion in found]
                if not ingestions:
                    # Either nothing is new, or the caller may no longer see it.
                    await require_namespace(session, principal, namespace_id)
        return ingestions


class _Subscription:
    """The unread changes of one stream: each id once, however often it changes while the client is slow."""

    def __init__(self, user_id: int, namespace_id: int) -> None:
        self.user_id = user_id
        self.login_ends_at: datetime | None = None
        self._namespace_id = namespace_id
        self._changed: dict[int, int] = {}  # ingestion id → document id
        self._needs_snapshot = True
        self._woken = asyncio.Event()

    def notify(self, payload: str | None) -> None:
        """Record a trigger's notification if it concerns this stream; None means that some were missed."""
        match payload.split() if payload is not None else []:
            case ["ingestion", namespace_id, ingestion_id, doc_id] if int(namespace_id) == self._namespace_id:
                self._changed[int(ingestion_id)] = int(doc_id)
                if len(self._changed) > _MOST_REMEMBERED:
                    self._changed.clear()
                    self._needs_snapshot = True
            case ["namespace", namespace_id] if int(namespace_id) == self._namespace_id:
                pass
            case ["user", user_id] if int(user_id) == self.user_id:
                pass
            case []:
                self._needs_snapshot = True
            case _:
                return
        self.wake()

    def wake(self) -> None:
        """Wake the stream so that it reads."""
        self._woken.set()

    def needs_snapshot(self) -> bool:
        """Whether a snapshot is due. Calling this clears the flag."""
        needed, self._needs_snapshot = self._needs_snapshot, False
        return needed

    def take_changed(self) -> dict[int, int]:
        """Changes since the last call."""
        changed, self._changed = self._changed, {}
        return changed

    async def wait(self, seconds: float) -> None:
        """Wait for a change, for at most `seconds`."""
        await _changed(self._woken, seconds)
        self._woken.clear()


def _until(end: datetime | None) -> float:
    """Seconds until a login has ended; it ends at this time, not after it."""
    return math.inf if end is None else max(0.0, (end - utcnow()).total_seconds())


async def _changed(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
