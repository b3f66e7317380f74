"""Browser sessions. The database stores only a hash of the secret in the cookie."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from sqlalchemy import ColumnElement, bindparam, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from luma_rag.access import Principal
from luma_rag.access.principal import RequiredAction
from luma_rag.accounts.account_status import is_enabled
from luma_rag.audit import record
from luma_rag.db.base import utcnow
from luma_rag.db.models import LoginSession, SecondFactor, TemporaryPassword, User
from luma_rag.errors import ForbiddenError, NotAuthenticatedError, NotFoundError
from luma_rag.pagination import Page, Pagination
from luma_rag.settings import Settings

# The precision of `last_used_at`: a session is updated at most once per interval.
USE_INTERVAL = timedelta(minutes=1)
_USER_AGENT_LENGTH = 300
# Built once, since every request runs it: building takes longer than running.
_HOLDER = (
    select(
        User.id,
        User.role,
        LoginSession.id,
        LoginSession.created_at,
        LoginSession.expires_at,
        LoginSession.last_used_at,
        LoginSession.method,
        LoginSession.authenticated_at,
        exists().where(TemporaryPassword.user_id == User.id),
        exists().where(SecondFactor.user_id == User.id, SecondFactor.confirmed_at.is_not(None)),
    )
    .join(LoginSession, LoginSession.user_id == User.id)
    .where(
        LoginSession.token_hash == bindparam("token_hash"),
        LoginSession.expires_at > bindparam("now"),
        LoginSession.created_at > bindparam("oldest"),
        LoginSession.last_used_at > bindparam("idle_since"),
        is_enabled(),
    )
)


Method = Literal["password", "openid"]


class Browser(msgspec.Struct, frozen=True):
    """A browser that signs in: its address, user agent, and the secret of its present session."""

    address: str | None = None
    user_agent: str | None = None
    secret: str | None = None


class SessionView(msgspec.Struct, frozen=True):
    """A session without its secret. `last_used_at` is exact to a minute."""

    id: int
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str | None
    is_current: bool


async def start_session(
    session: AsyncSession,
    user_id: int,
    browser: Browser,
    *,
    days: int,
    method: Method = "password",
    authenticated_at: datetime | None = None,
) -> str:
    """Start a session. Returns the secret for its cookie, 43 characters.

    `authenticated_at` is when the OpenID provider authenticated the user; with a password, it is now.
    The previous session of the browser ends, against session fixation.
    """
    now = utcnow()
    await session.execute(delete(LoginSession).where(LoginSession.expires_at <= now))
    if browser.secret is not None:
        await _end(session, LoginSession.token_hash == hash_secret(browser.secret))
    secret = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            user_id=user_id,
            token_hash=hash_secret(secret),
            created_at=now,
            expires_at=now + timedelta(days=days),
            last_used_at=now,
            address=browser.address,
            user_agent=_printable(browser.user_agent),
            method=method,
            authenticated_at=now if method == "password" else authenticated_at,
        )
    )
    await session.flush()
    return secret


async def principal_of_session(
    connection: AsyncConnection, secret: str, settings: Settings, *, is_use: bool = True
) -> Principal:
    """The principal of a session cookie. Records a use, once per `USE_INTERVAL`; the caller commits.

    The settings apply to sessions that began before a change of them, too: lower limits, and no passwords.

    Raises:
        NotAuthenticatedError: the session is unknown or has expired.
    """
    now = utcnow()
    found = await connection.execute(
        _HOLDER, {"token_hash": hash_secret(secret), "now": now, **_limits(settings, now)}
    )
    row = found.one_or_none()
    if row is None:
        raise NotAuthenticatedError("The session has expired. Sign in again.")
    user_id, role, session_id, created_at, expires_at, last_used_at, method, authenticated_at, *more = row
    is_temporary, has_second_factor = more
    if method == "password" and not settings.password_sign_in:
        raise NotAuthenticatedError("Passwords were turned off on this server. Sign in again.")
    if is_use and last_used_at <= now - USE_INTERVAL:
        # The condition is repeated, so that only one of several concurrent requests writes.
        await connection.execute(
            update(LoginSession)
            .where(LoginSession.id == session_id, LoginSession.last_used_at <= now - USE_INTERVAL)
            .values(last_used_at=now)
        )
    required_action: RequiredAction | None = None
    # The OpenID provider sees to the second factors of its users.
    if method == "password":
        if is_temporary:
            required_action = "change_password"
        elif settings.require_admin_totp and role == "admin" and not has_second_factor:
            required_action = "set_up_second_factor"
    limits = _limits(settings, now)
    age, silence = now - limits["oldest"], now - limits["idle_since"]
    return Principal(
        user_id,
        role,
        session_id=session_id,
        ends_at=min(expires_at, created_at + age, last_used_at + silence),
        authenticated_at=authenticated_at,
        required_action=required_action,
    )


def _limits(settings: Settings, now: datetime) -> dict[str, datetime]:
    """The earliest start and the earliest last use of a session that is still valid."""
    oldest = now - timedelta(days=settings.session_days)
    idle = timedelta(minutes=settings.session_idle_minutes)
    return {"oldest": oldest, "idle_since": now - idle if idle else oldest}


async def list_sessions(
    session: AsyncSession, principal: Principal, pagination: Pagination, settings: Settings
) -> Page[SessionView]:
    """The caller's sessions, most recently used first.

    Raises:
        ForbiddenError: the caller has a restricted token.
    """
    _require_whole(principal)
    return await sessions_of(
        session, principal.user_id, pagination, settings, current_id=principal.session_id
    )


async def sessions_of(
    session: AsyncSession,
    user_id: int,
    pagination: Pagination,
    settings: Settings,
    *,
    current_id: int | None = None,
) -> Page[SessionView]:
    """A user's valid sessions, most recently used first."""
    now = utcnow()
    limits = _limits(settings, now)
    valid = (
        LoginSession.user_id == user_id,
        LoginSession.expires_at > now,
        LoginSession.created_at > limits["oldest"],
        LoginSession.last_used_at > limits["idle_since"],
    )
    total = await session.scalar(select(func.count()).select_from(LoginSession).where(*valid))
    found = await session.scalars(
        select(LoginSession)
        .where(*valid)
        .order_by(LoginSession.last_used_at.desc(), LoginSession.id.desc())
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page(
        [
            SessionView(
                login.id,
                login.created_at,
                login.last_used_at,
                login.expires_at,
                login.address,
                login.user_agent,
                is_current=login.id == current_id,
            )
            for login in found
        ],
        total or 0,
    )


async def end_session(session: AsyncSession, principal: Principal, session_id: int) -> None:
    """End one of the caller's sessions.

    Raises:
        ForbiddenError: the caller has a restricted token.
        NotFoundError: the caller has no such session.
    """
    _require_whole(principal)
    await end_session_of(session, principal.user_id, session_id, actor_id=principal.user_id)


async def end_session_of(session: AsyncSession, user_id: int, session_id: int, *, actor_id: int) -> None:
    """End one of a user's sessions.

    Raises:
        NotFoundError: the user has no such session.
    """
    which = LoginSession.id == session_id, LoginSession.user_id == user_id, LoginSession.expires_at > utcnow()
    if not await _end(session, *which, actor_id=actor_id):
        raise NotFoundError("This session does not exist, or has ended.")


async def renew_session(session: AsyncSession, principal: Principal) -> None:
    """Record that the caller has just authenticated.

    Raises:
        NotAuthenticatedError: the session has ended in the meantime.
    """
    renewed = (
        update(LoginSession)
        .where(LoginSession.id == principal.session_id)
        .values(authenticated_at=utcnow())
        .returning(LoginSession.id)
    )
    if await session.scalar(renewed) is None:
        raise NotAuthenticatedError("The session has expired. Sign in again.")


async def sign_out(session: AsyncSession, principal: Principal) -> None:
    """End the session of this request; requests with a token have none."""
    if principal.session_id is not None:
        await _end(session, LoginSession.id == principal.session_id)


def csrf_token(secret: str) -> str:
    """The CSRF token of a session, derived from its secret: a planted cookie does not match."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def hash_secret(secret: str) -> bytes:
    """The SHA-256 of a secret, which the database stores. 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


async def _end(session: AsyncSession, *which: ColumnElement[bool], actor_id: int | None = None) -> int:
    """End sessions, by default as their own users. Returns their number."""
    ended = await session.execute(
        delete(LoginSession).where(*which).returning(LoginSession.id, LoginSession.user_id)
    )
    rows = ended.all()
    for session_id, user_id in rows:
        about = {} if actor_id in (None, user_id) else {"user_id": user_id}
        await record(session, "session.ended", actor_id or user_id, session_id=session_id, **about)
    return len(rows)


def _require_whole(principal: Principal) -> None:
    if principal.is_narrowed:
        raise ForbiddenError("A restricted token can't list or end sessions. Sign in to manage them.")


def _printable(user_agent: str | None) -> str | None:
    # Clients can send any text, and the page shows it.
    if user_agent is None:
        return None
    return "".join(char for char in user_agent if char.isprintable())[:_USER_AGENT_LENGTH]
