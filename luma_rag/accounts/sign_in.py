"""Signing in: sessions for browsers, tokens for programs. The database keeps only hashes of both."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from luma_rag.access import Principal, readable_namespaces
from luma_rag.access.principal import ADMINISTER
from luma_rag.accounts.passwords import verify_password
from luma_rag.accounts.users import UserView, view
from luma_rag.db.base import utcnow
from luma_rag.db.models import ApiToken, LoginSession, Namespace, User
from luma_rag.db.session import Sessions
from luma_rag.errors import ForbiddenError, NotAuthenticatedError, NotFoundError
from luma_rag.paging import Items, Paging

# Secret scanners find leaked tokens by a fixed beginning.
TOKEN_PREFIX = "luma_"  # noqa: S105 - a prefix, not a secret


class SignedIn(msgspec.Struct, frozen=True):
    """A new session: `secret` goes into the cookie and is not kept."""

    user: UserView
    secret: str


class TokenView(msgspec.Struct, frozen=True):
    """A token without its secret."""

    id: int
    name: str
    namespace_ids: list[int] | None
    max_level: int | None
    created_at: datetime
    expires_at: datetime | None


class NewToken(msgspec.Struct, frozen=True):
    """A token just made: the only time that its secret is shown."""

    id: int
    name: str
    token: str
    expires_at: datetime | None


async def sign_in(sessions: Sessions, username: str, password: str, *, days: int) -> SignedIn:
    """Start a session for the user of this name or e-mail address.

    Raises:
        NotAuthenticatedError: in the same words and the same time for an unknown user and a wrong password.
    """
    who = username.lower()
    async with sessions.begin() as session:
        user = await session.scalar(
            select(User).where(or_(func.lower(User.username) == who, func.lower(User.email) == who))
        )
    if not await verify_password(user.password if user else None, password) or user is None:
        raise NotAuthenticatedError("The user name or the password is not right.")
    secret = secrets.token_urlsafe(32)
    now = utcnow()
    async with sessions.begin() as session:
        await session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
        session.add(
            LoginSession(
                user_id=user.id,
                token_hash=_hash(secret),
                created_at=now,
                expires_at=now + timedelta(days=days),
            )
        )
    return SignedIn(view(user), secret)


async def sign_out(session: AsyncSession, principal: Principal) -> None:
    """End the caller's session on the server."""
    await session.execute(delete(LoginSession).where(LoginSession.id == principal.session_id))


async def principal_of_session(connection: AsyncConnection, secret: str) -> Principal:
    """Who a session cookie belongs to.

    Raises:
        NotAuthenticatedError: nobody, or the session has ended.
    """
    row = (
        await connection.execute(
            select(User.id, User.role, LoginSession.id)
            .join(LoginSession, LoginSession.user_id == User.id)
            .where(LoginSession.token_hash == _hash(secret), LoginSession.expires_at > utcnow())
        )
    ).one_or_none()
    if row is None:
        raise NotAuthenticatedError("Your session has ended; sign in again.")
    user_id, role, session_id = row
    return Principal(user_id, role, session_id=session_id)


async def principal_of_token(connection: AsyncConnection, secret: str) -> Principal:
    """Whom a bearer token acts for, and how far.

    Raises:
        NotAuthenticatedError: the token is unknown, revoked or expired.
    """
    row = (
        await connection.execute(
            select(User.id, User.role, ApiToken.id, ApiToken.max_level, ApiToken.namespace_ids)
            .join(ApiToken, ApiToken.user_id == User.id)
            .where(
                ApiToken.token_hash == _hash(secret),
                or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > utcnow()),
            )
        )
    ).one_or_none()
    if row is None:
        raise NotAuthenticatedError("This token is not known, was revoked, or has expired; make a new one.")
    user_id, role, token_id, max_level, namespace_ids = row
    return Principal(
        user_id,
        role,
        max_level=max_level or ADMINISTER,
        namespace_ids=frozenset(namespace_ids) if namespace_ids is not None else None,
        token_id=token_id,
    )


def csrf_token(secret: str) -> str:
    """The CSRF token of a session: bound to its secret, so that a planted cookie is of no use."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


async def create_token(
    session: AsyncSession,
    principal: Principal,
    name: str,
    *,
    expires_in_days: int | None = None,
    namespace_ids: list[int] | None = None,
    max_level: int | None = None,
) -> NewToken:
    """A token that acts as the caller, narrowed to some namespaces and to a highest level if wanted.

    Raises:
        ForbiddenError: the caller holds a narrowed token.
        NotFoundError: a namespace is not one that the caller can read.
    """
    if principal.is_narrowed:
        raise ForbiddenError("A narrowed token can't make tokens. Sign in to make one.")
    if namespace_ids is not None:
        readable = set(
            await session.scalars(
                select(Namespace.id).where(
                    Namespace.id.in_(namespace_ids), Namespace.id.in_(readable_namespaces(principal))
                )
            )
        )
        if unknown := sorted(set(namespace_ids) - readable):
            raise NotFoundError(f"There is no namespace {unknown[0]}, or you have no access to it.")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    now = utcnow()
    token = ApiToken(
        user_id=principal.user_id,
        name=name,
        token_hash=_hash(secret),
        namespace_ids=namespace_ids,
        max_level=max_level,
        created_at=now,
        expires_at=now + timedelta(days=expires_in_days) if expires_in_days is not None else None,
    )
    session.add(token)
    await session.flush()
    return NewToken(token.id, name, secret, token.expires_at)


async def list_tokens(session: AsyncSession, principal: Principal, paging: Paging) -> Items[TokenView]:
    """The caller's tokens, oldest first."""
    mine = ApiToken.user_id == principal.user_id
    total = await session.scalar(select(func.count()).select_from(ApiToken).where(mine))
    tokens = await session.scalars(
        select(ApiToken).where(mine).order_by(ApiToken.id).limit(paging.limit).offset(paging.offset)
    )
    return Items(
        [TokenView(t.id, t.name, t.namespace_ids, t.max_level, t.created_at, t.expires_at) for t in tokens],
        total or 0,
    )


async def revoke_token(session: AsyncSession, principal: Principal, token_id: int) -> None:
    """End one of the caller's tokens at once.

    Raises:
        ForbiddenError: the caller holds a narrowed token, which ends itself at most.
        NotFoundError: the caller has no such token.
    """
    if principal.is_narrowed and token_id != principal.token_id:
        raise ForbiddenError("A narrowed token can't revoke other tokens. Sign in to do so.")
    revoked = await session.scalar(
        delete(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.user_id == principal.user_id)
        .returning(ApiToken.id)
    )
    if revoked is None:
        raise NotFoundError(f"You have no token {token_id}.")


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(secret.encode()).digest()
