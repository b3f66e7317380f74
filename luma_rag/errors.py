"""The errors that callers see. Each class has a stable code, an HTTP status and a title.

The first paragraph of a docstring says what the error means, the second what to do about it. Both appear in
the documentation of the errors, at `/problems` and in `docs/reference/errors.md`.
"""

from typing import ClassVar, Literal

Code = Literal[
    "account_disabled",
    "answer_interrupted",
    "concurrent_change",
    "configuration_error",
    "conflict",
    "deadlock",
    "forbidden",
    "header_too_large",
    "internal_error",
    "invalid_code",
    "invalid_credentials",
    "invalid_csrf_token",
    "invalid_input",
    "invalid_token",
    "llm_failed",
    "malformed_request",
    "method_not_allowed",
    "misdirected_request",
    "not_authenticated",
    "not_found",
    "password_change_required",
    "quota_exceeded",
    "rate_limited",
    "reauthentication_required",
    "request_timeout",
    "reranker_failed",
    "second_factor_required",
    "sign_in_cancelled",
    "sign_in_disabled",
    "sign_in_no_account",
    "sign_in_refused",
    "sign_in_stale",
    "sign_in_unavailable",
    "too_large",
    "too_many_answers",
    "totp_required",
    "turn_running",
    "unavailable",
    "unsupported_type",
    "wrong_files",
]


