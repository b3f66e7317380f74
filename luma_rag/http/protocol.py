"""Limits on the head of a request and on connections, which uvicorn's httptools protocol lacks."""

import asyncio
import time
from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from luma_rag.errors import HeaderTooLargeError, LumaError, MalformedRequestError, UnavailableError
from luma_rag.http.connections import full_log, longest_silent, max_connections
from luma_rag.http.errors import MEDIA_TYPE, problem
from luma_rag.http.headers import SECURITY_HEADERS

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100
# From the first byte of the head, or the start of the connection, to the end of the head.
HEAD_SECONDS = 15.0


class BoundedProtocol(HttpToolsProtocol):
    """Rejects heads that are too large (431) or malformed (400), and disconnects if one is incomplete.

    At the limit of connections a new one replaces those of silent clients, or gets 503.
    """

    _head_bytes = 0
    _head_chunks = 0
    _in_head = False
    _is_too_large = False
    _deadline: asyncio.TimerHandle | None = None
    _heard = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room if there is none, and start the deadline for the first head."""
        super().connection_made(transport)
        self._heard = time.monotonic()
        self._start_deadline()
        if len(self.connections) > max_connections():
            self._make_room()

    def silent_since(self) -> float | None:
        """The monotonic time since which the server has been waiting for the client; None if it isn't."""
        awaits_request = self.cycle is None or self.cycle.response_complete
        awaits_body = not awaits_request and self.cycle.more_body and not self.flow.read_paused
        return self._heard if awaits_request or awaits_body or self.flow.write_paused else None

    def disconnect(self) -> None:
        """Close the connection at once."""
        self.connections.discard(self)
        self.transport.abort()

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._heard = time.monotonic()
        super().pause_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        self._cancel_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Receive bytes, and count them: the other callbacks don't see a name or value that never ends."""
        self._heard = time.monotonic()
        was_in_head = self._in_head
        super().data_received(data)
        # The chunk in which a head starts may also contain the end of a long body.
        if self._in_head and was_in_head:
            self._head_chunks += len(data)
            if self._head_chunks > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._is_too_large = True
                self.send_400_response("")

    def on_message_begin(self) -> None:
        """A head starts."""
        super().on_message_begin()
        self._head_bytes = self._head_chunks = 0
        self._in_head = True
        self._start_deadline()

    def on_url(self, url: bytes) -> None:
        """A part of the URL."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_head = False
        self._cancel_deadline()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Reject the head and disconnect."""
        error: LumaError
        if self._is_too_large:
            error = HeaderTooLargeError(
                f"The address and the headers exceed {MAX_HEAD_BYTES >> 10} KB or {MAX_HEADERS} headers."
            )
        else:
            error = MalformedRequestError("Invalid HTTP request.")
        self._reject(error)

    def _make_room(self) -> None:
        full_log.add(max_connections())
        candidates = [one for one in self.connections if isinstance(one, BoundedProtocol)]
        for connection in longest_silent(candidates):
            connection.disconnect()
        if len(self.connections) > max_connections():
            self._reject(UnavailableError("All connections are in use. Retry in 5 s.", retry_after=5))

    def _reject(self, error: LumaError) -> None:
        status = HTTPStatus(error.status)
        body = msgspec.json.encode(problem(error))
        headers = {
            **SECURITY_HEADERS,
            "content-type": MEDIA_TYPE,
            "content-length": str(len(body)),
            "connection": "close",
        }
        if error.retry_after is not None:
            headers["retry-after"] = str(error.retry_after)
        head = [
            f"HTTP/1.1 {status} {status.phrase}",
            *(f"{k}: {v}" for k, v in headers.items()),
            "",
            "",
        ]
        self.transport.write("\r\n".join(head).encode() + body)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES or (
            self.headers is not None and len(self.headers) >= MAX_HEADERS
        ):
            self._is_too_large = True
            # The parser stops, and `send_400_response` is called.
            raise ValueError("the head is too large")

    def _start_deadline(self) -> None:
        self._cancel_deadline()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._disconnect)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _disconnect(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
