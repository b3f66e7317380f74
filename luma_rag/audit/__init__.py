"""The audit trail: sign-ins, grants, publication, deletion, tokens.

An event is written in the transaction of its action, so that neither exists without the other. It holds ids,
names and levels; never a title, a text, a question or a secret.
"""

from contextvars import ContextVar
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, ScalarSelect, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db.base import utcnow
from luma_rag.db.models import AuditEvent, User

Action = Literal[
    "account.created",
    "account.disabled",
    "account.enabled",
    "account.handed-over",
    "account.removed",
    "account.role-changed",
    "document.deleted",
    "document.hidden",
    "document.published",
    "document.read",
    "document.replaced",
    "document.shared",
    "document.unshared",
    "document.uploaded",
    "identity.linked",
    "member.removed",
    "member.set",
    "namespace.created",
    "namespace.deleted",
    "namespace.document-added",
    "namespace.document-removed",
    "namespace.hidden",
    "namespace.published",
    "namespace.read",
    "password.changed",
    "password.reset",
    "recovery-code.used",
    "request.refused",
    "second-factor.added",
    "second-factor.removed",
    "session.ended",
    "session.reauthenticated",
    "session.reauthentication-failed",
    "sign-in.failed",
    "sign-in.succeeded",
    "token.created",
    "token.revoked",
]


class RequestContext(msgspec.Struct, frozen=True):
    """The context of an action: the request id and the client's address."""

    request_id: str | None = None
    address: str | None = None


_UNKNOWN = RequestContext()
request_context: ContextVar[RequestContext] = ContextVar("request_context", default=_UNKNOWN)


async def record(
    session: AsyncSession, action: Action, actor_id: int | None, **about: int | str | bool | list[int] | None
) -> None:
    """Add an event in this transaction; `about` names the objects by ids, names and levels.

    A `user_id` is complemented by the user's name, which may later be the only trace of who it was.
    """
    where = request_context.get()
    told: ColumnElement[dict[str, Any]] = literal(about, JSONB)
    if about.get("user_id") is not None:
        whose = func.jsonb_build_object("username", _name_of(about["user_id"]))
        told = whose.op("||")(told)
    await session.execute(
        insert(AuditEvent).values(
            at=utcnow(),
            action=action,
            actor_id=actor_id,
            actor=_name_of(actor_id),
            about=told,
            request_id=where.request_id,
            address=where.address,
        )
    )


async def set_actor(session: AsyncSession, actor_id: int | None) -> None:
    """Name the actor of the events that triggers record in this transaction."""
    where = request_context.get()
    settings = {"actor_id": actor_id, "request_id": where.request_id, "address": where.address}
    await session.execute(
        select(
            *(
                func.set_config(f"luma.{name}", "" if value is None else str(value), True)
                for name, value in settings.items()
            )
        )
    )


def _name_of(user_id: object) -> ScalarSelect[str]:
    return select(User.username).where(User.id == user_id).scalar_subquery()
