"""Namespaces, their members, their events, and search."""

from collections.abc import AsyncGenerator, Sequence

import httpx
from httpx_sse import EventSource

from luma_client import protocol
from luma_client._async.background import sleep
from luma_client._async.connection import Connection
from luma_client.errors import ApiError
from luma_client.events import NamespaceEvent, ReconnectedEvent, is_temporary, namespace_event
from luma_client.types import Level, Member, Mode, Namespace, Page, SearchResult, User


class Namespaces(Connection):
    """The calls on namespaces."""

    async def namespaces(self) -> list[Namespace]:
        """All namespaces that the token can read, by name."""
        return await self._all("/api/namespaces", Page[Namespace])

    async def namespace(self, namespace_id: int) -> Namespace:
        """One namespace."""
        return await self._send("GET", f"/api/namespaces/{namespace_id}", Namespace)

    async def create_namespace(
        self, name: str, *, description: str | None = None, is_public: bool = False
    ) -> Namespace:
        """Create a namespace."""
        body = {"name": name, "description": description, "is_public": is_public}
        return await self._send("POST", "/api/namespaces", Namespace, json=body)

    async def get_or_create_namespace(
        self, name: str, *, description: str | None = None, is_public: bool = False
    ) -> Namespace:
        """The caller's own namespace of this name, which is created if there is none.

        `description` and `is_public` are for a new namespace only.
        """
        if (found := await self._own_namespace(name)) is not None:
            return found
        try:
            return await self.create_namespace(name, description=description, is_public=is_public)
        except ApiError as error:
            # Another program may have created it in between.
            if error.status != 409 or (found := await self._own_namespace(name)) is None:
                raise
            return found

    async def update_namespace(
        self,
        namespace_id: int,
        *,
        name: str | None = None,
        description: str | None = None,
        is_public: bool | None = None,
    ) -> Namespace:
        """Change what is given; `description=""` removes the description. Level 3."""
        body = protocol.given(name=name, description=description, is_public=is_public)
        if description == "":
            body["description"] = None
        return await self._send("PATCH", f"/api/namespaces/{namespace_id}", Namespace, json=body)

    async def delete_namespace(self, namespace_id: int) -> None:
        """Delete a namespace with its members, chats, and vectors; the documents stay. Level 3."""
        await self._delete(f"/api/namespaces/{namespace_id}")

    async def members(self, namespace_id: int) -> list[Member]:
        """The members, by name. Level 3."""
        return await self._all(f"/api/namespaces/{namespace_id}/members", Page[Member])

    async def set_member(self, namespace_id: int, user_id: int, level: Level) -> Member:
        """Make a user a member, or change a member's level. Level 3."""
        path = f"/api/namespaces/{namespace_id}/members/{user_id}"
        return await self._send("PUT", path, Member, json={"auth_level": level})

    async def remove_member(self, namespace_id: int, user_id: int) -> None:
        """Remove a member (level 3), or leave."""
        await self._delete(f"/api/namespaces/{namespace_id}/members/{user_id}")

    async def search(
        self,
        namespace_id: int,
        query: str,
        *,
        k: int = 5,
        mode: Mode = "hybrid",
        rerank: bool | None = None,
        doc_ids: Sequence[int] | None = None,
        per_document: int | None = None,
    ) -> SearchResult:
        """The `k` best chunks, reranked if the service has a reranker and `rerank` isn't False.

        `doc_ids` restricts the search to these documents; `per_document` limits the hits of each.
        """
        body = {
            "query": query,
            "k": k,
            "mode": mode,
            "rerank": rerank,
            "doc_ids": None if doc_ids is None else list(doc_ids),
            "per_document": per_document,
        }
        return await self._send("POST", f"/api/namespaces/{namespace_id}/search", SearchResult, json=body)

    async def events(
        self, namespace_id: int, *, last_event_id: str | None = None
    ) -> AsyncGenerator[NamespaceEvent]:
        """The ingestions that aren't finished, and then every change in the namespace, without an end.

        `last_event_id` is the `id` of an event that was seen before; what finished since comes first. If the
        connection is lost, it is opened again. Then a `ReconnectedEvent` comes, and some changes may be
        reported twice.

        Raises:
            ApiError: the token may not read the namespace, or no longer.
            httpx.TransportError: the service can't be reached, or stays away for some three minutes.
        """
        path = f"/api/namespaces/{namespace_id}/events"
        failures, was_connected = 0, False
        while True:
            headers = protocol.EVENT_STREAM | protocol.given(**{"last-event-id": last_event_id})
            try:
                async with self._open(
                    "GET", path, headers=headers, timeout=protocol.SILENCE_SECONDS
                ) as response:
                    if was_connected:
                        yield ReconnectedEvent()
                    failures, was_connected = 0, True
                    async for sent in EventSource(response).aiter_sse():
                        last_event_id = sent.id or last_event_id
                        if (event := namespace_event(sent)) is not None:
                            yield event
            except (ApiError, httpx.TransportError) as error:
                if not was_connected or failures >= protocol.MAX_RECONNECTS or not is_temporary(error):
                    raise
            await sleep(protocol.reconnect_pause(failures))
            failures += 1

    async def _own_namespace(self, name: str) -> Namespace | None:
        me = await self._send("GET", "/api/auth/me", User)
        own = (n for n in await self.namespaces() if n.name == name and n.user_id == me.id)
        return next(own, None)
