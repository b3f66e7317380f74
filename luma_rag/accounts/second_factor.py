"""Second factors: codes of an authenticator app (TOTP, RFC 6238), and recovery codes in their place.

A code is accepted once. Recovery codes are stored as hashes. The key of an authenticator can't be, since the
server computes its codes, too.
"""

import base64
import hmac
import secrets
import time

import msgspec
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import ColumnElement, SQLColumnExpression, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.accounts.sessions import hash_secret
from luma_rag.audit import record
from luma_rag.db.base import utcnow
from luma_rag.db.models import RecoveryCode, SecondFactor
from luma_rag.errors import ConflictError, InvalidCodeError, NotFoundError, TOTPRequiredError
from luma_rag.rate_limits import Limit, Quota

_STEP_SECONDS = 30
_DIGITS = 6
_KEY_BYTES = 20
# Steps before and after the present one, for clocks that differ.
_TOLERANCE = 1
_RECOVERY_CODES = 10
_RECOVERY_BYTES = 10
_ISSUER = "Luma"
# Limits guessing after the password is known: 3 of 1,000,000 codes are valid at a time.
_GUESSES = Limit(count=10, seconds=3600)


class NewSecondFactor(msgspec.Struct, frozen=True):
    """The key of an authenticator, in base 32, and the same as a URI to scan. It is shown only once."""

    secret: str
    uri: str


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Codes for when the authenticator is lost. Each works once. They are shown only once."""

    recovery_codes: list[str]


def guesses_quota(user_id: int) -> Quota:
    """The quota for wrong codes of a user."""
    return Quota(f"code {user_id}", _GUESSES)


def is_confirmed(user_id: SQLColumnExpression[int] | int) -> ColumnElement[bool]:
    """A condition: a user has a second factor."""
    return exists().where(SecondFactor.user_id == user_id, SecondFactor.confirmed_at.is_not(None))


async def begin(session: AsyncSession, user_id: int, username: str) -> NewSecondFactor:
    """Create a key for a user's authenticator. It takes effect when `confirm` accepts a code.

    Raises:
        ConflictError: the user has a second factor.
    """
    key = secrets.token_bytes(_KEY_BYTES)
    values = {"key": key, "created_at": utcnow(), "last_step": 0}
    stored = await session.scalar(
        insert(SecondFactor)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(
            index_elements=["user_id"], set_=values, where=SecondFactor.confirmed_at.is_(None)
        )
        .returning(SecondFactor.user_id)
    )
    if stored is None:
        raise ConflictError("The account has a second factor. Remove it first: DELETE /api/auth/totp.")
    secret = base64.b32encode(key).decode()
    return NewSecondFactor(secret, _totp(key).get_provisioning_uri(username, _ISSUER))


async def confirm(session: AsyncSession, user_id: int, code: str) -> RecoveryCodes:
    """Confirm the key of `begin` with a code of the authenticator. Returns new recovery codes.

    Raises:
        NotFoundError: there is no key to confirm.
        InvalidCodeError: the code is wrong.
    """
    unconfirmed = select(exists().where(SecondFactor.user_id == user_id, SecondFactor.confirmed_at.is_(None)))
    if not await session.scalar(unconfirmed):
        raise NotFoundError("There is no second factor to confirm. Begin again.")
    if not await _accepts_totp(session, user_id, code):
        raise _wrong_code()
    await session.execute(
        update(SecondFactor).where(SecondFactor.user_id == user_id).values(confirmed_at=utcnow())
    )
    codes = [_new_recovery_code() for _ in range(_RECOVERY_CODES)]
    await session.execute(
        insert(RecoveryCode),
        [{"user_id": user_id, "code_hash": hash_secret(_normalized(recovery))} for recovery in codes],
    )
    await record(session, "second-factor.added", user_id, user_id=user_id)
    return RecoveryCodes(codes)


async def remove(session: AsyncSession, user_id: int, *, actor_id: int | None) -> None:
    """Remove a user's second factor with its recovery codes.

    Raises:
        NotFoundError: the user has none.
    """
    removed = delete(SecondFactor).where(SecondFactor.user_id == user_id).returning(SecondFactor.user_id)
    if await session.scalar(removed) is None:
        raise NotFoundError("The account has no second factor.")
    await record(session, "second-factor.removed", actor_id, user_id=user_id)


async def require_code(session: AsyncSession, user_id: int, code: str | None) -> None:
    """Use up a code of a user who has a second factor.

    Raises:
        TOTPRequiredError: there is no code.
        InvalidCodeError: it is wrong or was used before.
    """
    if not code:
        raise TOTPRequiredError("Enter the code of your authenticator, or a recovery code.")
    if await _accepts_totp(session, user_id, code):
        return
    used = delete(RecoveryCode).where(
        RecoveryCode.user_id == user_id, RecoveryCode.code_hash == hash_secret(_normalized(code))
    )
    if await session.scalar(used.returning(RecoveryCode.user_id)) is None:
        raise _wrong_code()
    await record(session, "recovery-code.used", user_id, user_id=user_id)


async def _accepts_totp(session: AsyncSession, user_id: int, code: str) -> bool:
    """Whether a code is right and new; it is then used up."""
    key = await session.scalar(select(SecondFactor.key).where(SecondFactor.user_id == user_id))
    step = None if key is None else _step_of(key, _normalized(code))
    if step is None:
        return False
    # One statement, so that of two requests with the same code only one succeeds.
    used = (
        update(SecondFactor)
        .where(SecondFactor.user_id == user_id, SecondFactor.last_step < step)
        .values(last_step=step)
        .returning(SecondFactor.user_id)
    )
    return await session.scalar(used) is not None


def _step_of(key: bytes, code: str) -> int | None:
    """The time step of a code, None if it is wrong."""
    totp, now = _totp(key), int(time.time()) // _STEP_SECONDS
    for step in range(now - _TOLERANCE, now + _TOLERANCE + 1):
        if hmac.compare_digest(totp.generate(step * _STEP_SECONDS), code.encode()):
            return step
    return None


def _totp(key: bytes) -> TOTP:
    # Authenticator apps ignore other hashes than SHA-1, which is sound in HMAC.
    return TOTP(key, _DIGITS, SHA1(), _STEP_SECONDS)  # noqa: S303  # nosec B303


def _new_recovery_code() -> str:
    digits = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def _normalized(code: str) -> str:
    """A code as people type it, without spaces and dashes."""
    return "".join(character for character in code.lower() if character.isalnum())


def _wrong_code() -> InvalidCodeError:
    return InvalidCodeError("The code is wrong or was used before. Enter the next one.")
