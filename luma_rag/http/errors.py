"""Every error becomes `application/problem+json` (RFC 9457) here, and nowhere else."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from asyncpg import PostgresConnectionError
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotFoundException, ValidationException
from litestar.types import ExceptionHandlersMap, Send
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from luma_rag.audit import request_context
from luma_rag.errors import (
    ConflictError,
    InvalidInputError,
    LumaError,
    NotAuthenticatedError,
    NotFoundError,
    TooSlowError,
    UnavailableError,
)
from luma_rag.http.validation import parameter_errors

logger = logging.getLogger(__name__)
_DEADLOCK = "40P01"
MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True):
    """A problem as RFC 9457 has it. `errors` lists `{field, message}` of what is wrong with single fields.

    `request_id` is told of what was not the caller's fault, and finds it in the operator's log. Other answers
    must not differ by it: what may not be seen looks exactly like what does not exist.
    """

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    request_id: str | msgspec.UnsetType = msgspec.UNSET
    errors: Sequence[dict[str, str]] | msgspec.UnsetType = msgspec.UNSET


def problem(error: Exception) -> Problem:
    """What a client gets to know of an error."""
    known = _as_luma_error(error)
    if known is not None:
        return Problem(
            title=known.title,
            status=known.status,
            detail=known.detail,
            request_id=_request_id(known.status),
            errors=msgspec.UNSET if known.errors is None else known.errors,
        )
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem(
            title=HTTPStatus(error.status_code).phrase,
            status=error.status_code,
            detail=error.detail,
        )
    return Problem(
        title="Internal error",
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        detail="Something went wrong in Luma itself; its log tells more. Try again, or ask the operator.",
        request_id=_request_id(HTTPStatus.INTERNAL_SERVER_ERROR),
    )


def _request_id(status: int) -> str | msgspec.UnsetType:
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return msgspec.UNSET
    return request_context.get().request_id or msgspec.UNSET


def log_failure(what: str, error: Exception) -> None:
    """Tell the operator of what was not the caller's fault."""
    if problem(error).status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        expected = isinstance(error, LumaError)
        logger.error("%s failed: %s", what, error, exc_info=None if expected else error)


def _as_luma_error(error: Exception) -> LumaError | None:
    match error:
        case LumaError():
            return error
        case ValidationException():
            return InvalidInputError(
                "The request does not fit what this call takes; see errors.",
                errors=parameter_errors(error),
            )
        case NotFoundException():
            return NotFoundError("There is nothing at this address. /schema/openapi.json lists all calls.")
        case IntegrityError():
            return ConflictError(
                "This clashes with what was stored at the same moment. Look again, then retry."
            )
        case _:
            return _unavailable(error)


def _unavailable(error: Exception) -> UnavailableError | None:
    if isinstance(error, DBAPIError):
        if getattr(error.orig, "sqlstate", None) == _DEADLOCK:
            return UnavailableError(
                "Two changes of the same things met, and this one gave way. Try again.", retry_after=1
            )
        is_lost = error.connection_invalidated
    else:
        is_lost = isinstance(error, PoolTimeoutError | OSError | PostgresConnectionError)
    if not is_lost:
        return None
    return UnavailableError(
        "The database or the disk does not answer right now. Try again soon.", retry_after=5
    )


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The response to a request that failed."""
    shown = problem(error)
    log_failure(f"{request.method} {request.url.path}", error)
    headers = {}
    known = _as_luma_error(error)
    if known is not None and known.retry_after is not None:
        headers["Retry-After"] = str(known.retry_after)
    if isinstance(known, NotAuthenticatedError):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(known, TooSlowError):
        # The rest of the body would be read as the next request.
        headers["Connection"] = "close"
    if isinstance(error, HTTPException) and error.headers:
        headers.update(error.headers)
    return Response(shown, status_code=shown.status, media_type=MEDIA_TYPE, headers=headers)


async def send_problem(send: Send, error: LumaError) -> None:
    """Answer a request that does not get as far as the application."""
    shown = problem(error)
    body = msgspec.json.encode(shown)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": shown.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


HANDLERS: ExceptionHandlersMap = {Exception: answer, HTTPException: answer, LumaError: answer}
