"""Server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

import msgspec
from litestar.response import ServerSentEventMessage

from luma_rag.chat.running import TurnEvent
from luma_rag.documents.change_stream import Change
from luma_rag.documents.ingestion import IngestionView
from luma_rag.http.errors import log_failure, problem

EVENT_STREAM = "text/event-stream"
HEADERS = {"Cache-Control": "no-store"}
# A comment keeps proxies from closing an idle connection.
WAITING = ServerSentEventMessage(data=None, comment="waiting")


async def event_stream(
    first: TurnEvent, turn: AsyncGenerator[TurnEvent]
) -> AsyncGenerator[ServerSentEventMessage]:
    """A turn as events. If it fails, the last event is `error`, with a problem."""
    yield _message(first.event, first.data)
    async with aclosing(turn):
        try:
            async for event in turn:
                yield WAITING if event.data is None else _message(event.event, event.data)
        except Exception as error:
            # Already logged, since nobody might have read the turn.
            yield _message("error", problem(error))


async def change_stream(
    first: list[Change], changes: AsyncGenerator[list[Change]]
) -> AsyncGenerator[ServerSentEventMessage]:
    """Changes in a namespace as events `ingestion` and `document_removed`; `error` says why the stream ends.

    The id of an event is its time. A client that reconnects sends it in the header `Last-Event-ID`.
    """
    for message in _changes(first):
        yield message
    async with aclosing(changes):
        try:
            async for batch in changes:
                for message in _changes(batch):
                    yield message
        except Exception as error:
            log_failure("A stream of events", error)
            yield _message("error", problem(error))


def last_event(header: str | None) -> datetime | None:
    """The time in a `Last-Event-ID`; None if it is not one of ours."""
    try:
        time = datetime.fromisoformat(header or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # No Luma database is older, and a margin can still be subtracted.
    return time if time.year > 2000 else None


def _changes(changes: list[Change]) -> list[ServerSentEventMessage]:
    return [_change(change) for change in changes] or [WAITING]


def _change(change: Change) -> ServerSentEventMessage:
    if isinstance(change, IngestionView):
        return _message("ingestion", change, change.updated_at.isoformat())
    return _message("document_removed", change)


def _message(name: str, data: object, event_id: str | None = None) -> ServerSentEventMessage:
    return ServerSentEventMessage(msgspec.json.encode(data), event=name, id=event_id)
