"""What happens to the documents of a namespace, told to those who follow it.

The database tells that something has changed (the triggers `tell_change`), never to whom: each follower reads
it by a statement that carries the rights of its login, and the login is looked at anew each time.
"""

import asyncio
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
"""How many streams a user may have open in one process: each visible tab of a browser has one."""

# What changes faster than this is told together; slower still where many follow, or telling them of each step
# would leave no time for requests.
_GATHER_SECONDS = 0.25
_READS_PER_SECOND = 50
# All followers together use so many connections at a time, so that requests find one too.
_READ_AT_ONCE = 2
_BATCH = 500
# A follower that lags further behind reads what has changed since, instead of remembering the ids.
_MOST_REMEMBERED = 5000
# A change is dated before it is committed, and perhaps by the clock of another machine.
_MARGIN = timedelta(minutes=1)

Authenticate = Callable[[], Awaitable[Principal]]


class DocumentRemoved(msgspec.Struct, frozen=True):
    """A document has left a namespace."""

    doc_id: int
    namespace_id: int


Change = IngestionView | DocumentRemoved


class ChangeStream:
    """All who follow a namespace. While they wait they hold no connection but the listener's, shared by all.

    Each is told something at least every `heartbeat` seconds, and its login is looked at then.
    """

    def __init__(self, sessions: Sessions, listener: Listener, *, heartbeat: float = 15.0) -> None:
        self._sessions = sessions
        self._listener = listener
        self._heartbeat = heartbeat
        self._followers: set[_Follower] = set()
        self._of_user: Counter[int] = Counter()
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)
        self._closing = asyncio.Event()

    async def follow(
        self, authenticate: Authenticate, namespace_id: int, since: datetime | None = None
    ) -> AsyncGenerator[list[Change]]:
        """Yield the ingestions that are not finished, then all changes; an empty list where there are none.

        With `since`, what was finished after that time comes first too. Changes that follow each other at
        once may be told as the newest of them, and after a lost connection some are told again; none is
        lost, but for removals while the connection was down. Level 1, and looked at before anything is
        yielded.

        Raises:
            NotFoundError: the namespace is gone, or no longer readable.
            NotAuthenticatedError: the login has ended.
            RateLimitedError: the user follows too much at once.
            UnavailableError: the database can't be reached, or the service stops.
        """
        if self._closing.is_set():
            raise UnavailableError("The server is shutting down. Retry in 5 s.", retry_after=5)
        principal = await authenticate()
        follower = _Follower(principal.user_id, namespace_id)
        with self._counted(follower):
            # Listening comes first, so that nothing is lost between the state and its changes.
            async with self._listener.subscribed(follower.notify):
                while not self._closing.is_set():
                    read_at = utcnow()
                    if follower.needs_snapshot():
                        after = 0
                        while True:
                            state = await self._snapshot(authenticate, namespace_id, since, after)
                            yield [*state]
                            if len(state) < _BATCH:
                                break
                            after = state[-1].id
                    else:
                        yield await self._changes(authenticate, namespace_id, follower.take_changed())
                    since = read_at
                    rest = max(_GATHER_SECONDS, len(self._followers) / _READS_PER_SECOND)
                    if not await _changed(self._closing, rest):
                        await follower.wait(self._heartbeat)

    def close(self) -> None:
        """End all streams and begin no more, since the service stops."""
        self._closing.set()
        for follower in self._followers:
            follower.wake()

    @contextmanager
    def _counted(self, follower: "_Follower") -> Iterator[None]:
        if self._of_user[follower.user_id] >= STREAMS_PER_USER:
            raise RateLimitedError(
                f"You already have {STREAMS_PER_USER} open event streams. Close some, then retry.",
                retry_after=5,
            )
        self._followers.add(follower)
        self._of_user[follower.user_id] += 1
        try:
            yield
        finally:
            self._followers.discard(follower)
            self._of_user[follower.user_id] -= 1
            self._of_user += Counter()  # forgets those at zero

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
                    # Nothing new, or no longer the caller's to see?
                    await require_namespace(session, principal, namespace_id)
        return ingestions


class _Follower:
    """What one stream has yet to read: ids, each once, however often they change while its client is slow."""

    def __init__(self, user_id: int, namespace_id: int) -> None:
        self.user_id = user_id
        self._namespace_id = namespace_id
        self._changed: dict[int, int] = {}  # ids of ingestions, with those of their documents
        self._needs_snapshot = True
        self._woken = asyncio.Event()

    def notify(self, news: str | None) -> None:
        """Note a notification of the triggers, if it concerns this stream; None: some were missed."""
        match news.split() if news is not None else []:
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
        """Let the stream look."""
        self._woken.set()

    def needs_snapshot(self) -> bool:
        """Whether the whole state has to be read; asking is promising to."""
        needed, self._needs_snapshot = self._needs_snapshot, False
        return needed

    def take_changed(self) -> dict[int, int]:
        """What has changed since this was asked last."""
        changed, self._changed = self._changed, {}
        return changed

    async def wait(self, seconds: float) -> None:
        """Wait until there is something to read, but not longer than `seconds`."""
        await _changed(self._woken, seconds)
        self._woken.clear()


async def _changed(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
