"""User administration, and looking up a user to share something with."""

from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from luma_rag.access import require_admin
from luma_rag.accounts import removal, second_factor, sessions, tokens, users
from luma_rag.accounts.sessions import SessionView
from luma_rag.accounts.tokens import TokenView
from luma_rag.accounts.users import AccountView, UserName
from luma_rag.documents.pending_files import removing_files
from luma_rag.http.authentication import requires_reauthentication
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


@post("/", opt=requires_reauthentication("administrators"), responses=problems(409))
async def create_user(data: JSONBody[NewUser], principal: Caller, runtime: RuntimeDependency) -> AccountView:
    """Create an account. Its user must change the password at the first sign-in."""
    require_admin(principal)
    return await users.create(
        runtime.sessions,
        data.username,
        data.email,
        data.password,
        data.role,
        actor_id=principal.user_id,
        is_temporary=True,
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


@patch("/{user_id:int}", opt=requires_reauthentication("administrators"), responses=problems(409))
async def change_user(
    user_id: Id, data: JSONBody[UserChange], principal: Caller, runtime: RuntimeDependency
) -> AccountView:
    """Change a user's role, reset their password, or disable or enable their account.

    A new password ends the sessions and tokens, and the user must change it at the next sign-in. Disabling
    ends the sessions and suspends the tokens; everything that the user owns stays.
    """
    require_admin(principal)
    return await users.update(
        runtime.sessions,
        user_id,
        role=data.role,
        password=data.password,
        is_disabled=data.is_disabled,
        actor_id=principal.user_id,
        is_temporary=user_id != principal.user_id,
    )


@delete("/{user_id:int}/totp", opt=requires_reauthentication("administrators"))
async def remove_user_second_factor(user_id: Id, session: Session, principal: Caller) -> None:
    """Remove the second factor of a user who has lost it."""
    require_admin(principal)
    await second_factor.remove(session, user_id, actor_id=principal.user_id)


@get("/{user_id:int}/sessions")
async def list_user_sessions(
    user_id: Id,
    session: Session,
    principal: Caller,
    pagination: PaginationDependency,
    runtime: RuntimeDependency,
) -> Page[SessionView]:
    """List a user's browser sessions, most recently used first."""
    require_admin(principal)
    await users.find(session, user_id)
    return await sessions.sessions_of(
        session, user_id, pagination, runtime.settings, current_id=principal.session_id
    )


@delete("/{user_id:int}/sessions/{session_id:int}")
async def end_user_session(user_id: Id, session_id: Id, session: Session, principal: Caller) -> None:
    """End one of a user's sessions."""
    require_admin(principal)
    await sessions.end_session_of(session, user_id, session_id, actor_id=principal.user_id)


@get("/{user_id:int}/tokens")
async def list_user_tokens(
    user_id: Id, session: Session, principal: Caller, pagination: PaginationDependency
) -> Page[TokenView]:
    """List a user's tokens without secrets, oldest first."""
    require_admin(principal)
    await users.find(session, user_id)
    return await tokens.tokens_of(session, user_id, pagination)


@delete("/{user_id:int}/tokens/{token_id:int}")
async def revoke_user_token(user_id: Id, token_id: Id, session: Session, principal: Caller) -> None:
    """Revoke one of a user's tokens."""
    require_admin(principal)
    await tokens.revoke_token_of(session, user_id, token_id, actor_id=principal.user_id)


@delete("/{user_id:int}", opt=requires_reauthentication("administrators"), responses=problems(409))
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
    route_handlers=[
        list_users,
        create_user,
        lookup,
        get_user,
        change_user,
        remove_user,
        remove_user_second_factor,
        list_user_sessions,
        end_user_session,
        list_user_tokens,
        revoke_user_token,
    ],
    tags=["accounts"],
)
