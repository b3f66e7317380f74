"""Sessions of browsers, kept on the server. Of the cookie's secret the database keeps only a hash."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from luma_rag.access import Principal
from luma_rag.accounts.account_status import is_enabled
from luma_rag.audit import record
from luma_rag.db.base import utcnow
from luma_rag.db.models import LoginSession, User
from luma_rag.errors import ForbiddenError, NotAuthenticatedError, NotFoundError
from luma_rag.pagination import Page, Pagination

# How exactly last uses are known. Between two of them no request writes anything.
USE_INTERVAL = timedelta(minutes=1)
_USER_AGENT_LENGTH = 300
# Asked with each request: putting it together would take longer than the answer.
_HOLDER = (
    select(User.id, User.role, LoginSession.id, LoginSession.last_used_at)
    .join(LoginSession, LoginSession.user_id == User.id)
    .where(
        LoginSession.token_hash == bindparam("token_hash"),
        LoginSession.expires_at > bindparam("now"),
        is_enabled(),
    )
)


class Browser(msgspec.Struct, frozen=True):
    """Who asks for a session: from where, as what, and with the secret of which session so far."""

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


async def start_session(session: AsyncSession, user_id: int, browser: Browser, *, days: int) -> str:
    """Start a session and return its cookie's secret, 43 characters.

    The browser's previous session ends, whoever owned it, so that nobody continues in a planted session.
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
        )
    )
    await session.flush()
    return secret


async def principal_of_session(connection: AsyncConnection, secret: str) -> Principal:
    """Who a session cookie belongs to. Notes the use, once in `USE_INTERVAL`; committing it is the caller's.

    Raises:
        NotAuthenticatedError: nobody, or the session has ended.
    """
    now = utcnow()
    found = await connection.execute(_HOLDER, {"token_hash": hash_secret(secret), "now": now})
    row = found.one_or_none()
    if row is None:
        raise NotAuthenticatedError("Your session has ended; sign in again.")
    user_id, role, session_id, last_used_at = row
    if last_used_at <= now - USE_INTERVAL:
        # Asked again in the statement: of several requests at once, one writes.
        await connection.execute(
            update(LoginSession)
            .where(LoginSession.id == session_id, LoginSession.last_used_at <= now - USE_INTERVAL)
            .values(last_used_at=now)
        )
    return Principal(user_id, role, session_id=session_id)


async def list_sessions(
    session: AsyncSession, principal: Principal, pagination: Pagination
) -> Page[SessionView]:
    """The caller's sessions, the one used last first.

    Raises:
        ForbiddenError: the caller holds a narrowed token.
    """
    _require_whole(principal)
    mine = _own(principal)
    total = await session.scalar(select(func.count()).select_from(LoginSession).where(*mine))
    found = await session.scalars(
        select(LoginSession)
        .where(*mine)
        .order_by(LoginSession.last_used_at.desc(), LoginSession.id.desc())
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page(
        [
            SessionView(
                one.id,
                one.created_at,
                one.last_used_at,
                one.expires_at,
                one.address,
                one.user_agent,
                is_current=one.id == principal.session_id,
            )
            for one in found
        ],
        total or 0,
    )


async def end_session(session: AsyncSession, principal: Principal, session_id: int) -> None:
    """End one of the caller's sessions at once.

    Raises:
        ForbiddenError: the caller holds a narrowed token.
        NotFoundError: the caller has no such session.
    """
    _require_whole(principal)
    if not await _end(session, LoginSession.id == session_id, *_own(principal)):
        raise NotFoundError(f"You have no session {session_id}.")


async def sign_out(session: AsyncSession, principal: Principal) -> None:
    """End the session that the caller came with; who came with a token has none."""
    if principal.session_id is not None:
        await _end(session, LoginSession.id == principal.session_id)


def csrf_token(secret: str) -> str:
    """The CSRF token of a session: bound to its secret, so that a planted cookie is of no use."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def hash_secret(secret: str) -> bytes:
    """What is kept of a secret: its SHA-256. 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


async def _end(session: AsyncSession, *which: ColumnElement[bool]) -> int:
    """End sessions, and say how many there were."""
    ended = await session.execute(
        delete(LoginSession).where(*which).returning(LoginSession.id, LoginSession.user_id)
    )
    rows = ended.all()
    for session_id, user_id in rows:
        await record(session, "session.ended", user_id, session_id=session_id)
    return len(rows)


def _own(principal: Principal) -> tuple[ColumnElement[bool], ...]:
    return LoginSession.user_id == principal.user_id, LoginSession.expires_at > utcnow()


def _require_whole(principal: Principal) -> None:
    if principal.is_narrowed:
        raise ForbiddenError("A narrowed token can't see or end sessions. Sign in to do so.")


def _printable(user_agent: str | None) -> str | None:
    # Anybody can send anything, and it is shown in a list.
    if user_agent is None:
        return None
    return "".join(char for char in user_agent if char.isprintable())[:_USER_AGENT_LENGTH]
