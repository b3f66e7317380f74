"""The bound on connections: silent clients give way, and nobody else."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest

from luma_rag.http import connections, protocol
from luma_rag.runtime import Runtime
from tests.servers import starting_and_stopping

LIMIT = 10
HEAD = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture
async def address(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[httpx.URL]:
    """A server with few connections."""
    monkeypatch.setattr(protocol, "max_connections", lambda: LIMIT)
    monkeypatch.setattr(connections, "_SILENT_SECONDS", 0.2)
    async with starting_and_stopping(runtime) as url:
        yield httpx.URL(url)


class Client:
    """A connection that has sent something."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, address: httpx.URL, sent: bytes) -> "Client":
        client = cls(*await asyncio.open_connection(address.host, address.port))
        await client.send(sent)
        return client

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def received(self) -> bytes:
        """The first bytes, or none if the server has disconnected."""
        try:
            return await asyncio.wait_for(self._reader.read(4096), 20)
        except ConnectionError:
            return b""

    def close(self) -> None:
        self._writer.close()


@pytest.mark.parametrize(
    "silent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHo",
        HEAD + b"Content-Length: 9\r\n\r\n{",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "kept alive"],
)
async def test_silent_clients_give_way(address: httpx.URL, silent: bytes) -> None:
    clients = [await Client.open(address, silent) for _ in range(LIMIT)]
    await asyncio.sleep(0.4)
    async with httpx.AsyncClient(base_url=address) as client:
        assert (await client.get("/health/live")).status_code == 200
    # The first has been silent for longest.
    first = await clients[0].received()
    assert first == b"" or (silent.endswith(b"\r\n\r\n") and await clients[0].received() == b"")
    for client in clients:
        client.close()


async def test_a_client_that_sends_keeps_its_connection(address: httpx.URL) -> None:
    sender = await Client.open(address, HEAD + b"Content-Length: 30\r\n\r\n")
    others = [await Client.open(address, b"") for _ in range(LIMIT - 1)]
    for _ in range(29):
        await sender.send(b"{")
        await asyncio.sleep(0.03)
        others.append(await Client.open(address, b""))
    await sender.send(b"{")
    assert (await sender.received()).startswith(b"HTTP/1.1 4")
    for client in (sender, *others):
        client.close()


async def test_without_silent_clients_a_new_one_gets_503(
    address: httpx.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_SILENT_SECONDS", 60.0)
    clients = [await Client.open(address, b"") for _ in range(LIMIT)]
    refused = await Client.open(address, b"")
    answer = await refused.received()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 5\r\n" in answer
    assert b'"code":"unavailable"' in answer
    for client in (refused, *clients[: LIMIT // 2]):
        client.close()
    async with httpx.AsyncClient(base_url=address) as client:
        assert (await client.get("/health/live")).status_code == 200
    for client in clients:
        client.close()
