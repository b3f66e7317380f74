"""Users, for administrators; and looking one up to share something."""

from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from luma_rag.access import Principal
from luma_rag.accounts import users
from luma_rag.accounts.users import UserName, UserView
from luma_rag.errors import ForbiddenError
from luma_rag.http.dependencies import Caller, Part, Services, Session
from luma_rag.http.input import NewUser, UserChange
from luma_rag.http.openapi import problems
from luma_rag.http.parameters import Id, OfName
from luma_rag.paging import Items


@get("/")
async def list_users(session: Session, principal: Caller, paging: Part) -> Items[UserView]:
    """All users, by id."""
    _require_admin(principal)
    return await users.list_users(session, paging)


@post("/", responses=problems(409))
async def create_user(data: JSONBody[NewUser], principal: Caller, runtime: Services) -> UserView:
    """Make an account for somebody."""
    _require_admin(principal)
    return await users.create(runtime.sessions, data.username, data.email, data.password, data.role)


@get("/lookup", responses=problems(404))
async def lookup(session: Session, username: OfName) -> UserName:
    """The user of exactly this name: enough to share with them."""
    return await users.lookup(session, username)


@get("/{user_id:int}")
async def get_user(user_id: Id, session: Session, principal: Caller) -> UserView:
    """One user."""
    _require_admin(principal)
    return await users.get(session, user_id)


@patch("/{user_id:int}", responses=problems(409))
async def change_user(
    user_id: Id, data: JSONBody[UserChange], principal: Caller, runtime: Services
) -> UserView:
    """Change a user's role, or reset their password, which ends their sessions and tokens."""
    _require_admin(principal)
    return await users.update(runtime.sessions, user_id, role=data.role, password=data.password)


@delete("/{user_id:int}", responses=problems(409))
async def remove_user(user_id: Id, session: Session, principal: Caller) -> None:
    """Remove a user with their chats; not the last administrator, and not who still owns something."""
    _require_admin(principal)
    await users.remove(session, user_id)


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise ForbiddenError("Only administrators may do this.")


router = Router(
    "/api/users",
    route_handlers=[list_users, create_user, lookup, get_user, change_user, remove_user],
    tags=["accounts"],
)
