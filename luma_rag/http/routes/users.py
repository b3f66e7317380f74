"""User administration, and looking up a user to share something with."""

from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from luma_rag.access import require_admin
from luma_rag.accounts import removal, users
from luma_rag.accounts.users import AccountView, UserName
from luma_rag.documents.file_settlement import removing_files
from luma_rag.http.dependencies import Caller, PaginationDependency, RuntimeDependency, Session
from luma_rag.http.input import NewUser, UserChange
from luma_rag.http.openapi import problems
from luma_rag.http.parameters import HandTo, Id, OfContents, OfName
from luma_rag.pagination import Page


@get("/")
async def list_users(
    session: Session, principal: Caller, pagination: PaginationDependency
) -> Page[AccountView]:
    """List all users, by id."""
    require_admin(principal)
    return await users.list_users(session, pagination)


@post("/", responses=problems(409))
async def create_user(data: JSONBody[NewUser], principal: Caller, runtime: RuntimeDependency) -> AccountView:
    """Create an account."""
    require_admin(principal)
    return await users.create(
        runtime.sessions, data.username, data.email, data.password, data.role, actor_id=principal.user_id
    )


@get("/lookup", responses=problems(404))
async def lookup(session: Session, username: OfName) -> UserName:
    """Find the user with exactly this name, to share something with them."""
    return await users.lookup(session, username)


@get("/{user_id:int}")
async def get_user(user_id: Id, session: Session, principal: Caller) -> AccountView:
    """Get a user with the numbers of owned namespaces and documents."""
    require_admin(principal)
    return await users.get_account(session, user_id)


@patch("/{user_id:int}", responses=problems(409))
async def change_user(
    user_id: Id, data: JSONBody[UserChange], principal: Caller, runtime: RuntimeDependency
) -> AccountView:
    """Change a user's role, reset their password, or disable or enable their account.

    A new password ends the sessions and tokens. Disabling ends the sessions and suspends the tokens;
    everything that the user owns stays.
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
    """Remove a user with their chats. The last administrator with an enabled account can't be removed.

    Their namespaces and documents are transferred (`hand_to`) or removed too (`contents=remove`). Without
    either, removing an owner is a conflict.
    """
    require_admin(principal)
    async with removing_files(runtime.sessions, runtime.storage) as (session, remove_files):
        files = await removal.remove(
            session,
            user_id,
            hand_to=hand_to,
            with_contents=contents == "remove",
            actor_id=principal.user_id,
        )
        remove_files(*files)


router = Router(
    "/api/users",
    route_handlers=[list_users, create_user, lookup, get_user, change_user, remove_user],
    tags=["accounts"],
)
