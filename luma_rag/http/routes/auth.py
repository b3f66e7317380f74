"""Registering, signing in, and tokens."""

from typing import Any

from litestar import Request, Response, Router, delete, get, post
from litestar.datastructures import Cookie
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_204_NO_CONTENT

from luma_rag.accounts import sign_in, users
from luma_rag.accounts.sign_in import NewToken, TokenView
from luma_rag.accounts.users import UserView
from luma_rag.errors import ForbiddenError, NotAuthenticatedError
from luma_rag.http.authentication import (
    CSRF_COOKIE,
    PUBLIC,
    SESSION_COOKIE,
    is_secure,
    session_cookies,
)
from luma_rag.http.dependencies import Caller, Part, Services, Session
from luma_rag.http.input import Login, PasswordChange, Registration, TokenRequest
from luma_rag.http.openapi import problems
from luma_rag.http.parameters import Id
from luma_rag.http.rate_limit import FailureLimit
from luma_rag.paging import Items

# Several people may share an address; nobody shares an account.
_by_account = FailureLimit(limit=10, seconds=300)
_by_address = FailureLimit(limit=50, seconds=300)


@post("/register", opt=PUBLIC, responses=problems(403, 409))
async def register(data: JSONBody[Registration], runtime: Services) -> UserView:
    """Make an account. The first one of an empty database becomes an administrator's."""
    return await users.register(
        runtime.sessions,
        data.username,
        data.email,
        data.password,
        is_open=runtime.settings.registration == "open",
    )


@post("/login", opt=PUBLIC, status_code=HTTP_200_OK, responses=problems(401, 429))
async def login(
    data: JSONBody[Login], request: Request[Any, Any, Any], runtime: Services
) -> Response[UserView]:
    """Sign in with a name or an e-mail address; sets the session cookie and the CSRF cookie."""
    account = data.username.lower()
    address = request.client.host if request.client else ""
    _by_account.check(account)
    _by_address.check(address)
    days = runtime.settings.session_days
    try:
        signed_in = await sign_in.sign_in(runtime.sessions, data.username, data.password, days=days)
    except NotAuthenticatedError:
        _by_account.failed(account)
        _by_address.failed(address)
        raise
    cookies = session_cookies(signed_in.secret, days, is_secure=is_secure(request))
    return Response(signed_in.user, cookies=cookies)


@post("/logout", status_code=HTTP_204_NO_CONTENT)
async def logout(session: Session, principal: Caller) -> Response[None]:
    """End the session on the server and in the browser."""
    await sign_in.sign_out(session, principal)
    gone = [Cookie(key, value="", max_age=0, path="/") for key in (SESSION_COOKIE, CSRF_COOKIE)]
    return Response(None, status_code=HTTP_204_NO_CONTENT, cookies=gone)


@get("/me")
async def me(session: Session, principal: Caller) -> UserView:
    """The caller."""
    return await users.get(session, principal.user_id)


@post("/password", status_code=HTTP_204_NO_CONTENT, responses=problems(429))
async def change_password(data: JSONBody[PasswordChange], principal: Caller, runtime: Services) -> None:
    """Change the caller's password; all their other sessions and all their tokens end."""
    key = f"user {principal.user_id}"
    _by_account.check(key)
    try:
        await users.change_password(runtime.sessions, principal, data.current, data.new)
    except ForbiddenError:
        _by_account.failed(key)
        raise


@post("/tokens", responses=problems(404))
async def create_token(data: JSONBody[TokenRequest], session: Session, principal: Caller) -> NewToken:
    """Make a token for programs. It is shown this once."""
    return await sign_in.create_token(
        session,
        principal,
        data.name,
        expires_in_days=data.expires_in_days,
        namespace_ids=data.namespace_ids,
        max_level=data.max_level,
    )


@get("/tokens")
async def tokens(session: Session, principal: Caller, paging: Part) -> Items[TokenView]:
    """The caller's tokens without their secrets, oldest first."""
    return await sign_in.list_tokens(session, principal, paging)


@delete("/tokens/{token_id:int}")
async def revoke_token(token_id: Id, session: Session, principal: Caller) -> None:
    """End a token at once."""
    await sign_in.revoke_token(session, principal, token_id)


router = Router(
    "/api/auth",
    route_handlers=[register, login, logout, me, change_password, create_token, tokens, revoke_token],
    tags=["accounts"],
)
