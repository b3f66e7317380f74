"""Tokens for programs. The database stores only their hashes.

A token consists of `luma_`, 43 random characters (256 bits), and the CRC-32 of everything before as 6 base-62
digits. Secret scanners can thus verify it offline; see docs/reference/token-format.md.
"""

import re
import secrets
import zlib
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from luma_rag.access import Principal, readable_namespaces
from luma_rag.access.principal import ADMINISTER
from luma_rag.accounts.account_status import is_enabled
from luma_rag.accounts.reauthentication import require_reauthentication
from luma_rag.accounts.sessions import USE_INTERVAL, hash_secret
from luma_rag.audit import record
from luma_rag.db.base import utcnow
from luma_rag.db.models import ApiToken, LoginSession, Namespace, User
from luma_rag.errors import ForbiddenError, InvalidTokenError, NotAuthenticatedError, NotFoundError
from luma_rag.pagination import Page, Pagination
from luma_rag.rate_limits import Limit, Quota, acquire

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH = 43
_CHECKSUM_LENGTH = 6
_FORM = re.compile(r"luma_[0-9A-Za-z]{49}", re.ASCII)
# Enough for a script that creates a token for each of its jobs.
_MAKING = Limit(count=100, seconds=3600)
# The longest life of a token that is created without a recent password. Longer is as good as without end.
_MAX_DAYS = 365
# Built once, since every request runs it: building takes longer than running.
_HOLDER = (
    select(
        User.id,
        User.role,
        ApiToken.id,
        ApiToken.max_level,
        ApiToken.namespace_ids,
        ApiToken.last_used_at,
        ApiToken.expires_at,
    )
    .join(ApiToken, ApiToken.user_id == User.id)
    .where(
        ApiToken.token_hash == bindparam("token_hash"),
        or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > bindparam("now")),
        is_enabled(),
    )
)


class TokenView(msgspec.Struct, frozen=True):
    """A token without its secret. `last_used_at` is exact to a minute."""

    id: int
    name: str
    namespace_ids: list[int] | None
    max_level: int | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewToken(msgspec.Struct, frozen=True):
    """A new token. Its secret is shown only once."""

    id: int
    name: str
    token: str
    expires_at: datetime | None


def new_secret() -> str:
    """A new token, 54 characters."""
    secret = "luma_" + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_LENGTH))
    return secret + _checksum(secret)


def check_form(secret: str) -> None:
    """Check the format of a token, without the database.

    Raises:
        InvalidTokenError: the format or the checksum is wrong.
    """
    if not _FORM.fullmatch(secret) or not secret.endswith(_checksum(secret[:-_CHECKSUM_LENGTH])):
        raise InvalidTokenError("Malformed token. Copy the whole token, or create a new one.")


async def principal_of_token(connection: AsyncConnection, secret: str) -> Principal:
    """The principal of a bearer token. Records the use, once a minute; the caller commits.

    Raises:
        InvalidTokenError: the token is unknown, revoked or expired.
    """
    now = utcnow()
    found = await connection.execute(_HOLDER, {"token_hash": hash_secret(secret), "now": now})
    row = found.one_or_none()
    if row is None:
        raise InvalidTokenError("The token is unknown, revoked or expired. Create a new one.")
    user_id, role, token_id, max_level, namespace_ids, last_used_at, expires_at = row
    if last_used_at is None or last_used_at <= now - USE_INTERVAL:
        # The condition is repeated, so that only one of several concurrent requests writes.
        await connection.execute(
            update(ApiToken)
            .where(
                ApiToken.id == token_id,
                or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - USE_INTERVAL),
            )
            .values(last_used_at=now)
        )
    return Principal(
        user_id,
        role,
        max_level=max_level or ADMINISTER,
        namespace_ids=frozenset(namespace_ids) if namespace_ids is not None else None,
        token_id=token_id,
        ends_at=expires_at,
    )


