"""Both clients, in one form: every test of a call runs with each of them."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, cast

import pytest
from anyio import to_thread

from luma_client import AsyncLuma, Luma
from tests.api import Api

Connect = Callable[[str], Awaitable[AsyncLuma]]


class InThreads:
    """A `Luma` with the methods of an `AsyncLuma`; each call runs in a thread."""

    def __init__(self, luma: Luma) -> None:
        self._luma = luma

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._luma, name)

        async def call(*args: Any, **options: Any) -> Any:
            return await to_thread.run_sync(partial(method, *args, **options))

        async def iterate(*args: Any, **options: Any) -> AsyncGenerator[Any]:
            generator = method(*args, **options)
            try:
                while (item := await to_thread.run_sync(next, generator, None)) is not None:
                    yield item
            finally:
                await to_thread.run_sync(generator.close)

        return iterate if name == "events" or name.endswith("_stream") else call


@pytest.fixture(params=["asyncio", "script"])
def kind(request: pytest.FixtureRequest) -> str:
    """The client that is tested."""
    return str(request.param)


@asynccontextmanager
async def connected(kind: str, url: str, token: str) -> AsyncIterator[AsyncLuma]:
    """A client of this kind."""
    if kind == "asyncio":
        async with AsyncLuma(url, token=token) as luma:
            yield luma
    else:
        with Luma(url, token=token) as script:
            yield cast(AsyncLuma, InThreads(script))


async def token_of(api: Api, username: str) -> str:
    """A new token of a user, who is made if need be."""
    made = await (await api.user(username)).post("/api/auth/tokens", json={"name": "script"})
    return str(made.json()["token"])


@pytest.fixture
async def connect(api: Api, kind: str) -> AsyncGenerator[Connect]:
    """Connects a client with the rights of a user: `alice = await connect("alice")`."""
    async with AsyncExitStack() as stack:

        async def as_user(username: str) -> AsyncLuma:
            token = await token_of(api, username)
            return await stack.enter_async_context(connected(kind, api.base_url, token))

        yield as_user
