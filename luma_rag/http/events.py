"""Server-sent events."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import msgspec
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK

from luma_rag.changes.caller import ChatChanged, DocumentsChanged, MembersChanged, NamespacesChanged
from luma_rag.changes.namespace import DocumentRemoved, NamespaceLost
from luma_rag.chat.running import TurnEvent
from luma_rag.documents.ingestion import IngestionView
from luma_rag.http.errors import log_failure, problem

EVENT_STREAM = "text/event-stream"
# A comment keeps proxies from closing an idle connection.
WAITING = b": waiting\r\n\r\n"
_HEADERS = {"Cache-Control": "no-store", "Connection": "keep-alive", "X-Accel-Buffering": "no"}


class EventStream(Stream):
    """A response of server-sent events. Litestar's own starts a thread for each of its streams."""

    def __init__(self, events: AsyncGenerator[bytes]) -> None:
        super().__init__(events, media_type=EVENT_STREAM, headers=_HEADERS, status_code=HTTP_200_OK)


def server_sent_event(data: bytes, name: str | None = None, event_id: str | None = None) -> bytes:
    """An event. Neither its data nor its name or id contain a line break."""
    head = (f"id: {event_id}\r\n" if event_id else "") + (f"event: {name}\r\n" if name else "")
    return b"%bdata: %b\r\n\r\n" % (head.encode(), data)


async def event_stream(first: TurnEvent, turn: AsyncGenerator[TurnEvent]) -> AsyncGenerator[bytes]:
    """A turn as events. If it fails, the last event is `error`, with a problem."""
    yield _message(first.event, first.data)
    async with aclosing(turn):
        try:
            async for event in turn:
                yield WAITING if event.data is None else _message(event.event, event.data)
        except Exception as error:
            # Already logged, since nobody might have read the turn.
            yield _message("error", problem(error))


_NAMES: dict[type[msgspec.Struct], str] = {
    ChatChanged: "chats",
    DocumentRemoved: "document_removed",
    DocumentsChanged: "documents",
    IngestionView: "ingestion",
    MembersChanged: "members",
    NamespaceLost: "namespace_lost",
    NamespacesChanged: "namespaces",
}


async def change_stream(
    first: Sequence[msgspec.Struct], changes: AsyncGenerator[Sequence[msgspec.Struct]]
) -> AsyncGenerator[bytes]:
    """Changes as events; `error` says why the stream ends.

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


def _changes(changes: Sequence[msgspec.Struct]) -> list[bytes]:
    return [_change(change) for change in changes] or [WAITING]


def _change(change: msgspec.Struct) -> bytes:
    event_id = change.updated_at.isoformat() if isinstance(change, IngestionView) else None
    return _message(_NAMES[type(change)], change, event_id)


def _message(name: str, data: object, event_id: str | None = None) -> bytes:
    return server_sent_event(msgspec.json.encode(data), name, event_id)
