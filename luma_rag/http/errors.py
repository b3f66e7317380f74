"""Every error becomes `application/problem+json` (RFC 9457) here, and nowhere else."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from asyncpg import PostgresConnectionError
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotFoundException, ValidationException
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from luma_rag.errors import (
    ConflictError,
    FieldError,
    InvalidInputError,
    LumaError,
    NotAuthenticatedError,
    NotFoundError,
    UnavailableError,
)

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True):
    """A problem as RFC 9457 has it. `errors` lists `{field, message}` of what is wrong with single fields."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    errors: Sequence[dict[str, str]] | msgspec.UnsetType = msgspec.UNSET


def problem(error: Exception) -> Problem:
    """What a client gets to know of an error."""
    known = _as_luma_error(error)
    if known is not None:
        return Problem(
            title=known.title,
            status=known.status,
            detail=known.detail,
            errors=msgspec.UNSET if known.errors is None else known.errors,
        )
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem(
            title=HTTPStatus(error.status_code).phrase, status=error.status_code, detail=error.detail
        )
    return Problem(
        title="Internal error",
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        detail="Something went wrong in Luma itself; its log tells more. Try again, or ask the operator.",
    )


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
                errors=[_field_error(entry) for entry in error.extra or []],
            )
        case NotFoundException():
            return NotFoundError("There is nothing at this address. /schema/openapi.json lists all calls.")
        case IntegrityError():
            return ConflictError(
                "This clashes with what was stored at the same moment. Look again, then retry."
            )
        case _ if _is_unavailable(error):
            return UnavailableError(
                "The database or the disk does not answer right now. Try again soon.", retry_after=5
            )
    return None


def _is_unavailable(error: Exception) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, PoolTimeoutError | OSError | PostgresConnectionError)


def _field_error(entry: Any) -> FieldError:
    if isinstance(entry, dict):
        return FieldError(str(entry.get("key", "body")), str(entry.get("message", "does not fit")))
    return FieldError("body", str(entry))


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
    if isinstance(error, HTTPException) and error.headers:
        headers.update(error.headers)
    return Response(shown, status_code=shown.status, media_type=MEDIA_TYPE, headers=headers)


HANDLERS: ExceptionHandlersMap = {Exception: answer, HTTPException: answer, LumaError: answer}
