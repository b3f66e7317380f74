"""Server-sent events as chat servers send them (https://html.spec.whatwg.org/#event-stream-interpretation)."""

import re
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec

EVENT_LIMIT = 1024 * 1024
"""Bytes. No piece of an answer comes near it; the limit bounds memory if a server never ends an event."""

DONE = b"[DONE]"

_LINE_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)


class EventTooLongError(Exception):
    """A line or an event exceeds `EVENT_LIMIT`."""


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Split a body into lines at LF, CRLF or CR, without the line breaks.

    `httpx.Response.aiter_lines` is unsuitable because it also splits at U+2028 and U+0085, which may occur
    unescaped in JSON strings.

    Raises:
        EventTooLongError: a line is longer than `EVENT_LIMIT`.
    """
    rest = b""
    async for chunk in chunks:
        # Keep a CR at the end of a chunk, because the next chunk may begin with its LF.
        *whole, rest = _LINE_END.split(rest + chunk)
        for line in whole:
            yield line
        if len(rest) > EVENT_LIMIT:
            raise EventTooLongError
    if rest:
        yield rest.rstrip(b"\r")


async def events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the data of each event; event names, ids and comments are dropped.

    An event ends with a blank line, or after its first line if that is already JSON or `[DONE]`, because some
    servers omit the blank lines. A field called `error`, which llama.cpp once used to report failures, is
    yielded as the JSON object `{"error": …}`.

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
