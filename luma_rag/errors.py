"""Everything that can go wrong for a caller. Each class knows its HTTP status and title."""

from typing import ClassVar


class FieldError(dict[str, str]):
    """`{"field": ..., "message": ...}`: one thing wrong with one field of the input."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field=field, message=message)


class LumaError(Exception):
    """Base of all. `detail` says what is wrong and what to do; never a path of the server, SQL or a secret.

    `retry_after` is in seconds and given where waiting helps.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(
        self, detail: str, *, errors: list[FieldError] | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after


class InvalidInputError(LumaError):
    """The request was understood and its values are wrong."""

    status = 422
    title = "Invalid input"


class NotAuthenticatedError(LumaError):
    """No login, a wrong one, or one that has ended."""

    status = 401
    title = "Not signed in"


class ForbiddenError(LumaError):
    """The caller may see the thing but not do this to it."""

    status = 403
    title = "Not allowed"


class NotFoundError(LumaError):
    """It does not exist, or the caller may not see it: the two can't be told apart."""

    status = 404
    title = "Not found"


class ConflictError(LumaError):
    """It clashes with what exists."""

    status = 409
    title = "Conflict"


class TooLargeError(LumaError):
    """The body or file is over the limit."""

    status = 413
    title = "Too large"


class UnsupportedTypeError(LumaError):
    """A file of a type that can't be read."""

    status = 415
    title = "Unsupported type"


class TooSlowError(LumaError):
    """The body of the request stopped coming."""

    status = 408
    title = "Too slow"


class MisdirectedError(LumaError):
    """The request was meant for another name than those that this service has."""

    status = 421
    title = "Wrong host"


class RateLimitedError(LumaError):
    """Too many attempts; `retry_after` says when to come back."""

    status = 429
    title = "Too many requests"


class ConfigurationError(LumaError):
    """The service can't start as it is configured; the message names the setting and the fix."""

    title = "Configuration error"


class LLMError(LumaError):
    """The LLM server failed; `detail` says which server and what it answered."""

    status = 502
    title = "LLM failed"


class RerankerError(LumaError):
    """The reranker failed; `detail` says which and why. Searches go on without it."""

    status = 502
    title = "Reranker failed"


class UnavailableError(LumaError):
    """Something the request needs is not there right now."""

    status = 503
    title = "Unavailable"
