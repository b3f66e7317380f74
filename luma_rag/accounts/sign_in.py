"""Sign-in with a user name or e-mail address and a password."""

import hashlib
import ipaddress

import msgspec
from sqlalchemy import func, or_, select

from luma_rag.accounts.account_status import require_enabled
from luma_rag.accounts.passwords import verify_password
from luma_rag.accounts.sessions import Browser, start_session
from luma_rag.accounts.users import UserView, view
from luma_rag.audit import record
from luma_rag.db.models import User
from luma_rag.db.session import Sessions
from luma_rag.errors import InvalidCredentialsError
from luma_rag.rate_limits import Limit, Quota, count_failure

# Failures only. Several users may share an address; nobody shares an account.
_OF_ACCOUNT = Limit(count=10, seconds=300)
_OF_ADDRESS = Limit(count=50, seconds=300)
_REGISTRATIONS = Limit(count=20, seconds=3600)


class SignedIn(msgspec.Struct, frozen=True):
    """A new session. `secret` goes into the cookie and is not stored."""

    user: UserView
    secret: str


async def sign_in(
    sessions: Sessions, username: str, password: str, browser: Browser, *, days: int
) -> SignedIn:
    """Start a session for the user with this name or e-mail address.

    Raises:
        InvalidCredentialsError: with the same message and timing for an unknown user and a wrong password.
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
        return await _sign_in(sessions, who, password, browser, days)


async def _sign_in(sessions: Sessions, who: str, password: str, browser: Browser, days: int) -> SignedIn:
    async with sessions.begin() as session:
        user = await session.scalar(
            select(User).where(or_(func.lower(User.username) == who, func.lower(User.email) == who))
        )
    if await verify_password(user.password if user else None, password) and user is not None:
        async with sessions.begin() as session:
            # Locked and compared: a session must not outlive a concurrent change of the password.
            unchanged = select(User.id).where(User.id == user.id, User.password == user.password)
            if await session.scalar(unchanged.with_for_update(read=True)) is not None:
                await require_enabled(session, user.id)
                secret = await start_session(session, user.id, browser, days=days)
                await record(session, "sign-in.succeeded", user.id, method="password")
                return SignedIn(view(user), secret)
    async with sessions.begin() as session:
        # Only the id of the account, not the typed name: users sometimes type their password there.
        await record(session, "sign-in.failed", None, method="password", user_id=user.id if user else None)
    raise InvalidCredentialsError("Invalid user name or password.")


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
