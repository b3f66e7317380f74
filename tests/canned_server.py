"""A real HTTP server on 127.0.0.1 that answers with canned bytes, however broken."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

Reply = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class CannedServer:
    """Gives `replies` in their order, one per request, and closes the connection after each.

    A reply is the bytes of a whole HTTP response, or a coroutine function that writes it. `client_left` is
    set once a client closes its connection before the reply is over.
    """

    port: int = 0
    replies: list[Reply] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    client_left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, path, _ = first.split(" ")
            self.requests.append(Request(method, path, headers, json.loads(body) if body else None))
            reply = self.replies.pop(0)
            if isinstance(reply, bytes):
                writer.write(reply)
                await writer.drain()
                return
            replying = asyncio.ensure_future(reply(writer))
            leaving = asyncio.ensure_future(reader.read())
            done, _ = await asyncio.wait({replying, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if replying not in done:
                self.client_left.set()
            for task in (replying, leaving):
                task.cancel()
            await asyncio.gather(replying, leaving, return_exceptions=True)
        except ConnectionError:
            self.client_left.set()
        finally:
            writer.close()


@pytest.fixture
async def canned_server() -> AsyncIterator[CannedServer]:
    canned = CannedServer()
    server = await asyncio.start_server(canned.handle, "127.0.0.1", 0)
    canned.port = server.sockets[0].getsockname()[1]
    yield canned
    server.close()
    await server.wait_closed()


def response(
    body: bytes | str,
    *,
    status: str = "200 OK",
    kind: str = "text/event-stream",
    more: str = "",
    length: bool = True,
) -> bytes:
    """A whole HTTP response; without `length` its end is that of the connection."""
    body = body.encode() if isinstance(body, str) else body
    size = f"Content-Length: {len(body)}\r\n" if length else ""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{size}Connection: close\r\n{more}\r\n".encode() + body
    )


def delta(text: str | None, **more: Any) -> str:
    """The JSON of one piece of a streamed answer."""
    return json.dumps({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None} | more]})


def streamed(*texts: str) -> bytes:
    """A well-formed streamed answer."""
    return response("".join(f"data: {delta(text)}\n\n" for text in texts) + "data: [DONE]\n\n")
