"""Authentication by a session cookie (browsers) or a bearer token (programs).

Every route requires one of them unless it is marked `PUBLIC`. With a cookie, unsafe methods also require the
CSRF token of the session in a header, since another site can't read the token.
"""

import hmac
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from luma_rag.access import Principal, require_admin
from luma_rag.access.principal import RequiredAction
from luma_rag.accounts import tokens
from luma_rag.accounts.reauthentication import require_reauthentication
from luma_rag.accounts.sessions import Browser, csrf_token, principal_of_session
from luma_rag.errors import (
    ForbiddenError,
    InvalidCSRFTokenError,
    InvalidTokenError,
    NotAuthenticatedError,
    PasswordChangeRequiredError,
    SecondFactorRequiredError,
)

SESSION_COOKIE = "luma_session"
CSRF_COOKIE = "csrftoken"
CSRF_HEADER = "x-csrftoken"
Audience = Literal["administrators", "users"]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PUBLIC = {"public": True}
# For the few routes that a session may use before its user has done the required action.
BEFORE_REQUIRED_ACTION = {"before_required_action": True}
# How long the result of an authentication is valid.
_FRESH_SECONDS = 1.0


class AuthenticationMiddleware(AbstractAuthenticationMiddleware):
    """Authenticates every request to a route that is not public, before its body is read."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, exclude_from_auth_key="public")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate, and renew the CSRF cookie if the browser has lost it."""
        await super().__call__(scope, receive, _with_csrf_cookie(scope, send))

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """The principal of the request.

        Raises:
            NotAuthenticatedError: the credentials are missing or invalid.
            InvalidCSRFTokenError: an unsafe request with a session cookie but without its CSRF token.
        """
        return AuthenticationResult(user=await _principal(connection), auth=time.monotonic())


async def principal_now(request: Request[Principal, float, Any]) -> Principal:
    """The principal of a request after its body was read, which may have taken long.

    Raises:
        NotAuthenticatedError: the session or token has expired in the meantime.
    """
    if time.monotonic() - request.auth < _FRESH_SECONDS:
        return request.user
    return await _principal(request)


async def still_signed_in(connection: ASGIConnection[Any, Any, Any, Any]) -> Principal:
    """Authenticate an open stream again, which does not count as a use of its session: a page that is only
    open is idle.

    Raises:
        NotAuthenticatedError: the session or token has expired since.
    """
    return await _principal(connection, is_use=False)


async def require_authentication(
    connection: ASGIConnection[Any, Principal, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard: the further requirements of a route.

    It never awaits but is a coroutine, since Litestar calls functions in threads.

    Raises:
        PasswordChangeRequiredError, SecondFactorRequiredError: the user must do this first.
        ForbiddenError: the route is for administrators.
        ReauthenticationRequiredError: the route is sensitive, and the caller has no session in which the
            password was entered recently.
    """
    if handler.opt.get("public"):
        return
    principal = connection.user
    if principal.required_action is not None and not handler.opt.get("before_required_action"):
        raise _required_action_error(principal.required_action)
    audience: Audience | None = handler.opt.get("reauthentication")
    if audience == "administrators":
        require_admin(principal)
    if audience is not None:
        require_reauthentication(principal)


def requires_reauthentication(audience: Audience) -> dict[str, Audience]:
    """The `opt` of a sensitive route, which requires that the password was entered recently."""
    return {"reauthentication": audience}


def session_cookies(secret: str, days: int, *, is_secure: bool) -> list[Cookie]:
    """The cookies of a new session."""
    age = days * 24 * 60 * 60
    return [
        Cookie(
            SESSION_COOKIE,
            value=secret,
            max_age=age,
            httponly=True,
            samesite="lax",
            secure=is_secure,
            path="/",
        ),
        _csrf_cookie(secret, is_secure=is_secure),
    ]


def browser_of(request: Request[Any, Any, Any]) -> Browser:
    """The browser that requests a session."""
    return Browser(
        address=request.client.host if request.client else None,
        user_agent=request.headers.get("user-agent"),
        secret=request.cookies.get(SESSION_COOKIE),
    )


def is_secure(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether browsers use https. Their cookies must then never be sent over http."""
    public_url: str | None = connection.app.state.runtime.settings.public_url
    return connection.url.scheme == "https" or (public_url or "").startswith("https://")


async def _principal(connection: ASGIConnection[Any, Any, Any, Any], *, is_use: bool = True) -> Principal:
    runtime = connection.app.state.runtime
    engine = runtime.engine
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise InvalidTokenError("Invalid Authorization header. Use: Bearer luma_…")
        secret = secret.strip()
        tokens.check_form(secret)
        async with _connected(engine) as database:
            return await tokens.principal_of_token(database, secret)
    session = connection.cookies.get(SESSION_COOKIE)
    if session is None:
        raise NotAuthenticatedError("Authentication required. Sign in, or send Authorization: Bearer luma_…")
    async with _connected(engine) as database:
        principal = await principal_of_session(database, session, runtime.settings, is_use=is_use)
    if connection.scope.get("method") not in SAFE_METHODS:
        sent = connection.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(sent.encode(), csrf_token(session).encode()):
            raise InvalidCSRFTokenError(
                f"Invalid CSRF token. Send the value of the cookie {CSRF_COOKIE} in the header {CSRF_HEADER}."
            )
    return principal


def _required_action_error(action: RequiredAction) -> ForbiddenError:
    if action == "change_password":
        return PasswordChangeRequiredError("An administrator set this password. Choose your own first.")
    return SecondFactorRequiredError("Administrators need a second factor here. Set it up first.")


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    # A read and, once a minute, a single write: faster without BEGIN and ROLLBACK.
    async with engine.connect() as connection:
        yield await connection.execution_options(isolation_level="AUTOCOMMIT")


def _with_csrf_cookie(scope: Scope, send: Send) -> Send:
    connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
    session = connection.cookies.get(SESSION_COOKIE)
    if scope.get("method") != "GET" or session is None:
        return send
    if connection.cookies.get(CSRF_COOKIE) == csrf_token(session):
        return send

    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            cookie = _csrf_cookie(session, is_secure=is_secure(connection))
            MutableScopeHeaders(message).add("set-cookie", cookie.to_header(header=""))
        await send(message)

    return send_with_cookie


def _csrf_cookie(secret: str, *, is_secure: bool) -> Cookie:
    # The page's script reads it and sends it back in a header.
    return Cookie(CSRF_COOKIE, value=csrf_token(secret), samesite="lax", secure=is_secure, path="/")
