"""Limits on the head of a request, which uvicorn's httptools protocol lacks."""

import asyncio
from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from luma_rag.errors import HeaderTooLargeError, LumaError, MalformedRequestError
from luma_rag.http.errors import MEDIA_TYPE, problem
from luma_rag.http.headers import SECURITY_HEADERS

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100
# From the first byte of the head, or the start of the connection, to the end of the head.
HEAD_SECONDS = 15.0


class BoundedProtocol(HttpToolsProtocol):
    """Rejects heads that are too large (431) or malformed (400), and disconnects if one is incomplete."""

    _head_bytes = 0
    _head_chunks = 0
    _in_head = False
    _is_too_large = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline for the first head."""
        super().connection_made(transport)
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        self._cancel_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Receive bytes, and count them: the other callbacks don't see a name or value that never ends."""
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
        status = HTTPStatus(error.status)
        body = msgspec.json.encode(problem(error))
        headers = {
            **SECURITY_HEADERS,
            "content-type": MEDIA_TYPE,
            "content-length": str(len(body)),
            "connection": "close",
        }
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
