"""Sign-in with an OpenID provider, and the available ways to sign in."""

import secrets
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.datastructures import Cookie
from litestar.params import QueryParameter
from litestar.response import Redirect
from litestar.status_codes import HTTP_302_FOUND

from luma_rag.accounts import external_identities, users
from luma_rag.accounts.external_identities import OpenIDError
from luma_rag.errors import NotFoundError
from luma_rag.http.authentication import PUBLIC, browser_of, is_secure, session_cookies
from luma_rag.http.dependencies import RuntimeDependency, Session
from luma_rag.http.errors import answer, log_failure
from luma_rag.http.openapi import problems
from luma_rag.http.query import ANY_QUERY
from luma_rag.http.rate_limit import limited

PATH = "/api/auth/openid"
ATTEMPT_COOKIE = "luma_openid"
_ATTEMPT_SECONDS = 600
_NO_STORE = {"Cache-Control": "no-store"}

# Litestar reserves the name `state`.
Returned = Annotated[str | None, QueryParameter(name="state", description="The state sent to the provider.")]
Code = Annotated[str | None, QueryParameter(description="The authorization code.")]
Reauthenticate = Annotated[
    bool, QueryParameter(description="Ask the provider for the password, even if it knows the browser.")
]
Failure = Annotated[str | None, QueryParameter(name="error", description="The provider's error.")]


class SignInOptions(msgspec.Struct, frozen=True):
    """`openid` is the name of the OpenID provider, null if there is none.

    `has_passwords` is true if users can sign in with a password, `can_register` if anybody can create an
    account with one. `is_empty` is true if there is no account yet: the first one becomes an administrator.
    """

    openid: str | None
    has_passwords: bool
    can_register: bool
    is_empty: bool


@get("/options", opt=PUBLIC)
async def options(session: Session, runtime: RuntimeDependency) -> SignInOptions:
    """Get the ways to sign in besides the password, and whether registration is open."""
    settings = runtime.settings
    return SignInOptions(
        openid=settings.openid.name if runtime.openid else None,
        has_passwords=settings.password_sign_in,
        can_register=settings.password_sign_in and await users.can_register(session, settings.registration),
        is_empty=await users.is_empty(session),
    )


@get("/openid", opt={**PUBLIC, **limited("providers")}, status_code=HTTP_302_FOUND, responses=problems(404))
async def begin(
    request: Request[Any, Any, Any], runtime: RuntimeDependency, reauthenticate: Reauthenticate = False
) -> Redirect:
    """Redirect the browser to the OpenID provider."""
    if runtime.openid is None:
        raise _not_configured()
    secret = secrets.token_urlsafe(32)
    url = await runtime.openid.authorization_url(
        secret, _redirect_uri(request, runtime), reauthenticate=reauthenticate
    )
    attempt = Cookie(
        ATTEMPT_COOKIE,
        value=secret,
        max_age=_ATTEMPT_SECONDS,
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
        path=PATH,
    )
    return Redirect(url, status_code=HTTP_302_FOUND, cookies=[attempt], headers=_NO_STORE)


@get(
    "/openid/callback",
    # Providers add parameters of their own, such as `iss`.
    opt={**PUBLIC, **ANY_QUERY, **limited("providers")},
    status_code=HTTP_302_FOUND,
    responses=problems(403, 404, 409),
)
async def come_back(
    request: Request[Any, Any, Any],
    runtime: RuntimeDependency,
    returned: Returned = None,
    code: Code = None,
    error: Failure = None,
) -> Redirect:
    """Complete the sign-in: the provider redirects the browser here. Sets the cookies and opens the page."""
    if runtime.openid is None:
        raise _not_configured()
    identity = await runtime.openid.identity(
        request.cookies.get(ATTEMPT_COOKIE),
        _redirect_uri(request, runtime),
        state=returned,
        code=code,
        error=error,
    )
    settings = runtime.settings
    secret = await external_identities.sign_in(
        runtime.sessions,
        identity,
        browser_of(request),
        match_email=settings.openid.match_email,
        register=settings.openid.register or settings.registration == "open",
        days=settings.session_days,
    )
    cookies = session_cookies(secret, settings.session_days, is_secure=is_secure(request))
    return Redirect(
        "/", status_code=HTTP_302_FOUND, cookies=[*cookies, _expired_attempt()], headers=_NO_STORE
    )


def _refused(request: Request[Any, Any, Any], error: OpenIDError) -> Response[Any]:
    """Browsers get the page, which explains each reason; programs get the problem."""
    response: Response[Any]
    if "text/html" in request.headers.get("accept", ""):
        log_failure(f"{request.method} {request.url.path}", error)
        response = Redirect(f"/?sign-in={error.reason}", status_code=HTTP_302_FOUND, headers=_NO_STORE)
    else:
        response = answer(request, error)
    response.cookies = [_expired_attempt()]
    return response


def _expired_attempt() -> Cookie:
    return Cookie(ATTEMPT_COOKIE, value="", max_age=0, path=PATH)


def _not_configured() -> NotFoundError:
    return NotFoundError("No OpenID provider is configured. Sign in with your password.")


def _redirect_uri(request: Request[Any, Any, Any], runtime: RuntimeDependency) -> str:
    # A request can forge its host.
    base = runtime.settings.public_url or str(request.base_url)
    return f"{base.rstrip('/')}{PATH}/callback"


router = Router(
    "/api/auth",
    route_handlers=[options, begin, come_back],
    exception_handlers={OpenIDError: _refused},
    tags=["accounts"],
)
