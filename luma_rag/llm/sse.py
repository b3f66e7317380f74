"""Server-sent events as chat servers really send them (https://html.spec.whatwg.org/#event-stream-interpretation)."""

import re
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec

EVENT_LIMIT = 1024 * 1024
"""Bytes. No piece of an answer comes near it; a server that never ends an event must not fill our memory."""

DONE = b"[DONE]"

_LINE_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)


class EventTooLongError(Exception):
    """A line or an event goes on past `EVENT_LIMIT`."""


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cut a body into lines at LF, CRLF or CR, without the line ends.

    `httpx.Response.aiter_lines` is not used because it also cuts at U+2028 and U+0085, which may stand
    unescaped in JSON strings.

    Raises:
        EventTooLongError: a line is longer than `EVENT_LIMIT`.
    """
    rest = b""
    async for chunk in chunks:
        # A CR that ends a chunk waits for the next one, which may begin with its LF.
        *whole, rest = _LINE_END.split(rest + chunk)
        for line in whole:
            yield line
        if len(rest) > EVENT_LIMIT:
            raise EventTooLongError
    if rest:
        yield rest.rstrip(b"\r")


async def events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the data of each event; event names, ids and comments are dropped.

    An event ends with a blank line, or after its first line if that is JSON or `[DONE]` already, because some
    servers leave the blank lines out. A field called `error`, which is how llama.cpp once reported failures,
    is yielded as the JSON object `{"error": …}`.

    Raises:
        EventTooLongError: an event is longer than `EVENT_LIMIT`.
    """
    data: list[bytes] = []
    size = 0
    async for line in lines(chunks):
        if line:
            name, _, value = line.partition(b":")
            value = value.strip()
            if name == b"error":
                value = b'{"error":' + value + b"}"
            elif name != b"data":
                continue
            data.append(value)
            size += len(value) + 1
            if size > EVENT_LIMIT:
                raise EventTooLongError
            if len(data) > 1 or not (value == DONE or _is_json(value)):
                continue
        if data:
            yield b"\n".join(data)
        data, size = [], 0
    if data:
        yield b"\n".join(data)


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
