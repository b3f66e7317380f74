"""What both clients do alike, without any input or output."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import httpx
import msgspec

from luma_client.errors import ApiError, Problem
from luma_client.types import T

PAGE_SIZE = 200
"""Page of a list that are read at once, as many as the service gives."""

MAX_TRIES = 5
"""How often a call is made that the service postpones (429, or 503 with `Retry-After`)."""

POLL_SECONDS = 0.5
"""Between two looks at an ingestion."""

SILENCE_SECONDS = 60.0
"""Without a byte for so long, a stream of events is lost: the service sends a comment every 15 s."""

MAX_RECONNECTS = 10
"""Failed attempts in a row after which a stream of events is given up, after about three minutes."""

NOTHING = 204
"""The status where no answer is being written."""

EVENT_STREAM = {"accept": "text/event-stream", "cache-control": "no-store"}


class Content(TypedDict, total=False):
    """The parts of a request, as httpx names them."""

    json: Any
    params: Mapping[str, Any]
    data: Mapping[str, Any]
    files: Mapping[str, Any]
    headers: Mapping[str, str]
    timeout: float


def headers(token: str) -> dict[str, str]:
    """The headers of every request."""
    return {"authorization": f"Bearer {token}", "accept": "application/json"}


def retry_after(response: httpx.Response) -> float | None:
    """Seconds in the header `Retry-After`; None if there is none."""
    seconds = response.headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else None


def pause(response: httpx.Response, tries: int) -> float | None:
    """Seconds to wait before the call is made again; None if its response stands."""
    if tries >= MAX_TRIES or response.status_code not in (429, 503):
        return None
    return retry_after(response)


def reconnect_pause(failures: int) -> float:
    """Seconds to wait before a stream of events is opened again."""
    return min(2.0**failures, 30.0)


def decode(response: httpx.Response, kind: type[T]) -> T:
    """The body of a successful response that was read.

    Raises:
        ApiError: it isn't what this client understands.
    """
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.DecodeError as error:
        request = response.request
        detail = f"{request.method} {request.url.path} was answered in an unknown form: {error}"
        raise ApiError(response.status_code, detail) from error


def error_of(response: httpx.Response) -> ApiError:
    """The error that an unsuccessful response stands for; its body was read."""
    try:
        problem = msgspec.json.decode(response.content, type=Problem)
    except msgspec.DecodeError:
        problem = Problem()
    fallback = f"{response.request.method} {response.request.url.path} failed"
    problem = msgspec.structs.replace(problem, status=response.status_code, detail=problem.detail or fallback)
    return ApiError.of(problem, retry_after=retry_after(response))


def given(**fields: Any) -> dict[str, Any]:
    """The fields that aren't None."""
    return {name: value for name, value in fields.items() if value is not None}


def upload_fields(namespace_ids: Sequence[int], title: str | None, is_public: bool) -> dict[str, Any]:
    """The fields of the multipart form beside the file."""
    return given(
        namespace_id=[str(i) for i in namespace_ids],
        title=title,
        is_public="true" if is_public else None,
    )
