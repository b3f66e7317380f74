"""Errors at the command line: one message for people, or an object for programs; never a traceback."""

import os
import re
import sys
from typing import Any

import msgspec
import typer
from typer.exceptions import TyperException

from luma_rag.cli.output import errors, print_json, say
from luma_rag.errors import LumaError

_USAGE, _FAILURE, _INTERRUPTED = 2, 1, 130


class Failure(msgspec.Struct, frozen=True):
    """What failed. `code` is stable, for programs; `errors` lists invalid fields."""

    code: str
    title: str
    detail: str
    errors: list[dict[str, str]]


class UsageError(LumaError):
    """The arguments of a command are invalid; the exit code is 2."""

    title = "Usage error"


class InterruptedByUser(LumaError):
    """A command was interrupted; the message says how to continue."""

    title = "Interrupted"


def report(error: BaseException, *, as_json: bool) -> int | None:
    """Print an error to standard error, or as JSON to standard output. Returns the exit code.

    Returns None for a bug, whose traceback is needed for the report.
    """
    if isinstance(error, KeyboardInterrupt):
        failure, code = Failure("interrupted", "Interrupted", "The command did not finish.", []), _INTERRUPTED
    elif isinstance(error, typer.Abort):
        failure, code = Failure("aborted", "Aborted", "Nothing was changed.", []), _FAILURE
    elif isinstance(error, TyperException):
        return _report_usage(error, as_json=as_json)
    elif isinstance(error, LumaError):
        code = {UsageError: _USAGE, InterruptedByUser: _INTERRUPTED}.get(type(error), _FAILURE)
        failure = Failure(
            _code(error), error.title, error.detail, [dict(field) for field in error.errors or ()]
        )
    else:
        detail = _outside(error)
        if detail is None:
            return None
        failure, code = Failure("unavailable", "Unavailable", detail, []), _FAILURE
    _print(failure, as_json=as_json)
    return code


def _report_usage(error: Any, *, as_json: bool) -> int:
    if as_json:
        _print(Failure("usage_error", "Usage error", error.format_message(), []), as_json=True)
    else:
        error.show()
    return int(error.exit_code)


def _print(failure: Failure, *, as_json: bool) -> None:
    if as_json:
        print_json({"error": failure})
        return
    errors.print(f"[bold red]{failure.title}:[/] ", end="")
    say(failure.detail, err=True)
    for field in failure.errors:
        if field["message"] not in failure.detail:
            say(f"  {field['field']}: {field['message']}", err=True)


def _code(error: LumaError) -> str:
    if isinstance(error, UsageError | InterruptedByUser):
        return "usage_error" if isinstance(error, UsageError) else "interrupted"
    declared: str | None = getattr(error, "code", None)
    name = type(error).__name__.removesuffix("Error")
    return declared or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _outside(error: BaseException) -> str | None:
    """The message for a cause outside Luma, in a file or in the database; None for other errors."""
    if isinstance(error, OSError):
        reason = os.strerror(error.errno) if error.errno else str(error) or "it does not answer"
        return f"{error.filename}: {reason}." if error.filename else f"{reason}."
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import DBAPIError

        from luma_rag.db import errors as database_errors

        if isinstance(error, DBAPIError) or (
            isinstance(error, Exception) and database_errors.as_luma_error(error)
        ):
            return f"The database failed: {database_errors.reason(error)}. Run luma doctor to see more."
    return None
