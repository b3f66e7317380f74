"""Requests, their repetition, and lists that come in pages."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self, Unpack

import httpx

from luma_client import protocol
from luma_client.protocol import Content
from luma_client.types import Page, T


class Connection:
    """The base of the client."""

    def __init__(self, url: str, *, token: str, timeout: float = 300.0) -> None:
        self._http = httpx.Client(base_url=url, headers=protocol.headers(token), timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, method: str, path: str, kind: type[T], **content: Unpack[Content]) -> T:
        with self._open(method, path, **content) as response:
            response.read()
            return protocol.decode(response, kind)

    def _delete(self, path: str) -> None:
        with self._open("DELETE", path):
            pass

    def _all(self, path: str, kind: type[Page[T]], **params: Any) -> list[T]:
        items: list[T] = []
        while True:
            part = {**params, "limit": protocol.PAGE_SIZE, "offset": len(items)}
            page = self._send("GET", path, kind, params=part)
            items += page.items
            if not page.items or len(items) >= page.total:
                return items

    @contextmanager
    def _open(self, method: str, path: str, **content: Unpack[Content]) -> Iterator[httpx.Response]:
        """The response to a call, whose body is still to be read."""
        tries = 1
        while True:
            with self._http.stream(method, path, **content) as response:
                if response.is_success:
                    yield response
                    return
                response.read()
            seconds = protocol.pause(response, tries)
            if seconds is None:
                raise protocol.error_of(response)
            time.sleep(seconds)
            tries += 1
