"""Registration, sign-in, sessions and tokens."""

from typing import Any

from litestar import Request, Response, Router, delete, get, post
from litestar.datastructures import Cookie
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_204_NO_CONTENT

from luma_rag import rate_limits
from luma_rag.accounts import own_account as caller_account
from luma_rag.accounts import second_factor, sign_in, users
from luma_rag.accounts import sessions as browser_sessions
from luma_rag.accounts import tokens as api_tokens
from luma_rag.accounts.own_account import OwnAccount
from luma_rag.accounts.second_factor import NewSecondFactor, RecoveryCodes
from luma_rag.accounts.sessions import SessionView
from luma_rag.accounts.tokens import NewToken, TokenView
from luma_rag.accounts.users import UserView
from luma_rag.errors import ForbiddenError
from luma_rag.http.authentication import (
    BEFORE_REQUIRED_ACTION,
    CSRF_COOKIE,
    PUBLIC,
    SESSION_COOKIE,
    browser_of,
    is_secure,
    requires_reauthentication,
    session_cookies,
)
from luma_rag.http.dependencies import Caller, PaginationDependency, RuntimeDependency, Session
from luma_rag.http.input import (
    CodeConfirmation,
    Confirmation,
    Login,
    PasswordChange,
    Registration,
    TokenRequest,
)
from luma_rag.http.openapi import problems
from luma_rag.http.parameters import Id
from luma_rag.pagination import Page
from luma_rag.runtime import Runtime


@post("/register", opt=PUBLIC, responses=problems(403, 409, 429))
async def register(
    data: JSONBody[Registration], request: Request[Any, Any, Any], runtime: RuntimeDependency
) -> UserView:
    """Create an account. The first one of an empty database becomes an administrator."""
    _require_passwords(runtime)
    registering = runtime.settings.registration
    if registering == "open":
        async with runtime.sessions.begin() as session:
            await rate_limits.acquire(session, sign_in.registration_quota(browser_of(request).address))
    return await users.register(
        runtime.sessions, data.username, data.email, data.password, registering=registering
    )


@post("/login", opt=PUBLIC, status_code=HTTP_200_OK, responses=problems(401, 403, 429))
async def login(
    data: JSONBody[Login], request: Request[Any, Any, Any], runtime: RuntimeDependency
) -> Response[UserView]:
    """Sign in with a user name or e-mail address. Sets the session cookie and the CSRF cookie.

    The previous session of the browser ends. An account with a second factor needs its code, too.
    """
    _require_passwords(runtime)
    days = runtime.settings.session_days
    signed_in = await sign_in.sign_in(
        runtime.sessions, data.username, data.password, browser_of(request), days=days, code=data.code
    )
    cookies = session_cookies(signed_in.secret, days, is_secure=is_secure(request))
    return Response(signed_in.user, cookies=cookies)


@post("/logout", opt=BEFORE_REQUIRED_ACTION, status_code=HTTP_204_NO_CONTENT)
async def logout(session: Session, principal: Caller) -> Response[None]:
    """End the session on the server and in the browser."""
    await browser_sessions.sign_out(session, principal)
    gone = [Cookie(key, value="", max_age=0, path="/") for key in (SESSION_COOKIE, CSRF_COOKIE)]
    return Response(None, status_code=HTTP_204_NO_CONTENT, cookies=gone)


@post("/reauthenticate", opt=BEFORE_REQUIRED_ACTION, status_code=HTTP_204_NO_CONTENT, responses=problems(429))
async def reauthenticate(data: JSONBody[Confirmation], principal: Caller, runtime: RuntimeDependency) -> None:
    """Enter the password again, for requests that require a recent one. It is valid for ten minutes."""
    _require_passwords(runtime)
    # Before the attempt is counted: otherwise a token could lock out its user.
    sign_in.may_reauthenticate(principal)
    await sign_in.reauthenticate(runtime.sessions, principal, data.password, data.code)


@get("/me", opt=BEFORE_REQUIRED_ACTION)
async def me(session: Session, principal: Caller) -> UserView:
    """Get the caller."""
    return await users.get(session, principal.user_id)


@get("/account", opt=BEFORE_REQUIRED_ACTION)
async def own_account(session: Session, principal: Caller, runtime: RuntimeDependency) -> OwnAccount:
    """Get the state of the caller's account: required action, second factor, and usage of quotas."""
    return await caller_account.read(session, principal, runtime.settings.quotas)