class FieldError(dict[str, str]):
    """`{"field": ..., "message": ...}`: one invalid field of the input."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field=field, message=message)


class LumaError(Exception):
    """An error inside Luma itself.

    Retry. If the error persists, give its `request_id` to the operator, who finds the cause in the log.
    """

    # `detail` states the problem and the fix. It never contains a server path, SQL or a secret.
    # Users get `public_detail` instead, where `detail` is for operators: it names other servers or quotes
    # them. The log and the command line have `detail`.
    # `retry_after` is in seconds; it is set where waiting helps.
    code: ClassVar[Code] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    public_detail: str | None = None

    def __init__(
        self, detail: str, *, errors: list[FieldError] | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after


class MalformedRequestError(LumaError):
    """The request or its body can't be parsed.

    Fix the syntax: the body must be complete, valid JSON in UTF-8, or a complete multipart form.
    """

    code = "malformed_request"
    status = 400
    title = "Malformed request"


class NotAuthenticatedError(LumaError):
    """The request has no credentials, or its session has expired.

    Sign in, or send a token in the header `Authorization: Bearer luma_…`.
    """

    code: ClassVar[Code] = "not_authenticated"
    status = 401
    title = "Not authenticated"


class InvalidCredentialsError(NotAuthenticatedError):
    """The user name or the password is wrong.

    Check both. Unknown user names and wrong passwords get the same response.
    """

    code: ClassVar[Code] = "invalid_credentials"
    title = "Invalid credentials"


class InvalidCodeError(InvalidCredentialsError):
    """The password is right, and the code of the second factor is wrong or was used before.

    Wait for the next code of the authenticator, or use a recovery code.
    """

    code = "invalid_code"
    title = "Invalid code"


class TOTPRequiredError(NotAuthenticatedError):
    """The password is right, and the account has a second factor.

    Send the request again with `code`: the present code of the authenticator, or a recovery code.
    """

    code = "totp_required"
    title = "Code required"


class InvalidTokenError(NotAuthenticatedError):
    """The token is malformed, unknown, revoked or expired.

    Copy the whole token again, or create a new one.
    """

    code = "invalid_token"
    title = "Invalid token"


class ForbiddenError(LumaError):
    """The caller may see the resource but lacks the permission for this action.

    Ask the owner of the resource or an administrator. A restricted token may do less than its user.
    """

    code: ClassVar[Code] = "forbidden"
    status = 403
    title = "Forbidden"


class InvalidCSRFTokenError(ForbiddenError):
    """A request with a session cookie has no valid CSRF token.

    Send the value of the cookie `csrftoken` in the header `x-csrftoken`. Requests with a token need none.
    """

    code = "invalid_csrf_token"
    title = "Invalid CSRF token"


class ReauthenticationRequiredError(ForbiddenError):
    """The request is sensitive: it changes accounts or second factors, or creates a long-lived token.

    It needs a session, not a token, in which the user has entered their password within the last ten minutes.
    Enter it with `POST /api/auth/reauthenticate`, then send the request again.
    """

    code = "reauthentication_required"
    title = "Reauthentication required"


class PasswordChangeRequiredError(ForbiddenError):
    """An administrator set the password of the account.

    Choose another one with `POST /api/auth/password`. Nothing else works in the session until then.
    """

    code = "password_change_required"
    title = "Password change required"


class SecondFactorRequiredError(ForbiddenError):
    """Administrators of this server need a second factor, and the account has none.

    Set it up with `POST /api/auth/totp`. Nothing else works in the session until then.
    """

    code = "second_factor_required"
    title = "Second factor required"


class AccountDisabledError(ForbiddenError):
    """The credentials are valid, but the account is disabled.

    Ask an administrator to enable the account.
    """

    code = "account_disabled"
    title = "Account disabled"


class NotFoundError(LumaError):
    """The resource does not exist, or the caller may not see it. The two cases are indistinguishable.

    Check the address and the id, and ask for access if you know that the resource exists.
    """

    code = "not_found"
    status = 404
    title = "Not found"


class MethodNotAllowedError(LumaError):
    """The address exists but doesn't support this method.

    Use one of the methods in the response header `Allow`.
    """

    code = "method_not_allowed"
    status = 405
    title = "Method not allowed"


class TooSlowError(LumaError):
    """The body of the request did not arrive in time.

    Send the request again.
    """

    code = "request_timeout"
    status = 408
    title = "Request timeout"


class ConflictError(LumaError):
    """The request conflicts with the current state of the resource.

    The `detail` states the conflict. Resolve it, then send the request again.
    """

    code: ClassVar[Code] = "conflict"
    status = 409
    title = "Conflict"


class ConcurrentChangeError(ConflictError):
    """Another request changed the same data at the same time.

    Reload the resource, then retry.
    """

    code = "concurrent_change"
    title = "Concurrent change"


class TurnRunningError(ConflictError):
    """An answer is being written in this chat. A chat has one at a time.

    Wait until it is complete, or stop it with `POST /api/chats/{id}/stop`, then retry.
    """

    code = "turn_running"
    title = "Answer in progress"


class QuotaExceededError(ConflictError):
    """The document does not fit into a quota of its owner or of a namespace.

    Delete documents that are no longer needed, or ask the operator for a larger quota.
    """

    code = "quota_exceeded"
    title = "Quota exceeded"


class TooLargeError(LumaError):
    """The body, the file or a part of the form exceeds its size limit.

    Send less data. Operators set the limit for files with `LUMA_MAX_UPLOAD_MB`.
    """

    code = "too_large"
    status = 413
    title = "Too large"


class UnsupportedTypeError(LumaError):
    """The body has the wrong content type, or the file has an unsupported format.

    Send JSON as `application/json`. Upload documents as `multipart/form-data`, in a format that the
    message names.
    """

    code = "unsupported_type"
    status = 415
    title = "Unsupported type"


class MisdirectedError(LumaError):
    """The `Host` header names a host that this server doesn't serve.

    Use the address of the server, or let its operator add the name to `LUMA_ALLOWED_HOSTS`.
    """

    code = "misdirected_request"
    status = 421
    title = "Misdirected request"


class InvalidInputError(LumaError):
    """The request is well-formed, but some values are invalid.

    Correct the fields that `errors` lists.
    """

    code = "invalid_input"
    status = 422
    title = "Invalid input"


class RateLimitedError(LumaError):
    """Too many requests.

    Wait for the number of seconds in the response header `Retry-After`, then retry.
    """

    code: ClassVar[Code] = "rate_limited"
    status = 429
    title = "Too many requests"


class TooManyAnswersError(RateLimitedError):
    """Too many answers to questions of this user are being written at the same time.

    Wait until one is complete, or stop one, then retry. Operators set the limit with
    `LUMA_LIMITS_ANSWERS_AT_ONCE`.
    """

    code = "too_many_answers"
    title = "Too many answers at once"


class HeaderTooLargeError(LumaError):
    """The address and the headers of the request exceed their limits.

    Shorten the address, or send fewer or smaller headers and cookies.
    """

    code = "header_too_large"
    status = 431
    title = "Request header fields too large"


class ConfigurationError(LumaError):
    """The server can't start with its present settings.

    Correct the setting that the message names.
    """

    code: ClassVar[Code] = "configuration_error"
    title = "Configuration error"


class WrongFilesError(ConfigurationError):
    """The data directory does not hold the files of this database.

    Mount the shared folder, or correct `LUMA_DATA_DIR` or `LUMA_DATABASE_URL`. After a restore, or if the
    folder is the right one, run `luma db adopt-files`.
    """

    code = "wrong_files"
    title = "Wrong files"


class LLMError(LumaError):
    """The LLM server failed. The question is stored.

    Regenerate the answer. If the error persists, give its `request_id` to your administrator. The log has the
    message of the LLM server.
    """

    code = "llm_failed"
    status = 502
    title = "LLM failed"
    public_detail = (
        "The language model failed. Your question is stored. Regenerate the answer, or contact your "
        "administrator, who finds the cause in the log."
    )


class RerankerError(LumaError):
    """The reranker failed.

    Searches continue without it. The operator's log has the cause.
    """

    code = "reranker_failed"
    status = 502
    title = "Reranker failed"
    public_detail = "The reranker failed. The operator's log has the cause."


class UnavailableError(LumaError):
    """Something that the request needs, such as the database, is unavailable.

    Retry after the number of seconds in the response header `Retry-After`, if there is one.
    """

    code: ClassVar[Code] = "unavailable"
    status = 503
    title = "Unavailable"


class AnswerInterruptedError(UnavailableError):
    """The server stopped before the answer was complete. The text so far is stored.

    Regenerate the answer.
    """

    code = "answer_interrupted"
    title = "Answer interrupted"


class DeadlockError(UnavailableError):
    """The request was in a deadlock with another change and was rolled back.

    Retry.
    """

    code = "deadlock"
    title = "Deadlock"


def error_classes() -> list[type[LumaError]]:
    """All classes with a code of their own in the imported modules, by status and code."""
    found: list[type[LumaError]] = []
    pending = [LumaError]
    while pending:
        error_class = pending.pop()
        pending += error_class.__subclasses__()
        if "code" in vars(error_class):
            found.append(error_class)
    return sorted(found, key=lambda error_class: (error_class.status, error_class.code))
