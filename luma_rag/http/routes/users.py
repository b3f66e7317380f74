"""Users, for administrators; and looking one up to share something."""

import asyncio

from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from luma_rag.access import require_admin
from luma_rag.accounts import removal, users
from luma_rag.accounts.users import AccountView, UserName
from luma_rag.http.dependencies import Caller, PaginationDependency, RuntimeDependency, Session
from luma_rag.http.input import NewUser, UserChange
from luma_rag.http.openapi import problems
from luma_rag.http.parameters import HandTo, Id, OfContents, OfName
from luma_rag.pagination import Page


@get("/")
async def list_users(
    session: Session, principal: Caller, pagination: PaginationDependency
) -> Page[AccountView]:
    """All users, by id."""
    require_admin(principal)
    return await users.list_users(session, pagination)


@post("/", responses=problems(409))
async def create_user(data: JSONBody[NewUser], principal: Caller, runtime: RuntimeDependency) -> AccountView:
    """Make an account for somebody."""
    require_admin(principal)
    return await users.create(
        runtime.sessions, data.username, data.email, data.password, data.role, actor_id=principal.user_id
    )


@get("/lookup", responses=problems(404))
async def lookup(session: Session, username: OfName) -> UserName:
    """The user of exactly this name: enough to share with them."""
    return await users.lookup(session, username)


@get("/{user_id:int}")
async def get_user(user_id: Id, session: Session, principal: Caller) -> AccountView:
    """One user, with how many namespaces and documents they own."""
    require_admin(principal)
    return await users.get_account(session, user_id)


@patch("/{user_id:int}", responses=problems(409))
async def change_user(
    user_id: Id, data: JSONBody[UserChange], principal: Caller, runtime: RuntimeDependency
) -> AccountView:
    """Change a user's role, reset their password, disable or enable their account.

    A new password ends their sessions and tokens. Disabling ends the sessions and lets the tokens rest; all
    that the user owns stays.
    """
    require_admin(principal)
    return await users.update(
        runtime.sessions,
        user_id,
        role=data.role,
        password=data.password,
        is_disabled=data.is_disabled,
        actor_id=principal.user_id,
    )


@delete("/{user_id:int}", responses=problems(409))
async def remove_user(
    user_id: Id,
    principal: Caller,
    runtime: RuntimeDependency,
    hand_to: HandTo = None,
    contents: OfContents = None,
) -> None:
    """Remove a user with their chats; not the last administrator whose account is enabled.

    What they own is handed over (`hand_to`) or removed with them (`contents=remove`); with neither, who owns
    something is not removed.
    """
    require_admin(principal)
    async with runtime.sessions.begin() as session:
        files = await removal.remove(
            session,
            user_id,
            hand_to=hand_to,
            with_contents=contents == "remove",
            actor_id=principal.user_id,
        )
    await asyncio.to_thread(runtime.storage.remove, *files)


router = Router(
    "/api/users",
    route_handlers=[list_users, create_user, lookup, get_user, change_user, remove_user],
    tags=["accounts"],
)
