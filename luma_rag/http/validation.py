"""Readable messages for invalid values in requests."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from litestar.exceptions import ValidationException

from luma_rag.errors import FieldError
from luma_rag.http.input import NO_NUL, NOT_BLANK

_KINDS = {
    "array": "a list",
    "bool": "true or false",
    "datetime": "a time such as 2026-01-31T12:00:00Z",
    "float": "a number",
    "int": "a whole number",
    "null": "null",
    "object": "an object",
    "str": "text",
}
_PATTERNS = {
    repr(NO_NUL): "must not contain the character NUL",
    repr(NOT_BLANK): "must not be blank or contain the character NUL",
}
_BOUNDS = {">=": "at least", "<=": "at most", ">": "greater than", "<": "less than"}

# msgspec's messages, and ours.
_MESSAGES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile(r"Object missing required field `.+`"), lambda m: "is required"),
    (re.compile(r"Object contains unknown field `.+`"), lambda m: "is not a known field"),
    (re.compile(r"Expected `(.+)`, got `(.+)`"), lambda m: f"must be {_kinds(m[1])}, not {_kinds(m[2])}"),
    (
        re.compile(r"Expected `(str|array)(?: \| null)?` of length (>=|<=) (\d+)"),
        lambda m: f"must have {_BOUNDS[m[2]]} {_counted(m[3], m[1])}",
    ),
    (
        re.compile(r"Expected `(?:int|float)(?: \| null)?` (>=|<=|>|<) (.+)"),
        lambda m: f"must be {_BOUNDS[m[1]]} {m[2]}",
    ),
    (
        re.compile(r"Expected `str(?: \| null)?` matching regex (.+)"),
        lambda m: _PATTERNS.get(m[1], "has an invalid format"),
    ),
    (
        re.compile(r"Invalid enum value .+"),
        lambda m: "is not one of the allowed values; /schema/openapi.json lists them",
    ),
    (re.compile(r"Invalid RFC3339 encoded datetime"), lambda m: f"must be {_KINDS['datetime']}"),
    (re.compile(r"Integer value out of range"), lambda m: "is too large"),
]
_NAMED = re.compile(r"Object (?:missing required|contains unknown) field `(.+)`")
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"Missing required \w+ parameter '(.+?)'")


def body_error(error: msgspec.ValidationError) -> FieldError:
    """The first invalid field of a body: msgspec reports only one."""
    message = str(error)
    found = _PLACE.search(message)
    return _field_error(found[1] if found else "", message[: found.start()] if found else message)


def parameter_errors(error: ValidationException) -> list[FieldError]:
    """The invalid parameters of the path and the query."""
    if missing := _MISSING.search(error.detail):
        return [FieldError(missing[1], "is required")]
    return [_of_entry(entry) for entry in error.extra or []]


def explained(message: str) -> str:
    """Our message for one of msgspec."""
    for pattern, explanation in _MESSAGES:
        if found := pattern.fullmatch(message):
            return explanation(found)
    return message


def _of_entry(entry: Any) -> FieldError:
    if not isinstance(entry, dict):
        return FieldError("body", explained(str(entry)))
    key = str(entry.get("key", "body"))
    return _field_error("body" if key == "data" else key, str(entry.get("message", "is invalid")))


def _field_error(place: str, message: str) -> FieldError:
    if named := _NAMED.fullmatch(message):
        place = f"{place}.{named[1]}" if place not in ("", "body") else named[1]
    return FieldError(place or "body", explained(message))


def _kinds(kinds: str) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | "))


def _counted(number: str, kind: str) -> str:
    noun = "character" if kind == "str" else "item"
    return f"{number} {noun}" if number == "1" else f"{number} {noun}s"
