"""User accounts: registration and administration."""

import re
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal
from luma_rag.accounts.account_status import is_enabled, keep_an_admin, lock_accounts, set_disabled
from luma_rag.accounts.passwords import find_objection, hash_password, verify_password
from luma_rag.audit import record, set_actor
from luma_rag.db.base import utcnow
from luma_rag.db.errors import violated_constraint
from luma_rag.db.models import (
    ApiToken,
    Document,
    LoginSession,
    Namespace,
    SecondFactor,
    TemporaryPassword,
    User,
)
from luma_rag.db.session import Sessions
from luma_rag.errors import ConflictError, FieldError, ForbiddenError, InvalidInputError, NotFoundError
from luma_rag.pagination import Page, Pagination

Role = Literal["admin", "user"]
Registering = Literal["first", "open", "closed"]
# Without "@", so that a name can't equal another user's e-mail address at sign-in.
_USERNAME = re.compile(r"[\w][\w.\- ]{0,48}[\w]|[\w]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_MAX_EMAIL = 255
# The field of each constraint.
_UNIQUE = {
    "uq_users_username": "username",
    "ux_users_username_lower": "username",
    "uq_users_email": "email",
    "ux_users_email_lower": "email",
}


class UserView(msgspec.Struct, frozen=True):
    """The public part of a user. It never has a password or a hash."""

    id: int
    username: str
    email: str
    role: str
    created_at: datetime
    updated_at: datetime


class AccountView(UserView, frozen=True):
    """A user for administrators, with the state of the account and the numbers of owned resources."""

    is_disabled: bool
    must_change_password: bool
    has_second_factor: bool
    namespaces: int
    documents: int


class UserName(msgspec.Struct, frozen=True):
    """A user to share something with."""

    id: int
    username: str


def view(user: User) -> UserView:
    """The public part of a user."""
    return UserView(user.id, user.username, user.email, user.role, user.created_at, user.updated_at)


async def register(
    sessions: Sessions, username: str, email: str, password: str, *, registering: Registering
) -> UserView:
    """Register an account.

    `registering` is `first` (only the first account of an empty database, which becomes an administrator),
    `open` (later ones too) or `closed`.

    Raises:
        ForbiddenError: registration is closed.
        ConflictError, InvalidInputError: see `create`.
    """
    async with sessions.begin() as session:
        await _may_register(session, registering)
    hashed = await _checked_hash(username, email, password)
    async with sessions.begin() as session:
        # Two concurrent first registrations must not both create an administrator.
        await lock_accounts(session)
        is_first = await _may_register(session, registering)
        user = await _insert(session, username, email, hashed, "admin" if is_first else "user")
        await _record_creation(session, user, user.id)
        return view(user)


async def create(
    sessions: Sessions,
    username: str,
    email: str,
    password: str,
    role: Role,
    *,
    actor_id: int | None = None,
    is_temporary: bool = False,
) -> AccountView:
    """Create an account, as the administrator `actor_id` or from the command line.

    A temporary password must be changed at the first sign-in.

    Raises:
        ConflictError: the name or the address is taken.
        InvalidInputError: the name, address or password is invalid.
    """
    hashed = await _checked_hash(username, email, password)
    async with sessions.begin() as session:
        user = await _insert(session, username, email, hashed, role)
        if is_temporary:
            session.add(TemporaryPassword(user_id=user.id, set_at=utcnow()))
            await session.flush()
        await _record_creation(session, user, actor_id)
        return await get_account(session, user.id)


def may_change_password(principal: Principal) -> None:
    """Require that the caller has no token that is restricted or expires.

    Raises:
        ForbiddenError: it has one.
    """
    if principal.is_narrowed or principal.is_expiring:
        raise ForbiddenError(
            "A token that is restricted or expires can't change the password. Sign in to change it."
        )


async def change_password(sessions: Sessions, principal: Principal, current: str, new: str) -> None:
    """Change the caller's password. Their other sessions and all their tokens end.

    Raises:
        ForbiddenError: the current password is wrong.
        InvalidInputError: the new password breaks a rule, or is the current one.
    """
    async with sessions.begin() as session:
        user = await find(session, principal.user_id)
    verified = user.password
    if not await verify_password(verified, current):
        raise ForbiddenError("Invalid current password.")
    if new == current:
        message = "must differ from the current one"
        raise InvalidInputError(f"The new password {message}.", errors=[FieldError("new", message)])
    hashed = await hash_password(new, user.username, user.email, field="new")
    async with sessions.begin() as session:
        # A concurrent reset by an administrator must not be overwritten by a user with the old password.
        unchanged = select(User).where(User.id == principal.user_id, User.password == verified)
        changing = await session.scalar(unchanged.with_for_update())
        if changing is None:
            raise ForbiddenError("The password was just changed. Sign in again.")
        user = changing
        await _set_password(session, user, hashed, keep_session=principal.session_id)
        await record(session, "password.changed", user.id, user_id=user.id)


async def update(
    sessions: Sessions,
    user_id: int,
    *,
    role: Role | None = None,
    password: str | None = None,
    is_disabled: bool | None = None,
    actor_id: int | None = None,
    is_temporary: bool = False,
) -> AccountView:
    """Change a user's role, reset their password, or disable or enable their account; None leaves as is.

    Atomic. Done as the administrator `actor_id` or from the command line. A temporary password must be
    changed at the next sign-in.

    Raises:
        ConflictError: no administrator with an enabled account would remain.
        InvalidInputError: the password breaks a rule.
    """
    hashed = None
    if password is not None:
        async with sessions.begin() as session:
            user = await find(session, user_id)
        hashed = await hash_password(password, user.username, user.email)
    async with sessions.begin() as session:
        await lock_accounts(session)
        user = await find(session, user_id)
        if hashed is not None:
            await _set_password(session, user, hashed, keep_session=None)
            if is_temporary:
                session.add(TemporaryPassword(user_id=user_id, set_at=utcnow()))
            await record(session, "password.reset", actor_id, user_id=user_id)
        if role is not None and role != user.role:
            if role != "admin":
                await keep_an_admin(session, user_id)
            await set_actor(session, actor_id)
            user.role = role
            user.updated_at = utcnow()
            await record(session, "account.role-changed", actor_id, user_id=user_id, role=role)
        await session.flush()
        if is_disabled is not None:
            await set_disabled(session, user_id, is_disabled=is_disabled, actor_id=actor_id)
        return await get_account(session, user_id)


async def get(session: AsyncSession, user_id: int) -> UserView:
    """One user."""
    return view(await find(session, user_id))


async def get_account(session: AsyncSession, user_id: int) -> AccountView:
    """One user, for administrators."""
    row = (await session.execute(_accounts().where(User.id == user_id))).one_or_none()
    if row is None:
        raise NotFoundError("This user does not exist.")
    return _account(*row)


async def list_users(session: AsyncSession, pagination: Pagination) -> Page[AccountView]:
    """All users, by id."""
    total = await session.scalar(select(func.count()).select_from(User))
    rows = await session.execute(
        _accounts().order_by(User.id).limit(pagination.limit).offset(pagination.offset)
    )
    return Page([_account(*row) for row in rows], total or 0)


async def all_accounts(session: AsyncSession) -> list[AccountView]:
    """All users in one list, by id."""
    return [_account(*row) for row in await session.execute(_accounts().order_by(User.id))]


async def lookup(session: AsyncSession, username: str) -> UserName:
    """The user with exactly this name.

    Raises:
        NotFoundError: there is no such user.
    """
    user = await session.scalar(select(User).where(User.username == username))
    if user is None:
        raise NotFoundError(f"User {username} not found.")
    return UserName(user.id, user.username)


async def find(session: AsyncSession, user_id: int) -> User:
    """The row of a user.

    Raises:
        NotFoundError: there is no such user.
    """
    user = await session.get(User, user_id)
    if user is None:
        raise NotFoundError("This user does not exist.")
    return user


async def can_register(session: AsyncSession, registering: Registering) -> bool:
    """Whether registration is possible now."""
    try:
        await _may_register(session, registering)
    except ForbiddenError:
        return False
    return True


async def is_empty(session: AsyncSession) -> bool:
    """Whether there is no account yet."""
    return not await session.scalar(select(exists().select_from(User)))


async def _may_register(session: AsyncSession, registering: Registering) -> bool:
    """Whether the account is the first. Raises `ForbiddenError` if registration is closed."""
    is_first = await is_empty(session)
    if registering == "closed" and is_first:
        raise ForbiddenError(
            "Registration is closed. Create the first account on the server: "
            "luma users add NAME EMAIL --admin"
        )
    if registering == "closed" or (registering == "first" and not is_first):
        raise ForbiddenError("Registration is closed. Ask an administrator for an account.")
    return is_first


def is_email(text: str) -> bool:
    """Whether a text has the format of an e-mail address."""
    return len(text) <= _MAX_EMAIL and text.isprintable() and _EMAIL.fullmatch(text) is not None


async def _checked_hash(username: str, email: str, password: str) -> str:
    errors = []
    if not _USERNAME.fullmatch(username):
        errors.append(FieldError("username", "must have 1 to 50 letters, digits, spaces or any of . _ -"))
    if not is_email(email):
        errors.append(FieldError("email", "must be an e-mail address"))
    if not errors:
        return await hash_password(password, username, email)
    if objection := await find_objection(password, username, email):
        errors.append(FieldError("password", objection))
    raise InvalidInputError("Invalid account.", errors=errors)


async def _insert(session: AsyncSession, username: str, email: str, hashed: str, role: Role) -> User:
    user = User(username=username, email=email, password=hashed, role=role)
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as error:
        field = _UNIQUE.get(violated_constraint(error) or "")
        if field is None:
            raise
        raise ConflictError(f"This {field} is already taken. Choose another one.") from None
    await session.refresh(user)
    return user


async def _record_creation(session: AsyncSession, user: User, actor_id: int | None) -> None:
    await record(session, "account.created", actor_id, user_id=user.id, role=user.role)


async def _set_password(session: AsyncSession, user: User, hashed: str, *, keep_session: int | None) -> None:
    user.password = hashed
    user.updated_at = utcnow()
    await session.execute(delete(TemporaryPassword).where(TemporaryPassword.user_id == user.id))
    await session.execute(delete(ApiToken).where(ApiToken.user_id == user.id))
    await session.execute(
        delete(LoginSession).where(
            LoginSession.user_id == user.id, LoginSession.id.is_distinct_from(keep_session)
        )
    )


def _accounts() -> Select[User, bool, bool, bool, int, int]:
    return select(
        User,
        ~is_enabled(),
        exists().where(TemporaryPassword.user_id == User.id),
        exists().where(SecondFactor.user_id == User.id, SecondFactor.confirmed_at.is_not(None)),
        select(func.count()).select_from(Namespace).where(Namespace.user_id == User.id).scalar_subquery(),
        select(func.count()).select_from(Document).where(Document.user_id == User.id).scalar_subquery(),
    )


def _account(
    user: User,
    is_disabled: bool,
    must_change_password: bool,
    has_second_factor: bool,
    namespaces: int,
    documents: int,
) -> AccountView:
    return AccountView(
        **msgspec.structs.asdict(view(user)),
        is_disabled=is_disabled,
        must_change_password=must_change_password,
        has_second_factor=has_second_factor,
        namespaces=namespaces,
        documents=documents,
    )
