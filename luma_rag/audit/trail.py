"""Reads the audit trail."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.audit import Action
from luma_rag.db.models import AuditEvent
from luma_rag.db.session import Sessions
from luma_rag.pagination import Page, Pagination

_AT_ONCE = 1000


class Event(msgspec.Struct, frozen=True):
    """An event. `actor` is the user's name at the time; `actor` and its id are null for the command line and
    for anonymous callers. `about` names the objects.
    """

    id: int
    at: datetime
    action: str
    actor_id: int | None
    actor: str | None
    about: dict[str, Any]
    request_id: str | None
    address: str | None


class EventFilter(msgspec.Struct, frozen=True):
    """A filter: all given conditions must hold. `since` is inclusive, `until` exclusive.

    `about` are members that the event's own `about` must have, such as `{"doc_id": 12}`.
    """

    actor_id: int | None = None
    actions: Sequence[Action] | None = None
    since: datetime | None = None
    until: datetime | None = None
    about: dict[str, int] | None = None


async def events(session: AsyncSession, wanted: EventFilter, pagination: Pagination) -> Page[Event]:
    """Events, newest first."""
    found = _matching(wanted)
    total = await session.scalar(select(func.count()).select_from(found.subquery()))
    rows = await session.scalars(
        found.order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page([_view(event) for event in rows], total or 0)


async def all_events(sessions: Sessions, wanted: EventFilter) -> AsyncGenerator[list[Event]]:
    """All events in batches, oldest first. No connection is held while a batch is used."""
    last: Event | None = None
    while True:
        found = _matching(wanted).order_by(AuditEvent.at, AuditEvent.id).limit(_AT_ONCE)
        if last is not None:
            found = found.where(tuple_(AuditEvent.at, AuditEvent.id) > (last.at, last.id))
        async with sessions.begin() as session:
            batch = [_view(event) for event in await session.scalars(found)]
        yield batch
        if len(batch) < _AT_ONCE:
            return
        last = batch[-1]


def _matching(wanted: EventFilter) -> Select[AuditEvent]:
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
