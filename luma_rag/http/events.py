"""Server-sent events."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import msgspec

from luma_rag.chat.service import TurnEvent
from luma_rag.http.errors import log_failure, problem

EVENT_STREAM = "text/event-stream"


async def event_stream(first: TurnEvent, turn: AsyncGenerator[TurnEvent]) -> AsyncIterator[bytes]:
    """A turn as events; where it breaks, an `error` event with a problem object ends it."""
    yield _event(first.event, first.data)
    async with aclosing(turn):
        try:
            async for event in turn:
                # A comment keeps proxies from cutting a connection on which nothing comes for a while.
                yield b": waiting\n\n" if event.data is None else _event(event.event, event.data)
        except Exception as error:
            log_failure("An answer", error)
            yield _event("error", problem(error))


def _event(name: str, data: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))
