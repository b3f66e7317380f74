"""What the service answers when it refuses."""

from collections.abc import Sequence

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """One thing wrong with one field of a request."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True):
    """A problem object (RFC 9457)."""

    type: str = ""
    title: str = ""
    status: int = 0
    detail: str = ""
    code: str | None = None
    errors: list[FieldError] = []
    request_id: str | None = None


class ApiError(Exception):
    """The service refused a call.

    Attributes:
        status: the HTTP status.
        code: a stable name of the error for programs; None if the service sends none.
        title: the kind of error in a few words.
        detail: what is wrong and what to do.
        errors: what is wrong with single fields of the request.
        retry_after: seconds after which the call may succeed; None if waiting doesn't help.
        request_id: finds the error in the log of the service; only for errors on its side.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str = "",
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.title = title
        self.code = code
        self.errors = list(errors)
        self.retry_after = retry_after
        self.request_id = request_id

    @classmethod
    def of(cls, problem: Problem, *, retry_after: float | None = None) -> "ApiError":
        """The error that a problem object describes."""
        return cls(
            problem.status,
            problem.detail,
            title=problem.title,
            code=problem.code,
            errors=problem.errors,
            retry_after=retry_after,
            request_id=problem.request_id,
        )
