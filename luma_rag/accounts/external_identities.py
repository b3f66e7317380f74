"""Accounts of users who sign in with an OpenID provider.

An account is found by issuer and subject, never by an e-mail address or a name, which can be reassigned. Only
at the first sign-in, and only if the settings allow it, a verified address may match an existing account or
create a new one.
"""

import re
from datetime import datetime
from typing import ClassVar, Protocol

import msgspec
from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag import audit, errors
from luma_rag.accounts.account_status import require_enabled
from luma_rag.accounts.passwords import UNUSABLE
from luma_rag.accounts.sessions import Browser, start_session
from luma_rag.accounts.users import is_email
from luma_rag.db.base import utcnow
from luma_rag.db.models import ExternalIdentity, User
from luma_rag.db.session import Sessions
from luma_rag.errors import LumaError

_MAX_USERNAME = 50


class Identity(msgspec.Struct, frozen=True):
    """A user's identity at a provider. Missing and unusable claims are None.

    `authenticated_at` is when the user last proved it there, which may be long before they came to Luma.
    """

    issuer: str
    subject: str
    email: str | None = None
    is_email_verified: bool = False
    username: str | None = None
    authenticated_at: datetime | None = None


class OpenIDError(LumaError):
    """A failed sign-in with the OpenID provider; `reason` is a short name for the page."""

    status = 403
    reason: ClassVar[str]


class SignInCancelledError(OpenIDError):
    """The user or the OpenID provider cancelled the sign-in.

    Sign in again.
    """

    code = "sign_in_cancelled"
    title = "Sign-in cancelled"
    reason = "cancelled"


class SignInStaleError(OpenIDError):
    """The sign-in has expired, or another one was started later in the same browser.

    Sign in again.
    """

    code = "sign_in_stale"
    title = "Sign-in expired"
    reason = "stale"


class IdentityRefusedError(OpenIDError):
    """The response of the OpenID provider failed validation.

    Sign in again. If the error persists, contact the operator: the client is probably misconfigured.
    """

    code = "sign_in_refused"
    title = "Identity rejected"
    reason = "refused"


class NoAccountError(OpenIDError):
    """The OpenID provider confirmed the identity, but no account belongs to it.

    Ask an administrator for an account.
    """

    code = "sign_in_no_account"
    title = "No account"
    reason = "no-account"


class AccountDisabledError(OpenIDError):
    """The account is disabled.

    Ask an administrator to enable the account.
    """

    code = "sign_in_disabled"
    title = "Account disabled"
    reason = "disabled"


class ProviderUnavailableError(OpenIDError):
    """The OpenID provider is unavailable.

    Sign in with a password, or retry later.
    """

    code = "sign_in_unavailable"
    status = 503
    title = "OpenID provider unavailable"
    reason = "unavailable"


