"""Bounds on the head of a request, which uvicorn's protocol on httptools has none of."""

import asyncio
from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from luma_rag.errors import HeaderTooLargeError, LumaError, MalformedRequestError
from luma_rag.http.errors import MEDIA_TYPE, problem
from luma_rag.http.headers import SECURITY_HEADERS

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100
# From the first byte of a head, or from the start of the connection, to its end.
HEAD_SECONDS = 15.0


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a head that is too large (431), malformed (400), or does not come to its end (it hangs up)."""

    _head_bytes = 0
    _head_pieces = 0
    _in_head = False
    _is_too_large = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take some bytes; a name or value that never ends is seen by none of the other calls."""
        was_in_head = self._in_head
        super().data_received(data)
        # The piece in which a head begins may hold the end of a long body too.
        if self._in_head and was_in_head:
            self._head_pieces += len(data)
            if self._head_pieces > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._is_too_large = True
                self.send_400_response("")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._head_bytes = self._head_pieces = 0
        self._in_head = True
        self._expect_head()

    def on_url(self, url: bytes) -> None:
        """Part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        self._head_came()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer that the head can't be taken, and hang up."""
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
            # The parser stops, and has `send_400_response` called.
            raise ValueError("the head is too large")

    def _expect_head(self) -> None:
        self._head_came()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._hang_up)

    def _head_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _hang_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
