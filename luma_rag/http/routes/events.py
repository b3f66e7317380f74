"""The events of a caller."""

from functools import partial
from typing import Any

from litestar import Request, Router, get

from luma_rag.access import oversight
from luma_rag.http.authentication import still_signed_in
from luma_rag.http.dependencies import Caller, RuntimeDependency
from luma_rag.http.events import EVENT_STREAM, EventStream, change_stream, last_event
from luma_rag.http.openapi import CallerEventsOperation, problems
from luma_rag.http.parameters import OfNamespace


@get(
    "/",
    media_type=EVENT_STREAM,
    operation_class=CallerEventsOperation,
    responses=problems(429),
)
async def follow(
    request: Request[Any, Any, Any],
    principal: Caller,
    runtime: RuntimeDependency,
    namespace_id: OfNamespace = None,
) -> EventStream:
    """Stream what changes for the caller until the client disconnects: one stream serves a whole page.

    Events say only what has changed; read it by the other calls. What changes after the response has begun is
    told. With `namespace_id`, the stream also has the events of that namespace. If the caller can't read the
    namespace, or not any more, the rest goes on.
    """
    await oversight.record_reading(runtime.sessions, principal, namespace_id=namespace_id)
    since = last_event(request.headers.get("last-event-id"))
    changes = runtime.change_stream.follow(partial(still_signed_in, request), namespace_id, since)
    first = await anext(changes)
    return EventStream(change_stream(first, changes))


router = Router("/api/events", route_handlers=[follow], tags=["operations"])
