"""The audit trail, for administrators."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from litestar import Request, Router, get
from litestar.di import NamedDependency, Provide
from litestar.response import Stream

from luma_rag.access import require_admin
from luma_rag.audit import trail
from luma_rag.audit.files import CSV_HEADER, Lines, csv_lines, json_lines
from luma_rag.audit.trail import Event, EventFilter
from luma_rag.errors import FieldError, InvalidInputError
from luma_rag.http.authentication import still_signed_in
from luma_rag.http.dependencies import Caller, PaginationDependency, RuntimeDependency, Session
from luma_rag.http.openapi import AuditExportOperation
from luma_rag.http.parameters import (
    AuditFormat,
    OfAction,
    OfActor,
    OfDocument,
    OfNamespace,
    OfUser,
    Since,
    Until,
)
from luma_rag.pagination import Page

_FORMATS: dict[str, tuple[str, str, Lines]] = {
    "csv": (CSV_HEADER, "text/csv; charset=utf-8", csv_lines),
    "jsonl": ("", "application/jsonl", json_lines),
}


def event_filter(
    actor_id: OfActor = None,
    action: OfAction = None,
    since: Since = None,
    until: Until = None,
    doc_id: OfDocument = None,
    namespace_id: OfNamespace = None,
    user_id: OfUser = None,
) -> EventFilter:
    """The filter that a query names."""
    about = {"doc_id": doc_id, "namespace_id": namespace_id, "user_id": user_id}
    return EventFilter(
        actor_id=actor_id,
        actions=None if action is None else [action],
        since=_in_utc("since", since),
        until=_in_utc("until", until),
        about={name: value for name, value in about.items() if value is not None},
    )


Wanted = NamedDependency[EventFilter]


@get("/")
async def list_events(
    session: Session, principal: Caller, pagination: PaginationDependency, wanted: Wanted
) -> Page[Event]:
    """List the audit events, newest first. Administrators only."""
    require_admin(principal)
    return await trail.events(session, wanted, pagination)


@get("/export", operation_class=AuditExportOperation)
async def export_events(
    request: Request[Any, Any, Any],
    principal: Caller,
    runtime: RuntimeDependency,
    wanted: Wanted,
    file_format: AuditFormat = "csv",
) -> Stream:
    """Download the audit events, oldest first: as CSV, or one JSON object per line. Administrators only."""
    require_admin(principal)
    header, media_type, lines = _FORMATS[file_format]

    async def content() -> AsyncGenerator[str]:
        yield header
        async with aclosing(trail.all_events(runtime.sessions, wanted)) as batches:
            async for batch in batches:
                # A download may take long, and the rights may end meanwhile.
                require_admin(await still_signed_in(request))
                yield "".join(lines(batch))

    return Stream(
        content(),
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="audit.{file_format}"'},
    )


def _in_utc(name: str, time: datetime | None) -> datetime | None:
    if time is None:
        return None
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        message = "is out of range"
        raise InvalidInputError(f"{name} {message}.", errors=[FieldError(name, message)]) from None


router = Router(
    "/api/audit",
    route_handlers=[list_events, export_events],
    dependencies={"wanted": Provide(event_filter, sync_to_thread=False)},
    tags=["operations"],
)
