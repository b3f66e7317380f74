"""Errors of an LLM server, as errors that name it and say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from luma_rag.llm.answer_stream import Reading
from luma_rag.llm.completions import NotACompletionError, ReportedError
from luma_rag.llm.server_errors import (
    ContextOverflowError,
    ServerError,
    advice,
    context_size,
    is_overflow,
    said,
    words_of,
)
from luma_rag.llm.sse import EventTooLongError

RETRY_STATUSES = frozenset({429, 502, 503, 504})
_ANOTHER_KIND = "Check that LUMA_LLM_BASE_URL is that of an OpenAI-compatible server."


class Failures:
    """Builds the errors of one server. Its `api_key` is redacted."""

    def __init__(self, server: str, api_key: str, timeout: httpx.Timeout) -> None:
        self._server = server
        self._api_key = api_key
        self._timeout = timeout

    @contextmanager
    def translated(self) -> Iterator[None]:
        """The one boundary that translates errors of httpx and of malformed bodies."""
        try:
            yield
        except httpx.ConnectTimeout as error:
            raise self._unreachable(f"no answer within {self._timeout.connect:g} s") from error
        except httpx.ConnectError as error:
            raise self._unreachable(words_of(error)) from error
        except httpx.TimeoutException as error:
            raise self.error(
                f"sent nothing for {self._timeout.read:g} s",
                "Look into its log; if it is only slow, set LUMA_LLM_TOKEN_TIMEOUT higher.",
            ) from error
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            raise self.error(f"broke off: {words_of(error)}", advice(500, ""), temporary=True) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError) as error:
            raise self.error(f"can't be asked: {words_of(error)}", "Check LUMA_LLM_BASE_URL.") from error
        except ReportedError as error:
            words = said(error.body, self._api_key) or "it does not say why"
            raise self.said_by_server("failed", words, error.status) from None
        except NotACompletionError as error:
            words = said(error.body, self._api_key)
            raise self.error(f"sent something that is no chat completion: {words}", _ANOTHER_KIND) from None
        except EventTooLongError:
            raise self.error("sent more than an answer can be", _ANOTHER_KIND) from None

    def _unreachable(self, reason: str) -> ServerError:
        return self.error(
            f"can't be reached: {reason}",
            f"Is it running at {self._server}? LUMA_LLM_BASE_URL tells Luma where it is.",
            temporary=True,
        )

    def no_text(self, reading: Reading, response: httpx.Response) -> ServerError:
        """The error that an answer has no text."""
        reason = reading.reason
        cut_off = reading.cut_off
        if cut_off is not None and cut_off.reason == "length":
            return self.error(
                "used up the tokens that an answer may have without a word of answer",
                "Set LUMA_LLM_MAX_ANSWER_TOKENS higher: models that think first need it.",
            )
        if cut_off is not None:
            return self.error("withheld its answer: its content filter stopped it", "Ask in other words.")
        if reading.has_reasoned:
            return self.error(
                "sent its reasoning without an answer",
                "Ask again; if that stays, set LUMA_LLM_MAX_ANSWER_TOKENS higher or take another model.",
            )
        kind = response.headers.get("content-type", "nothing")
        why = f"it ended because of {reason[:80]}" if reason else f"it sent {said(kind.encode(), '')}"
        return self.error(
            f"sent an empty answer ({why})",
            "Check that LUMA_LLM_BASE_URL ends in /v1 and that LUMA_LLM_MODEL is a chat model.",
        )

    def said_by_server(
        self, start: str, words: str, status: int, retry_after: int | None = None
    ) -> ServerError:
        """The error that the server reports in its own words."""
        overflows = is_overflow(status, words)
        error = self.error(
            f"{start}: {words}" if words else start,
            advice(status, words),
            status=status,
            retry_after=retry_after,
            kind=ContextOverflowError if overflows else ServerError,
        )
        error.words = words
        if isinstance(error, ContextOverflowError):
            error.tokens = context_size(words)
        return error

    def error(
        self,
        what: str,
        what_to_do: str,
        *,
        status: int = 0,
        temporary: bool = False,
        retry_after: int | None = None,
        kind: type[ServerError] = ServerError,
    ) -> ServerError:
        """An error of this server, and what to do. See `ServerError` for the rest."""
        end = "" if what.endswith((".", "!", "?", "…")) else "."
        return kind(
            f"The LLM server at {self._server} {what}{end} {what_to_do}".rstrip(),
            server_status=status,
            temporary=temporary or status in RETRY_STATUSES,
            retry_after=retry_after,
        )
