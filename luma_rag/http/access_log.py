"""The access log, and the record of refused requests in the audit trail."""

import hashlib
import logging
import time
from http import HTTPStatus
from urllib.parse import quote

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from sqlalchemy.exc import SQLAlchemyError

from luma_rag.access import Principal
from luma_rag.accounts.sign_in import network
from luma_rag.audit import record, request_context
from luma_rag.db.session import Sessions
from luma_rag.errors import RateLimitedError
from luma_rag.http.errors import code_of
from luma_rag.http.metrics_middleware import METHODS
from luma_rag.rate_limits import Limit, MemoryLimits

logger = logging.getLogger("luma.access")
_failures = logging.getLogger(__name__)

_NOBODY = Principal(0, "user")
_HEALTH = "/health"
_LOGIN = "/api/auth/login"
# The page requests it before the sign-in.
_ME = "/api/auth/me"
# Limits per client and in total, so that attackers can't fill the disk.
_OF_CLIENT = Limit(count=1, seconds=60)
_OF_ALL = Limit(count=600, seconds=3600)


class Request(msgspec.Struct, frozen=True):
    """A complete request. `route` is the template of its path, None without one; `ms` its duration.

    `status` is None if the client left before the response.
    """

    method: str
    path: str
    route: str | None
    status: int | None
    code: str | None
    bytes_sent: int
    ms: float
    address: str | None
    user_id: int | None
    session_id: int | None
    token_id: int | None


class AccessLog:
    """Logs each complete request, and records the refused ones in the audit trail."""

    def __init__(self, app: ASGIApp, sessions: Sessions, *, is_logged: bool) -> None:
        self._app = app
        self._sessions = sessions
        self._is_logged = is_logged
        self._of_client = MemoryLimits(_OF_CLIENT)
        self._of_all = MemoryLimits(_OF_ALL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began, status, sent = time.perf_counter(), None, 0

        async def counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            request = _request(scope, status, sent, time.perf_counter() - began)
            if self._is_logged:
                _log(request)
        if _is_refused(request):
            await self._record(request)

    async def _record(self, request: Request) -> None:
        client = f"{network(request.address)} {request.user_id} {request.status}"
        try:
            self._of_client.acquire(int.from_bytes(hashlib.sha256(client.encode()).digest()[:8]))
            self._of_all.acquire(0)
            async with self._sessions.begin() as session:
                await record(
                    session,
                    "request.refused",
                    request.user_id,
                    status=request.status,
                    code=request.code,
                    method=request.method,
                    route=request.route,
                )
        except RateLimitedError:
            return
        except (SQLAlchemyError, OSError) as error:
            # The response has been sent.
            _failures.warning("A refused request could not be recorded: %s", type(error).__name__)


def _request(scope: HTTPScope, status: int | None, sent: int, seconds: float) -> Request:
    caller = scope.get("user")
    principal = caller if isinstance(caller, Principal) else _NOBODY
    return Request(
        method=scope["method"] if scope["method"] in METHODS else "other",
        # The query is left out: it may hold a code of the OpenID provider.
        path=quote(scope["path"]),
        route=scope.get("path_template"),
        status=status,
        code=code_of(scope),
        bytes_sent=sent,
        ms=round(seconds * 1000, 1),
        address=request_context.get().address,
        user_id=principal.user_id or None,
        session_id=principal.session_id,
        token_id=principal.token_id,
    )


def _log(request: Request) -> None:
    logger.log(
        logging.DEBUG if request.path.startswith(_HEALTH) else logging.INFO,
        "%s %s %s %.1f ms",
        request.method,
        request.path,
        request.status or "-",
        request.ms,
        extra=msgspec.structs.asdict(request),
    )


def _is_refused(request: Request) -> bool:
    if request.route == _LOGIN:
        # Refused passwords are recorded with the account; only guesses over the limit never get that far.
        return request.status == HTTPStatus.TOO_MANY_REQUESTS
    if request.route == _ME and request.code == "not_authenticated":
        return False
    return request.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
