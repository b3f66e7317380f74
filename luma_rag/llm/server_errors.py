"""Error messages of LLM servers, reduced to a short, readable text without the key."""

import re
from typing import Any

import httpx
import msgspec

from luma_rag.errors import LLMError
from luma_rag.llm.completions import NOT_JSON

SAID_LIMIT = 300
"""Maximum characters of a server's own words."""
ERROR_LIMIT = 16 * 1024
"""Maximum bytes read of an error body."""

_ADVICE = {
    401: "Check LUMA_LLM_API_KEY.",
    403: "Check LUMA_LLM_API_KEY.",
    404: "Check LUMA_LLM_MODEL and LUMA_LLM_BASE_URL, which goes up to and including /v1.",
    405: "Check LUMA_LLM_BASE_URL, which goes up to and including /v1.",
    429: "Try again later, or look at the limits of your account there.",
}


_OVERFLOW = re.compile(
    r"context[ _-]?(?:length|window|size)|maximum context|max_model_len|n_ctx|prompt is too long"
    r"|(?:input|prompt)[^.]{0,60}(?:too long|exceeds?)|too many (?:input )?tokens"
    r"|reduce (?:the length|your prompt)"
    r"|exceeds? (?:the )?(?:model'?s? )?(?:maximum |available )?(?:context|input|sequence)",
    re.IGNORECASE,
)
# The limit of an answer, although some servers explain it by the context.
_ANSWER_LIMIT = re.compile(r"max_\w*tokens\W{0,3} must be|maximum value for|completion tokens", re.IGNORECASE)
_LIMITS = re.compile(
    r"(?:maximum context length (?:is|of)|context (?:size|length|window)(?: is| of|:)?|max_model_len|n_ctx|>"
    r"|limit (?:is|of))"
    r"\D{0,12}(\d{3,8})",
    re.IGNORECASE,
)


class ServerError(LLMError):
    """A failed call, with what decides about a retry.

    `server_status` is the HTTP status, or 0 without one; `temporary` says that a retry may succeed. `words`
    are the server's own, if it reported the error.
    """

    words = ""

    def __init__(
        self, detail: str, *, server_status: int = 0, temporary: bool = False, retry_after: int | None = None
    ) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.server_status = server_status
        self.temporary = temporary


class ContextOverflowError(ServerError):
    """The prompt is too long for the model. `tokens` is the size of its context, if the server names it."""

    tokens: int | None = None


def is_overflow(status: int, words: str) -> bool:
    """Whether an error means that the prompt is too long for the model."""
    may_be = status in (0, 400, 413, 422, 500) and not _ANSWER_LIMIT.search(words)
    return may_be and bool(_OVERFLOW.search(words))


def context_size(words: str) -> int | None:
    """The size of the context, in tokens, that an error names."""
    named = [int(number) for number in _LIMITS.findall(words)]
    return min(named) if named else None


def said(body: bytes, secret: str) -> str:
    """The message in an error body, on one line; "" without one. `secret` is redacted.

    Of JSON only the message is passed on, because some servers echo the request.
    """
    text = body.decode("utf-8", "replace")
    try:
        text = _message(msgspec.json.decode(body))
    except NOT_JSON:
        text = re.sub(r"<[^<>]*>", " ", text)  # a proxy's HTML
    if secret:
        text = text.replace(secret, "***")
    text = "".join(character if character.isprintable() else " " for character in text)
    text = " ".join(text.split())
    return text if len(text) <= SAID_LIMIT else text[:SAID_LIMIT].rstrip() + "…"


async def start_of(response: httpx.Response, limit: int) -> bytes:
    """The first bytes of an unread body, at most `limit`."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            break
    return body[:limit]


def words_of(error: Exception) -> str:
    """The text of an httpx error, or its class name if it is empty."""
    return said(str(error).encode(), "") or type(error).__name__


def advice(status: int, words: str) -> str:
    """Advice for an HTTP status, "" if there is none; `words` is the server's own message."""
    if is_overflow(status, words):
        return "Set LUMA_LLM_CONTEXT_TOKENS to what the model's context holds."
    if 300 <= status < 400:
        return "It sends Luma elsewhere: set LUMA_LLM_BASE_URL to the final address."
    if status >= 500:
        return "Ask again; if that stays, look into its log."
    return _ADVICE.get(status, "")


def _message(body: Any) -> str:
    """The message of an error: {"error": {"message": …}}, {"error": …}, {"message": …}, {"detail": …}, or
    that of the first choice.

    FastAPI's detail is a list of objects with a `msg`, and with the input itself.
    """
    for _ in range(4):
        if not isinstance(body, dict):
            break
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        within = choice.get("error") if isinstance(choice, dict) else None
        body = body.get("error") or body.get("message") or body.get("detail") or body.get("msg") or within
    if isinstance(body, list):
        body = "; ".join(str(each["msg"]) for each in body if isinstance(each, dict) and "msg" in each)
    return body if isinstance(body, str) else ""