@post("/totp", opt={**BEFORE_REQUIRED_ACTION, **requires_reauthentication("users")}, responses=problems(409))
async def begin_second_factor(session: Session, principal: Caller) -> NewSecondFactor:
    """Create the key of an authenticator (TOTP). It takes effect when it is confirmed."""
    user = await users.find(session, principal.user_id)
    return await second_factor.begin(session, user.id, user.username)


@post(
    "/totp/confirm",
    opt={**BEFORE_REQUIRED_ACTION, **requires_reauthentication("users")},
    status_code=HTTP_200_OK,
    responses=problems(404, 429),
)
async def confirm_second_factor(
    data: JSONBody[CodeConfirmation], principal: Caller, runtime: RuntimeDependency
) -> RecoveryCodes:
    """Confirm the new second factor with a code of the authenticator. Sign-ins then require a code.

    The recovery codes are shown only once.
    """
    guesses = second_factor.guesses_quota(principal.user_id)
    async with rate_limits.count_failure(runtime.sessions, guesses), runtime.sessions.begin() as session:
        return await second_factor.confirm(session, principal.user_id, data.code)


@delete("/totp", opt=requires_reauthentication("users"), responses=problems(404))
async def remove_second_factor(session: Session, principal: Caller) -> None:
    """Remove the caller's second factor with its recovery codes."""
    await second_factor.remove(session, principal.user_id, actor_id=principal.user_id)


@post("/password", opt=BEFORE_REQUIRED_ACTION, status_code=HTTP_204_NO_CONTENT, responses=problems(429))
async def change_password(
    data: JSONBody[PasswordChange], principal: Caller, runtime: RuntimeDependency
) -> None:
    """Change the caller's password. Their other sessions and all their tokens end."""
    _require_passwords(runtime)
    # Before the attempt is counted: otherwise a restricted token could lock out its user.
    users.may_change_password(principal)
    async with rate_limits.count_failure(runtime.sessions, sign_in.password_quota(principal.user_id)):
        await users.change_password(runtime.sessions, principal, data.current, data.new)


@get("/sessions")
async def list_sessions(
    session: Session, principal: Caller, pagination: PaginationDependency, runtime: RuntimeDependency
) -> Page[SessionView]:
    """List the caller's browser sessions, most recently used first. Not for restricted tokens."""
    return await browser_sessions.list_sessions(session, principal, pagination, runtime.settings)


@delete("/sessions/{session_id:int}")
async def end_session(session_id: Id, session: Session, principal: Caller) -> None:
    """End one of the caller's sessions. Not for restricted tokens."""
    await browser_sessions.end_session(session, principal, session_id)


@post("/tokens", responses=problems(404, 429))
async def create_token(data: JSONBody[TokenRequest], session: Session, principal: Caller) -> NewToken:
    """Create a token for programs. It is shown only once.

    One that lasts for more than a year requires a session with a recent password.
    """
    return await api_tokens.create_token(
        session,
        principal,
        data.name,
        expires_in_days=data.expires_in_days,
        namespace_ids=data.namespace_ids,
        max_level=data.max_level,
    )


@get("/tokens")
async def tokens(session: Session, principal: Caller, pagination: PaginationDependency) -> Page[TokenView]:
    """List the caller's tokens without secrets, oldest first. A restricted token sees only itself."""
    return await api_tokens.list_tokens(session, principal, pagination)


@delete("/tokens/{token_id:int}")
async def revoke_token(token_id: Id, session: Session, principal: Caller) -> None:
    """Revoke a token."""
    await api_tokens.revoke_token(session, principal, token_id)


def _require_passwords(runtime: Runtime) -> None:
    if not runtime.settings.password_sign_in:
        raise ForbiddenError(
            f"Passwords are turned off on this server. Sign in with {runtime.settings.openid.name}."
        )


router = Router(
    "/api/auth",
    route_handlers=[
        register,
        login,
        logout,
        reauthenticate,
        me,
        own_account,
        begin_second_factor,
        confirm_second_factor,
        remove_second_factor,
        change_password,
        list_sessions,
        end_session,
        create_token,
        tokens,
        revoke_token,
    ],
    tags=["accounts"],
)