async def create_token(
    session: AsyncSession,
    principal: Principal,
    name: str,
    *,
    expires_in_days: int | None = None,
    namespace_ids: list[int] | None = None,
    max_level: int | None = None,
    require_login: bool = True,
) -> NewToken:
    """Create a token for the caller, optionally restricted to some namespaces and a maximum level.

    Without `require_login`, the caller is the command line, which has no session or token that could end.

    Raises:
        ForbiddenError: the caller has a token that is restricted or expires.
        ReauthenticationRequiredError: the token would last longer than `_MAX_DAYS`, and the caller has a
            token, or a session without a recent password.
        NotAuthenticatedError: the session or token has expired in the meantime.
        NotFoundError: the caller can't read one of the namespaces.
        RateLimitedError: the caller created too many tokens in the last hour.
    """
    if principal.is_narrowed:
        raise ForbiddenError("A restricted token can't create tokens. Sign in to create one.")
    if require_login:
        if principal.is_expiring:
            raise ForbiddenError("A token with an expiry date can't create tokens. Sign in to create one.")
        if expires_in_days is None or expires_in_days > _MAX_DAYS:
            require_reauthentication(principal)
        await _require_login(session, principal)
    await acquire(session, Quota(f"token {principal.user_id}", _MAKING))
    if namespace_ids is not None:
        readable = set(
            await session.scalars(
                select(Namespace.id)
                .where(Namespace.id.in_(namespace_ids), Namespace.id.in_(readable_namespaces(principal)))
                # A namespace that is removed concurrently would stay in the token.
                .with_for_update(read=True, key_share=True)
            )
        )
        if unknown := sorted(set(namespace_ids) - readable):
            raise NotFoundError(f"Namespace {unknown[0]} not found, or you have no access to it.")
    secret = new_secret()
    now = utcnow()
    token = ApiToken(
        user_id=principal.user_id,
        name=name,
        token_hash=hash_secret(secret),
        namespace_ids=namespace_ids,
        max_level=max_level,
        created_at=now,
        expires_at=now + timedelta(days=expires_in_days) if expires_in_days is not None else None,
    )
    session.add(token)
    await session.flush()
    await record(
        session,
        "token.created",
        principal.user_id,
        token_id=token.id,
        namespace_ids=namespace_ids,
        max_level=max_level,
    )
    return NewToken(token.id, name, secret, token.expires_at)


async def _require_login(session: AsyncSession, principal: Principal) -> None:
    """Require that no concurrent change of the password has ended the login."""
    await session.execute(select(User.id).where(User.id == principal.user_id).with_for_update(read=True))
    # A separate statement: the one that waited for the lock would not see the change it waited for.
    if principal.session_id is not None:
        found = await session.execute(select(LoginSession.id).where(LoginSession.id == principal.session_id))
    else:
        found = await session.execute(select(ApiToken.id).where(ApiToken.id == principal.token_id))
    if found.one_or_none() is None:
        raise NotAuthenticatedError("The session has expired. Sign in again.")


async def list_tokens(session: AsyncSession, principal: Principal, pagination: Pagination) -> Page[TokenView]:
    """The caller's tokens, oldest first. A restricted token sees only itself."""
    only_id = principal.token_id if principal.is_narrowed else None
    return await tokens_of(session, principal.user_id, pagination, only_id=only_id)


async def tokens_of(
    session: AsyncSession, user_id: int, pagination: Pagination, *, only_id: int | None = None
) -> Page[TokenView]:
    """A user's tokens, oldest first, or one of them."""
    mine = [ApiToken.user_id == user_id]
    if only_id is not None:
        mine.append(ApiToken.id == only_id)
    total = await session.scalar(select(func.count()).select_from(ApiToken).where(*mine))
    tokens = await session.scalars(
        select(ApiToken).where(*mine).order_by(ApiToken.id).limit(pagination.limit).offset(pagination.offset)
    )
    return Page(
        [
            TokenView(
                token.id,
                token.name,
                token.namespace_ids,
                token.max_level,
                token.created_at,
                token.expires_at,
                token.last_used_at,
            )
            for token in tokens
        ],
        total or 0,
    )


async def revoke_token(session: AsyncSession, principal: Principal, token_id: int) -> None:
    """Revoke one of the caller's tokens.

    Raises:
        ForbiddenError: the caller has a restricted token, which can revoke only itself.
        NotFoundError: the caller has no such token.
    """
    if principal.is_narrowed and token_id != principal.token_id:
        raise ForbiddenError("A restricted token can't revoke other tokens. Sign in to revoke them.")
    await revoke_token_of(session, principal.user_id, token_id, actor_id=principal.user_id)


async def revoke_token_of(session: AsyncSession, user_id: int, token_id: int, *, actor_id: int) -> None:
    """Revoke one of a user's tokens.

    Raises:
        NotFoundError: the user has no such token.
    """
    revoked = await session.scalar(
        delete(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == user_id).returning(ApiToken.id)
    )
    if revoked is None:
        raise NotFoundError("This token does not exist, or has been revoked.")
    about = {} if actor_id == user_id else {"user_id": user_id}
    await record(session, "token.revoked", actor_id, token_id=token_id, **about)


def _checksum(text: str) -> str:
    rest, digits = zlib.crc32(text.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
