"""Turns every error into `application/problem+json` (RFC 9457)."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    InternalServerException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import ExceptionHandlersMap, Scope, Send
from msgspec import UNSET, Meta, UnsetType

from luma_rag.audit import request_context
from luma_rag.db import errors as database_errors
from luma_rag.errors import (
    Code,
    InvalidInputError,
    LumaError,
    MalformedRequestError,
    MethodNotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
    TooLargeError,
    TooSlowError,
    UnavailableError,
)
from luma_rag.http.validation import parameter_errors

logger = logging.getLogger(__name__)
_outages = database_errors.OutageLog(logger)
MEDIA_TYPE = "application/problem+json"
DOCUMENTATION = "/problems"
_CODE = "luma_problem_code"
_INTERNAL = "Internal error. Retry, or contact your administrator, who finds the cause in the log."


class Problem(msgspec.Struct, frozen=True):
    """A problem as in RFC 9457."""

    type: Annotated[str, Meta(description=f"The documentation of the problem: `{DOCUMENTATION}#<code>`.")]
    code: Annotated[Code, Meta(description="A stable code, for programs.")]
    title: Annotated[str, Meta(description="A short summary, the same for all problems with this code.")]
    status: Annotated[int, Meta(description="The HTTP status.")]
    detail: Annotated[str, Meta(description="The problem in this case, and how to fix it.")]
    # Server errors only: a resource that the caller may not see must not differ from a missing one.
    request_id: (
        Annotated[str, Meta(description="The id of the request in the operator's log, for server errors.")]
        | UnsetType
    ) = UNSET
    errors: (
        Annotated[Sequence[dict[str, str]], Meta(description="Invalid fields, each as `{field, message}`.")]
        | UnsetType
    ) = UNSET


def problem(error: Exception) -> Problem:
    """The problem that a client sees for an error."""
    known = _as_luma_error(error)
    return Problem(
        type=f"{DOCUMENTATION}#{known.code}",
        code=known.code,
        title=known.title,
        status=known.status,
        detail=known.public_detail or known.detail,
        request_id=(_is_server_error(known) and request_context.get().request_id) or UNSET,
        errors=UNSET if known.errors is None else known.errors,
    )


def log_failure(what: str, error: Exception) -> None:
    """Log a server error: with its traceback if it is a bug, and an outage not each time."""
    known = _as_luma_error(error)
    if isinstance(known, UnavailableError):
        _outages.add(what, error)
    elif _is_server_error(known):
        expected = isinstance(error, LumaError)
        logger.error("%s failed: %s", what, error, exc_info=None if expected else error)


def _is_server_error(error: LumaError) -> bool:
    return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _as_luma_error(error: Exception) -> LumaError:
    match error:
        case LumaError():
            return error
        case HTTPException():
            return _of_litestar(error)
        case _:
            return database_errors.as_luma_error(error) or LumaError(_INTERNAL)


def _of_litestar(error: HTTPException) -> LumaError:
    match error:
        case ValidationException():
            return InvalidInputError("The request is invalid.", errors=parameter_errors(error))
        case NotFoundException():
            return NotFoundError("Not found. /schema/openapi.json lists all endpoints.")
        case MethodNotAllowedException():
            return MethodNotAllowedError("Method not allowed. /schema/openapi.json lists all endpoints.")
        case RequestEntityTooLarge():
            return TooLargeError("The body exceeds the size limit.")
        # A client that leaves in the middle of its body is no error of the server.
        case (
            ClientException(status_code=HTTPStatus.BAD_REQUEST)
            | InternalServerException(detail="client disconnected prematurely")
        ):
            return MalformedRequestError(error.detail)
        case _:
            return LumaError(_INTERNAL)


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The response to a request that failed."""
    log_failure(f"{request.method} {request.url.path}", error)
    known = _as_luma_error(error)
    request.scope[_CODE] = known.code  # type: ignore[literal-required]
    headers = {}
    if known.retry_after is not None:
        headers["Retry-After"] = str(known.retry_after)
    if isinstance(known, NotAuthenticatedError):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(known, TooSlowError):
        # The rest of the body would be read as the next request.
        headers["Connection"] = "close"
    if isinstance(error, HTTPException) and error.headers:
        headers.update(error.headers)
    return Response(problem(known), status_code=known.status, media_type=MEDIA_TYPE, headers=headers)


def code_of(scope: Scope) -> str | None:
    """The code of the problem with which a request was answered."""
    code: str | None = scope.get(_CODE)  # type: ignore[assignment]
    return code


async def send_problem(send: Send, error: LumaError) -> None:
    """Respond to a request that doesn't reach the application."""
    body = msgspec.json.encode(problem(error))
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


HANDLERS: ExceptionHandlersMap = {Exception: answer, HTTPException: answer, LumaError: answer}