class IdentityProvider(Protocol):
    """Authenticates users. The browser keeps a `secret` that identifies its sign-in."""

    async def authorization_url(self, secret: str, redirect_uri: str, *, reauthenticate: bool = False) -> str:
        """The address to redirect the browser to. It returns to `redirect_uri`.

        `reauthenticate` asks the provider not to rely on an earlier sign-in there.

        Raises:
            ProviderUnavailableError: the provider is unreachable, or its metadata is invalid.
        """
        ...

    async def identity(
        self, secret: str | None, redirect_uri: str, *, state: str | None, code: str | None, error: str | None
    ) -> Identity:
        """The identity of the user who returned with `state` and `code` or `error`.

        Raises:
            SignInStaleError: it is not the latest sign-in of this browser.
            SignInCancelledError: the user or the provider cancelled.
            IdentityRefusedError: the response of the provider is not valid.
            ProviderUnavailableError: the provider is unreachable.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


async def sign_in(
    sessions: Sessions,
    identity: Identity,
    browser: Browser,
    *,
    match_email: bool,
    register: bool,
    days: int,
) -> str:
    """Start a session for the account of an identity. Returns its secret.

    `match_email`: a verified address matches the account with this address. `register`: a verified address
    without an account gets a new one.

    Raises:
        NoAccountError: there is no account for the identity.
        AccountDisabledError: the account is disabled.
    """
    try:
        for is_last_try in (False, True):
            try:
                async with sessions.begin() as session:
                    user_id = await _account(session, identity, match_email=match_email, register=register)
                    await audit.record(session, "sign-in.succeeded", user_id, method="openid")
                    return await start_session(
                        session,
                        user_id,
                        browser,
                        days=days,
                        method="openid",
                        authenticated_at=identity.authenticated_at,
                    )
            except IntegrityError:
                # The same user in two windows: the other one has created the account.
                if is_last_try:
                    raise
    except (NoAccountError, AccountDisabledError) as error:
        async with sessions.begin() as session:
            await audit.record(
                session,
                "sign-in.failed",
                None,
                method="openid",
                reason=error.reason,
                subject=identity.subject,
            )
        raise
    raise AssertionError("unreachable")  # pragma: no cover


async def _account(session: AsyncSession, identity: Identity, *, match_email: bool, register: bool) -> int:
    """The id of the account of an identity."""
    known = select(ExternalIdentity.user_id).where(
        ExternalIdentity.issuer == identity.issuer, ExternalIdentity.subject == identity.subject
    )
    user_id = await session.scalar(known)
    if user_id is None:
        # The same user in two windows: the second finds the account that the first has linked.
        key = f"{identity.issuer} {identity.subject}"
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
        user_id = await session.scalar(known)
    if user_id is None:
        user_id = await _first_time(session, identity, match_email=match_email, register=register)
    try:
        await require_enabled(session, user_id)
    except errors.AccountDisabledError as error:
        raise AccountDisabledError(error.detail) from None
    return user_id


async def _first_time(session: AsyncSession, identity: Identity, *, match_email: bool, register: bool) -> int:
    email = identity.email
    if not (match_email or register):
        raise NoAccountError("No account is linked to this identity. Ask an administrator.")
    if email is None or not identity.is_email_verified or not is_email(email):
        raise NoAccountError(
            "No account is linked to this identity, and the provider has not verified your e-mail address. "
            "Verify it there, or ask an administrator."
        )
    user = await session.scalar(
        select(User).where(func.lower(User.email) == func.lower(email)).with_for_update()
    )
    if user is not None:
        if not match_email:
            raise NoAccountError(
                "An account with your e-mail address exists but is not linked to this identity. Sign in with "
                "its password, or ask an administrator."
            )
        await _require_unlinked(session, user.id, identity.issuer)
    elif register:
        user = await _create(session, identity, email)
    else:
        raise NoAccountError("No account has your e-mail address. Ask an administrator for an account.")
    session.add(
        ExternalIdentity(
            issuer=identity.issuer, subject=identity.subject, user_id=user.id, created_at=utcnow()
        )
    )
    await session.flush()
    await audit.record(
        session, "identity.linked", user.id, user_id=user.id, issuer=identity.issuer, subject=identity.subject
    )
    return user.id


async def _require_unlinked(session: AsyncSession, user_id: int, issuer: str) -> None:
    # Two subjects of one provider with the same address: it was reassigned.
    linked = exists().where(ExternalIdentity.user_id == user_id, ExternalIdentity.issuer == issuer)
    if await session.scalar(select(linked)):
        raise NoAccountError(
            "The account with your e-mail address is linked to another identity. Ask an administrator."
        )


async def _create(session: AsyncSession, identity: Identity, email: str) -> User:
    if not await session.scalar(select(exists().select_from(User))):
        # It would not be an administrator, and would prevent the first one from registering.
        raise NoAccountError("The first account must be an administrator's. Register it with a password.")
    username = await _free_username(session, identity.username or email.partition("@")[0])
    user = User(username=username, email=email, password=UNUSABLE, role="user")
    session.add(user)
    await session.flush()
    await audit.record(session, "account.created", user.id, user_id=user.id, role=user.role)
    return user


async def _free_username(session: AsyncSession, preferred: str) -> str:
    """A valid and unused name similar to the preferred one."""
    valid = re.sub(r"[^\w.\- ]", "-", preferred)[:_MAX_USERNAME].strip(".- ") or "user"
    name, number = valid, 1
    while await session.scalar(select(exists().where(func.lower(User.username) == func.lower(name)))):
        number += 1
        ending = f"-{number}"
        name = valid[: _MAX_USERNAME - len(ending)] + ending
    return name
