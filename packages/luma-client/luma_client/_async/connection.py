"""Requests, their repetition, and lists that come in pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self, Unpack

import httpx

from luma_client import protocol
from luma_client._async.background import sleep
from luma_client.protocol import Content
from luma_client.types import Page, T


class Connection:
    """The base of the client."""

    def __init__(self, url: str, *, token: str, timeout: float = 300.0) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers=protocol.headers(token), timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _send(self, method: str, path: str, kind: type[T], **content: Unpack[Content]) -> T:
        async with self._open(method, path, **content) as response:
            await response.aread()
            return protocol.decode(response, kind)

    async def _delete(self, path: str) -> None:
        async with self._open("DELETE", path):
            pass

    async def _all(self, path: str, kind: type[Page[T]], **params: Any) -> list[T]:
        items: list[T] = []
        while True:
            part = {**params, "limit": protocol.PAGE_SIZE, "offset": len(items)}
            page = await self._send("GET", path, kind, params=part)
            items += page.items
            if not page.items or len(items) >= page.total:
                return items

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, **content: Unpack[Content]
    ) -> AsyncIterator[httpx.Response]:
        """The response to a call, whose body is still to be read."""
        tries = 1
        while True:
            async with self._http.stream(method, path, **content) as response:
                if response.is_success:
                    yield response
                    return
                await response.aread()
            seconds = protocol.pause(response, tries)
            if seconds is None:
                raise protocol.error_of(response)
            await sleep(seconds)
            tries += 1
