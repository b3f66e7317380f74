"""User accounts: who may register, and what administrators do."""

import re
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import delete, exists, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal
from luma_rag.accounts.passwords import hash_password, verify_password
from luma_rag.db.base import utcnow
from luma_rag.db.models import ApiToken, Document, LoginSession, Namespace, User
from luma_rag.db.session import Sessions
from luma_rag.errors import ConflictError, FieldError, ForbiddenError, InvalidInputError, NotFoundError
from luma_rag.paging import Items, Paging

Role = Literal["admin", "user"]
# Without "@", so that a name can't be another user's address at sign-in.
_USERNAME = re.compile(r"[\w][\w.\- ]{0,48}[\w]|[\w]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_FIRST_ACCOUNT_LOCK = 0x4C55_4D42


class UserView(msgspec.Struct, frozen=True):
    """A user as others get to see it. Never a password, nor its hash."""

    id: int
    username: str
    email: str
    role: str
    created_at: datetime
    updated_at: datetime


class UserName(msgspec.Struct, frozen=True):
    """Enough of a user to share something with them."""

    id: int
    username: str


def view(user: User) -> UserView:
    """The public part of a user."""
    return UserView(user.id, user.username, user.email, user.role, user.created_at, user.updated_at)


async def register(
    sessions: Sessions, username: str, email: str, password: str, *, is_open: bool
) -> UserView:
    """A new account. The first one of an empty database is an admin's; later ones need open registration.

    Raises:
        ForbiddenError: registration is closed.
        ConflictError, InvalidInputError: see `create`.
    """
    async with sessions.begin() as session:
        if not is_open and await session.scalar(select(exists().select_from(User))):
            raise ForbiddenError("Registration is closed. Ask an administrator for an account.")
    hashed = await _checked_hash(username, email, password)
    async with sessions.begin() as session:
        # Two people who register first at the same moment must not both become admin.
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FIRST_ACCOUNT_LOCK})
        is_first = not await session.scalar(select(exists().select_from(User)))
        if not is_open and not is_first:
            raise ForbiddenError("Registration is closed. Ask an administrator for an account.")
        return await _insert(session, username, email, hashed, "admin" if is_first else "user")


async def create(sessions: Sessions, username: str, email: str, password: str, role: Role) -> UserView:
    """A new account, made by an administrator.

    Raises:
        ConflictError: the name or the address is taken.
        InvalidInputError: name, address or password do not fit.
    """
    hashed = await _checked_hash(username, email, password)
    async with sessions.begin() as session:
        return await _insert(session, username, email, hashed, role)


async def change_password(sessions: Sessions, principal: Principal, current: str, new: str) -> None:
    """Change the caller's own password. All their other sessions and all their tokens end.

    Raises:
        ForbiddenError: the current password is wrong, or the caller holds a narrowed token.
    """
    if principal.is_narrowed:
        raise ForbiddenError("A narrowed token can't change the password. Sign in to do so.")
    async with sessions.begin() as session:
        hashed = await session.scalar(select(User.password).where(User.id == principal.user_id))
    if not await verify_password(hashed, current):
        raise ForbiddenError("The current password is not right.")
    await _set_password(sessions, principal.user_id, new, keep_session=principal.session_id)


async def update(sessions: Sessions, user_id: int, *, role: Role | None, password: str | None) -> UserView:
    """Change a user's role or reset their password, as an administrator.

    Raises:
        ConflictError: it would take the role from the last administrator.
    """
    if password is not None:
        await _set_password(sessions, user_id, password, keep_session=None)
    async with sessions.begin() as session:
        user = await _get(session, user_id)
        if role is not None and role != user.role:
            if user.role == "admin":
                await _keep_an_admin(session, user_id)
            user.role = role
            user.updated_at = utcnow()
        return view(user)


async def remove(session: AsyncSession, user_id: int) -> None:
    """Remove a user with their chats, sessions and tokens.

    Raises:
        ConflictError: they are the last administrator, or still own namespaces or documents.
    """
    user = await _get(session, user_id)
    await _keep_an_admin(session, user_id)
    namespaces, documents = (
        await session.execute(
            select(
                select(func.count()).where(Namespace.user_id == user_id).scalar_subquery(),
                select(func.count()).where(Document.user_id == user_id).scalar_subquery(),
            )
        )
    ).one()
    if namespaces or documents:
        raise ConflictError(
            f"{user.username} owns {namespaces} namespaces and {documents} documents; delete them first."
        )
    await session.delete(user)
    await session.flush()


async def get(session: AsyncSession, user_id: int) -> UserView:
    """One user."""
    return view(await _get(session, user_id))


async def list_users(session: AsyncSession, paging: Paging) -> Items[UserView]:
    """All users, by id."""
    total = await session.scalar(select(func.count()).select_from(User))
    users = await session.scalars(select(User).order_by(User.id).limit(paging.limit).offset(paging.offset))
    return Items([view(user) for user in users], total or 0)


async def lookup(session: AsyncSession, username: str) -> UserName:
    """The user of exactly this name.

    Raises:
        NotFoundError: nobody has it.
    """
    user = await session.scalar(select(User).where(func.lower(User.username) == username.lower()))
    if user is None:
        raise NotFoundError(f"There is no user called {username}.")
    return UserName(user.id, user.username)


async def _checked_hash(username: str, email: str, password: str) -> str:
    errors = []
    if not _USERNAME.fullmatch(username):
        errors.append(FieldError("username", "1 to 50 letters, digits, spaces or any of . _ -"))
    if len(email) > 255 or not _EMAIL.fullmatch(email):
        errors.append(FieldError("email", "must be an e-mail address"))
    if errors:
        raise InvalidInputError("The account can't be made like this; see errors.", errors=errors)
    return await hash_password(password)


async def _insert(session: AsyncSession, username: str, email: str, hashed: str, role: Role) -> UserView:
    user = User(username=username, email=email, password=hashed, role=role)
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as error:
        field = "email" if "email" in str(error.orig) else "username"
        raise ConflictError(f"This {field} is taken; choose another.") from None
    await session.refresh(user)
    return view(user)


async def _set_password(sessions: Sessions, user_id: int, password: str, *, keep_session: int | None) -> None:
    hashed = await hash_password(password)
    async with sessions.begin() as session:
        user = await _get(session, user_id)
        user.password = hashed
        user.updated_at = utcnow()
        await session.execute(delete(ApiToken).where(ApiToken.user_id == user_id))
        await session.execute(
            delete(LoginSession).where(
                LoginSession.user_id == user_id, LoginSession.id.is_distinct_from(keep_session)
            )
        )


async def _get(session: AsyncSession, user_id: int) -> User:
    user = await session.get(User, user_id)
    if user is None:
        raise NotFoundError(f"There is no user {user_id}.")
    return user


async def _keep_an_admin(session: AsyncSession, user_id: int) -> None:
    # Locks the admins, so that two can't step down at the same moment.
    admins = await session.scalars(select(User.id).where(User.role == "admin").with_for_update())
    if set(admins) == {user_id}:
        raise ConflictError("This is the last administrator; make somebody else one first.")
