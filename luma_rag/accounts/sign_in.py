"""Sign-in with a user name or e-mail address and a password."""

import hashlib
import ipaddress

import msgspec
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal
from luma_rag.accounts.account_status import require_enabled
from luma_rag.accounts.passwords import verify_password
from luma_rag.accounts.second_factor import guesses_quota, is_confirmed, require_code
from luma_rag.accounts.sessions import Browser, renew_session, start_session
from luma_rag.accounts.users import UserView, find, view
from luma_rag.audit import record
from luma_rag.db.models import User
from luma_rag.db.session import Sessions
from luma_rag.errors import (
    AccountDisabledError,
    ForbiddenError,
    InvalidCredentialsError,
    LumaError,
    NotAuthenticatedError,
    RateLimitedError,
)
from luma_rag.rate_limits import Limit, Quota, acquire, count_failure

# Failures only. Several users may share an address; nobody shares an account.
_OF_ACCOUNT = Limit(count=10, seconds=300)
_OF_ADDRESS = Limit(count=50, seconds=300)
_REGISTRATIONS = Limit(count=20, seconds=3600)
_UNKNOWN_NAMES = Limit(count=600, seconds=3600)


class SignedIn(msgspec.Struct, frozen=True):
    """A new session. `secret` goes into the cookie and is not stored."""

    user: UserView
    secret: str


async def sign_in(
    sessions: Sessions, username: str, password: str, browser: Browser, *, days: int, code: str | None = None
) -> SignedIn:
    """Start a session for the user with this name or e-mail address.

    Raises:
        InvalidCredentialsError: with the same message and timing for an unknown user and a wrong password;
            or the password is right, and the code of the second factor is wrong.
        TOTPRequiredError: the password is right, and the second factor needs a code.
        AccountDisabledError: the password is right, but the account is disabled.
        RateLimitedError: too many failures for this name or address. The password was not checked.
    """
    who = username.lower()
    async with count_failure(
        sessions,
        # By the typed name, whether or not the account exists: otherwise the limit would reveal it.
        Quota(f"sign-in of {_hashed(who)}", _OF_ACCOUNT),
        Quota(f"sign-in from {_hashed(network(browser.address))}", _OF_ADDRESS),
    ):
        async with sessions.begin() as session:
            named = or_(func.lower(User.username) == who, func.lower(User.email) == who)
            found = await session.execute(select(User, is_confirmed(User.id)).where(named))
            user, has_second_factor = found.one_or_none() or (None, False)
        try:
            if not await verify_password(user.password if user else None, password) or user is None:
                raise _wrong_password()
            async with (
                count_failure(sessions, *_guesses(user.id, code if has_second_factor else None)),
                sessions.begin() as session,
            ):
                await _require_same_password(session, user)
                await require_enabled(session, user.id)
                if has_second_factor:
                    await require_code(session, user.id, code)
                secret = await start_session(session, user.id, browser, days=days)
                await record(session, "sign-in.succeeded", user.id, method="password")
                return SignedIn(view(user), secret)
        except (NotAuthenticatedError, AccountDisabledError, RateLimitedError) as error:
            await _record_failure(sessions, user, error)
            raise


async def reauthenticate(sessions: Sessions, principal: Principal, password: str, code: str | None) -> None:
    """Record that the user of a session has entered their password again.

    Raises:
        InvalidCredentialsError: the password or the code is wrong.
        TOTPRequiredError: the password is right, and the second factor needs a code.
        RateLimitedError: too many failures.
    """
    async with count_failure(sessions, password_quota(principal.user_id)):
        async with sessions.begin() as session:
            user = await find(session, principal.user_id)
            has_second_factor = await session.scalar(select(is_confirmed(user.id)))
        try:
            if not await verify_password(user.password, password):
                raise InvalidCredentialsError("Invalid password.")
            async with (
                count_failure(sessions, *_guesses(user.id, code if has_second_factor else None)),
                sessions.begin() as session,
            ):
                await _require_same_password(session, user)
                if has_second_factor:
                    await require_code(session, user.id, code)
                await renew_session(session, principal)
                await record(session, "session.reauthenticated", user.id, session_id=principal.session_id)
        except InvalidCredentialsError:
            async with sessions.begin() as session:
                about = {"session_id": principal.session_id}
                await record(session, "session.reauthentication-failed", user.id, **about)
            raise


async def _require_same_password(session: AsyncSession, user: User) -> None:
    """Require an unchanged password since `user` was read, and lock it until the end of the transaction."""
    # Locked and compared: a session must not outlive a concurrent change of the password.
    unchanged = select(User.id).where(User.id == user.id, User.password == user.password)
    if await session.scalar(unchanged.with_for_update(read=True)) is None:
        raise _wrong_password()


def _guesses(user_id: int, code: str | None) -> tuple[Quota, ...]:
    return (guesses_quota(user_id),) if code else ()


def may_reauthenticate(principal: Principal) -> None:
    """Require a session.

    Raises:
        ForbiddenError: the caller has a token.
    """
    if principal.session_id is None:
        raise ForbiddenError("A token has no session to confirm. Sign in with your password.")


async def _record_failure(sessions: Sessions, user: User | None, error: LumaError) -> None:
    """Record a refused sign-in.

    Guesses at names of no account are recorded up to a limit: otherwise they could fill the disk. Those at
    accounts have their own limit.
    """
    # Only the id of the account, not the typed name: users sometimes type their password there.
    about: dict[str, int | str | None] = {"user_id": user.id if user else None}
    if error.code != InvalidCredentialsError.code:
        about["reason"] = error.code
    try:
        async with sessions.begin() as session:
            if user is None:
                await acquire(session, Quota("audit of unknown names", _UNKNOWN_NAMES))
            await record(session, "sign-in.failed", None, method="password", **about)
    except RateLimitedError:
        return


def _wrong_password() -> InvalidCredentialsError:
    return InvalidCredentialsError("Invalid user name or password.")


def registration_quota(address: str | None) -> Quota:
    """The quota for registrations from an address: each costs a hash and creates an account."""
    return Quota(f"registration from {_hashed(network(address))}", _REGISTRATIONS)


def password_quota(user_id: int) -> Quota:
    """The quota for attempts to change a user's password."""
    return Quota(f"password {user_id}", _OF_ACCOUNT)


def network(address: str | None) -> str:
    """The unit that counts as one address: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip), 64), strict=False))
    return str(ip)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
