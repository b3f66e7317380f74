"""A service in this process, on one connection: every commit is a savepoint, and each call is rolled back.

asyncpg turns a nested transaction into a savepoint. An engine whose connections all share one asyncpg
connection with an open transaction therefore runs any code unchanged: commits release savepoints, and
autocommit statements run inside the outer transaction. Code that waits for a second transaction (a lock,
`LISTEN`) needs a real server instead.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

import httpx
import msgspec
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ingest.embedding import Embedder
from luma_rag.chat import writing
from luma_rag.chat.running import RunningTurn
from luma_rag.db.session import connect, create_sessions
from luma_rag.http.app import create_service
from luma_rag.runtime import Runtime, Store, open_services


class OneConnection:
    """An engine on one asyncpg connection, and the transaction around everything it does."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

        async def borrow() -> _Borrowed:
            return _Borrowed(connection)

        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://", async_creator=borrow, pool_use_lifo=True, hide_parameters=True
        )

    @asynccontextmanager
    async def rolled_back(self, isolation: str | None = None) -> AsyncGenerator[None]:
        """Undo everything that happens in the context, including commits.

        `isolation` is an isolation level in asyncpg's terms. A nested transaction can't raise it.
        """
        outer = self._connection.transaction(isolation=isolation)
        await outer.start()
        try:
            yield
        finally:
            await outer.rollback()


class _Borrowed:
    """The shared connection, which borrowers don't close."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def transaction(self, **_: Any) -> Any:
        # A savepoint has the isolation level of the outer transaction.
        return self._connection.transaction()

    async def close(self, **_: Any) -> None:
        pass

    def terminate(self) -> None:
        pass


@asynccontextmanager
async def one_connection(url: str) -> AsyncGenerator[OneConnection]:
    """Connect to a database."""
    connection = await connect(url)
    database = OneConnection(connection)
    try:
        yield database
    finally:
        await database.engine.dispose()
        await connection.close()


class InProcess(msgspec.Struct, frozen=True):
    """A runtime on one connection, and the service on it."""

    runtime: Runtime
    service: ASGIApp
    database: OneConnection

    def client(self) -> httpx.AsyncClient:
        """A client without a socket. Of an event stream it receives the first piece."""
        return client_of(self.service)


@asynccontextmanager
async def in_process(store: Store, embedder: Embedder) -> AsyncGenerator[InProcess]:
    """The service on a store, whose own engine is unused; call it inside `database.rolled_back()`."""
    async with one_connection(store.url) as database:
        sessions = create_sessions(database.engine)
        own = msgspec.structs.replace(store, engine=database.engine, sessions=sessions)
        # While an answer is written, its checks would need a second connection: those from time to time, and
        # those after a notification, of which the first comes when the listener has connected.
        with patch.object(writing, "CHECK_SECONDS", 3600.0), patch.object(RunningTurn, "notify"):
            async with open_services(own, embedder) as runtime:
                yield InProcess(runtime, create_service(runtime), database)


def client_of(service: ASGIApp) -> httpx.AsyncClient:
    """A client of a service in this process. Of an event stream it receives the first piece."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(_until_first_event(service)), base_url="http://127.0.0.1"
    )


def _until_first_event(app: ASGIApp) -> ASGIApp:
    """End an event stream after its first piece, like a client that disconnects: httpx would wait for its
    end.
    """

    async def cut(scope: Scope, receive: Receive, send: Send) -> None:
        left = asyncio.Event()
        is_stream = False

        async def receive_until_left() -> Any:
            if not left.is_set():
                receiving = asyncio.ensure_future(receive())
                leaving = asyncio.ensure_future(left.wait())
                await asyncio.wait([receiving, leaving], return_when=asyncio.FIRST_COMPLETED)
                leaving.cancel()
                if receiving.done():
                    return receiving.result()
                receiving.cancel()
            return {"type": "http.disconnect"}

        async def send_first(message: Message) -> None:
            nonlocal is_stream
            if message["type"] == "http.response.start":
                is_stream = (b"content-type", b"text/event-stream") in [
                    (name, value.partition(b";")[0]) for name, value in message["headers"]
                ]
            elif is_stream and message["type"] == "http.response.body":
                if left.is_set():
                    return
                if message.get("body"):
                    left.set()
                    message["more_body"] = False
            await send(message)

        await app(scope, receive_until_left, send_first)

    return cut
