"""An HTTP client for tests, with any number of users."""

from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from luma_rag.accounts import users
from luma_rag.runtime import Runtime
from luma_rag.worker import drain

PASSWORD = "correct horse battery"


class Api:
    """A server and its users: `await api.user("alice")` is a client signed in as alice."""

    def __init__(self, base_url: str, runtime: Runtime) -> None:
        self.base_url = base_url
        self.runtime = runtime
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._stack = AsyncExitStack()
        self._unnamed: Counter[httpx.AsyncClient] = Counter()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def anonymous(self, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
        """A client that is not signed in."""
        client = httpx.AsyncClient(base_url=self.base_url, headers=headers, timeout=60)
        return await self._stack.enter_async_context(client)

    async def user(self, name: str, role: users.Role = "user") -> httpx.AsyncClient:
        """A client with a session of this user, who is created if necessary."""
        if name not in self._clients:
            await users.create(self.runtime.sessions, name, f"{name}@example.com", PASSWORD, role)
            self._clients[name] = await self.sign_in(name)
        return self._clients[name]

    async def admin(self) -> httpx.AsyncClient:
        """A client with an administrator's session."""
        return await self.user("root", "admin")

    async def sign_in(self, name: str, password: str = PASSWORD) -> httpx.AsyncClient:
        """A client with a new session."""
        client = await self.anonymous()
        answer = await client.post("/api/auth/login", json={"username": name, "password": password})
        answer.raise_for_status()
        client.headers["x-csrftoken"] = client.cookies["csrftoken"]
        return client

    async def namespace(self, owner: httpx.AsyncClient, **fields: Any) -> int:
        """The id of a new namespace: the owner's "papers", "papers 2", … unless a name is given."""
        if "name" not in fields:
            self._unnamed[owner] += 1
            number = self._unnamed[owner]
            fields["name"] = "papers" if number == 1 else f"papers {number}"
        answer = await owner.post("/api/namespaces", json=fields)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    async def upload(self, owner: httpx.AsyncClient, path: Path, *namespace_ids: int, **fields: Any) -> int:
        """Upload a file, let the worker ingest it, and return the document's id."""
        data = {"namespace_id": [str(i) for i in namespace_ids], **fields}
        answer = await owner.post("/api/documents", files={"file": (path.name, path.read_bytes())}, data=data)
        assert answer.status_code in (200, 201), answer.text
        await self.work()
        return int(answer.json()["id"])

    async def work(self) -> None:
        """Let a worker process the queue until it is empty."""
        await drain(self.runtime, self.runtime.embedder)
