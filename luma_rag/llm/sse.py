"""Server-sent events as chat servers send them (https://html.spec.whatwg.org/#event-stream-interpretation)."""

import re

import msgspec

EVENT_LIMIT = 1024 * 1024
"""Bytes. No piece of an answer comes near it; the limit bounds memory if a server never ends an event."""

DONE = b"[DONE]"

_LINE_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)


class EventTooLongError(Exception):
    """A line or an event exceeds `EVENT_LIMIT`."""


class EventParser:
    """Finds the data of events in a body that arrives in chunks; event names, ids and comments are dropped.

    An event ends with a blank line, or after its first line if that is already JSON or `[DONE]`, because some
    servers omit the blank lines. A field called `error`, which llama.cpp once used to report failures, is
    returned as the JSON object `{"error": …}`.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that are complete with this chunk.

        Raises:
            EventTooLongError: a line or an event is longer than `EVENT_LIMIT`.
        """
        # Lines end at LF, CRLF or CR. `httpx.Response.aiter_lines` also splits at U+2028 and U+0085, which
        # may occur unescaped in JSON strings. A CR at the end is kept: the next chunk may begin with its LF.
        *lines, self._rest = _LINE_END.split(self._rest + chunk)
        if len(self._rest) > EVENT_LIMIT:
            raise EventTooLongError
        return [event for line in lines for event in self._read(line)]

    def close(self) -> list[bytes]:
        """The events that the end of the body completes.

        Raises:
            EventTooLongError: as for `feed`.
        """
        return [*self._read(self._rest.rstrip(b"\r")), *self._read(b"")]

    def _read(self, line: bytes) -> list[bytes]:
        if line:
            name, _, value = line.partition(b":")
            value = value.strip()
            if name == b"error":
                value = b'{"error":' + value + b"}"
            elif name != b"data":
                return []
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > EVENT_LIMIT:
                raise EventTooLongError
            if len(self._data) > 1 or not (value == DONE or _is_json(value)):
                return []
        event, self._data, self._size = self._data, [], 0
        return [b"\n".join(event)] if event else []


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
