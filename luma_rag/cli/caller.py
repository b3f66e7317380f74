"""The user on whose behalf a command acts. Anyone who can run commands can read the data directory anyway."""

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal
from luma_rag.accounts.account_status import is_enabled
from luma_rag.db.models import User
from luma_rag.errors import NotFoundError


async def caller(session: AsyncSession, username: str | None) -> Principal:
    """The principal of `username`, or of the first enabled administrator.

    Raises:
        NotFoundError: there is no such user, or no account at all; the message says how to add one.
    """
    statement = select(User).order_by(User.id).limit(1)
    if username is None:
        user = await session.scalar(statement.where(User.role == "admin", is_enabled()))
        if user is None:
            raise NotFoundError(
                "There is no account yet. Add one: luma users add alice alice@example.com --admin"
            )
    else:
        name = username.lower()
        user = await session.scalar(
            statement.where(or_(func.lower(User.username) == name, func.lower(User.email) == name))
        )
        if user is None:
            raise NotFoundError(f"There is no user called {username}. See: luma users list")
    return Principal(user.id, user.role)
