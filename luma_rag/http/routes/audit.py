"""The audit trail, for administrators."""

from datetime import UTC, datetime

from litestar import Router, get

from luma_rag.access import require_admin
from luma_rag.audit import trail
from luma_rag.audit.trail import Event, EventFilter
from luma_rag.errors import FieldError, InvalidInputError
from luma_rag.http.dependencies import Caller, PaginationDependency, Session
from luma_rag.http.parameters import OfAction, OfActor, OfDocument, OfNamespace, OfUser, Since, Until
from luma_rag.pagination import Page


@get("/")
async def list_events(
    session: Session,
    principal: Caller,
    pagination: PaginationDependency,
    actor_id: OfActor = None,
    action: OfAction = None,
    since: Since = None,
    until: Until = None,
    doc_id: OfDocument = None,
    namespace_id: OfNamespace = None,
    user_id: OfUser = None,
) -> Page[Event]:
    """Who did what, newest first. Administrators."""
    require_admin(principal)
    about = {"doc_id": doc_id, "namespace_id": namespace_id, "user_id": user_id}
    wanted = EventFilter(
        actor_id=actor_id,
        actions=None if action is None else [action],
        since=_in_utc("since", since),
        until=_in_utc("until", until),
        about={name: value for name, value in about.items() if value is not None},
    )
    return await trail.events(session, wanted, pagination)


def _in_utc(name: str, given: datetime | None) -> datetime | None:
    if given is None:
        return None
    try:
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except OverflowError:
        message = "is out of range"
        raise InvalidInputError(f"{name} {message}.", errors=[FieldError(name, message)]) from None


router = Router("/api/audit", route_handlers=[list_events], tags=["operations"])
