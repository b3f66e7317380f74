"""Reads streams of server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

PATIENCE = 60.0


class Stream:
    """An open stream of events."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()
        self.id: str | None = None

    async def next(self) -> tuple[str, Any]:
        """The next event, skipping comments; ("end", None) at the end."""
        async with asyncio.timeout(PATIENCE):
            name = ""
            async for line in self._lines:
                if line.startswith("id: "):
                    self.id = line.removeprefix("id: ")
                elif line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    return name, json.loads(line.removeprefix("data: "))
            return "end", None

    async def until(self, state: str) -> list[dict[str, Any]]:
        """The reported ingestions, up to the first in this state."""
        found = []
        while True:
            name, data = await self.next()
            assert name == "ingestion", (name, data)
            found.append(data)
            if data["state"] == state:
                return found

    async def comment(self) -> None:
        """Wait for a comment, which is sent when there are no events."""
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if line.startswith(":"):
                    return

    async def ends(self, status: int) -> None:
        """Assert that the stream ends with a problem of this status."""
        name, data = await self.next()
        assert (name, data["status"]) == ("error", status)
        assert await self.next() == ("end", None)


@asynccontextmanager
async def follow(
    client: httpx.AsyncClient, path: str, headers: dict[str, str] | None = None
) -> AsyncIterator[Stream]:
    """An open stream."""
    async with client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response)
