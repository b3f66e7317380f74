"""Reading the audit trail."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.audit import Action
from luma_rag.db.models import AuditEvent
from luma_rag.pagination import Page, Pagination

_AT_ONCE = 1000


class Event(msgspec.Struct, frozen=True):
    """What happened. `actor` is the name that the user had then; both are null for the command line and for
    who was not signed in. `about` names what was acted on.
    """

    id: int
    at: datetime
    action: str
    actor_id: int | None
    actor: str | None
    about: dict[str, Any]
    request_id: str | None
    address: str | None


class Wanted(msgspec.Struct, frozen=True):
    """Which events are wanted: all conditions that are given have to hold. `since` is included, `until` not.

    `about` are members that the event's own `about` must have, e.g. `{"doc_id": 12}`.
    """

    actor_id: int | None = None
    actions: Sequence[Action] | None = None
    since: datetime | None = None
    until: datetime | None = None
    about: dict[str, int] | None = None


async def events(session: AsyncSession, wanted: Wanted, pagination: Pagination) -> Page[Event]:
    """Events, newest first."""
    found = _matching(wanted)
    total = await session.scalar(select(func.count()).select_from(found.subquery()))
    rows = await session.scalars(
        found.order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page([_view(event) for event in rows], total or 0)


async def all_events(session: AsyncSession, wanted: Wanted) -> AsyncIterator[Event]:
    """Every event, oldest first; read from the database piece by piece, however many there are."""
    rows = await session.stream_scalars(
        _matching(wanted).order_by(AuditEvent.at, AuditEvent.id).execution_options(yield_per=_AT_ONCE)
    )
    async for event in rows:
        yield _view(event)


def _matching(wanted: Wanted) -> Select[AuditEvent]:
    found = select(AuditEvent)
    if wanted.actor_id is not None:
        found = found.where(AuditEvent.actor_id == wanted.actor_id)
    if wanted.actions is not None:
        found = found.where(AuditEvent.action.in_(wanted.actions))
    if wanted.since is not None:
        found = found.where(AuditEvent.at >= wanted.since)
    if wanted.until is not None:
        found = found.where(AuditEvent.at < wanted.until)
    if wanted.about:
        found = found.where(AuditEvent.about.contains(wanted.about))
    return found


def _view(event: AuditEvent) -> Event:
    return msgspec.convert(event, Event, from_attributes=True)
