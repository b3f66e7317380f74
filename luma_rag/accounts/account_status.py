"""Disabled accounts, and the rule that an administrator with an enabled account always remains."""

from sqlalchemy import ColumnElement, delete, exists, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.audit import record
from luma_rag.db.base import utcnow
from luma_rag.db.models import DisabledAccount, LoginSession, User
from luma_rag.errors import AccountDisabledError, ConflictError

_LOCK = 0x4C55_4D42


async def lock_accounts(session: AsyncSession) -> None:
    """Serialize transactions that change the set of administrators."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def is_enabled() -> ColumnElement[bool]:
    """A condition: the account of the `User` in the enclosing statement is enabled."""
    return ~exists().where(DisabledAccount.user_id == User.id)


async def require_enabled(session: AsyncSession, user_id: int) -> None:
    """Require that an account is enabled and stays so until the end of the transaction.

    Raises:
        AccountDisabledError: it is disabled.
    """
    locked = select(User.id).where(User.id == user_id).with_for_update(read=True, key_share=True)
    await session.execute(locked)
    # A separate statement: the one that waited for the lock may not see the change it waited for.
    if await session.scalar(select(exists().where(DisabledAccount.user_id == user_id))):
        raise AccountDisabledError("The account is disabled. Ask an administrator to enable it.")


async def set_disabled(
    session: AsyncSession, user_id: int, *, is_disabled: bool, actor_id: int | None
) -> None:
    """Disable an account, which ends its sessions and suspends its tokens, or enable it.

    Raises:
        ConflictError: it is the last enabled account of an administrator.
    """
    if not is_disabled:
        enabled = delete(DisabledAccount).where(DisabledAccount.user_id == user_id)
        if await session.scalar(enabled.returning(DisabledAccount.user_id)) is not None:
            await record(session, "account.enabled", actor_id, user_id=user_id)
        return
    await keep_an_admin(session, user_id)
    # A concurrent sign-in waits for this lock and is then rejected.
    await session.execute(select(User.id).where(User.id == user_id).with_for_update())
    disabled = await session.scalar(
        insert(DisabledAccount)
        .values(user_id=user_id, disabled_at=utcnow())
        .on_conflict_do_nothing()
        .returning(DisabledAccount.user_id)
    )
    await session.execute(delete(LoginSession).where(LoginSession.user_id == user_id))
    if disabled is not None:
        await record(session, "account.disabled", actor_id, user_id=user_id)


async def keep_an_admin(session: AsyncSession, user_id: int) -> None:
    """Require that an administrator remains without this user. The accounts must be locked.

    Raises:
        ConflictError: none would remain.
    """
    admins = await session.scalars(select(User.id).where(User.role == "admin", is_enabled()))
    if set(admins) == {user_id}:
        raise ConflictError(
            "This is the last administrator with an enabled account. Promote another user first."
        )
