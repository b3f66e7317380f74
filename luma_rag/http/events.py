"""Server-sent events."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

import msgspec

from luma_rag.chat.service import TurnEvent
from luma_rag.documents.change_stream import Change
from luma_rag.documents.ingestion import IngestionView
from luma_rag.http.errors import log_failure, problem

EVENT_STREAM = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# A comment keeps proxies from cutting a connection on which nothing comes for a while.
WAITING = b": waiting\n\n"


async def event_stream(first: TurnEvent, turn: AsyncGenerator[TurnEvent]) -> AsyncIterator[bytes]:
    """A turn as events; where it breaks, an `error` event with a problem object ends it."""
    yield _event(first.event, first.data)
    async with aclosing(turn):
        try:
            async for event in turn:
                yield WAITING if event.data is None else _event(event.event, event.data)
        except Exception as error:
            log_failure("An answer", error)
            yield _event("error", problem(error))


async def change_stream(first: list[Change], changes: AsyncGenerator[list[Change]]) -> AsyncIterator[bytes]:
    """Changes of a namespace as events `ingestion` and `document_removed`; `error` says why it ends.

    The id of an event is its time, for the header `Last-Event-ID` of a client that comes back.
    """
    yield _changes(first)
    async with aclosing(changes):
        try:
            async for batch in changes:
                yield _changes(batch)
        except Exception as error:
            log_failure("A stream of events", error)
            yield _event("error", problem(error))


def last_event(header: str | None) -> datetime | None:
    """The time in a `Last-Event-ID`; None where it is not one of ours."""
    try:
        time = datetime.fromisoformat(header or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # No database of ours is older, and a margin can still be subtracted.
    return time if time.year > 2000 else None


def _changes(changes: list[Change]) -> bytes:
    return b"".join(_change(change) for change in changes) or WAITING


def _change(change: Change) -> bytes:
    if isinstance(change, IngestionView):
        return b"id: %b\n" % change.updated_at.isoformat().encode() + _event("ingestion", change)
    return _event("document_removed", change)


def _event(name: str, data: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))
