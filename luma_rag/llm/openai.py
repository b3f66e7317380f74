"""A language model behind any server with OpenAI's chat completions API.

Reference: https://platform.openai.com/docs/api-reference/chat
"""

import asyncio
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress

import httpx
import msgspec

from luma_rag.llm.address import authorization, checked, checked_key
from luma_rag.llm.completions import (
    BODY_LIMIT,
    NOT_JSON,
    NotACompletionError,
    ReportedError,
    Usage,
    parts,
)
from luma_rag.llm.protocol import PromptMessage
from luma_rag.llm.server_errors import ERROR_LIMIT, ServerError, advice, said, start_of, words_of
from luma_rag.llm.sse import EventTooLongError
from luma_rag.metrics import TOKENS

RETRIES = 2
RETRY_STATUSES = frozenset({429, 502, 503, 504})
LONGEST_WAIT = 10.0
"""The longest `Retry-After` to follow, in seconds. Beyond it, there is no retry."""

TEMPERATURE = 0.2
"""Low, because the answer should follow the passages; not 0, because small models then repeat themselves."""

PAUSE = 0.08
"""Seconds between two pieces of an answer. What arrives in between is one piece: passing on each token by
itself takes most of the CPU time of an answer, and nobody reads that fast.
"""

# The end of the body usually comes with that of the answer. Some servers keep the response open.
_END_SECONDS = 0.1
_IDLE_CONNECTIONS = 8
_ANOTHER_KIND = "Check that LUMA_LLM_BASE_URL is that of an OpenAI-compatible server."


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


class OpenAIModel:
    """Streams answers from `{base_url}/chat/completions`.

    `base_url` includes `/v1`. Without `model`, the first model of the server's list is used. Times are in
    seconds: `connect_timeout` to reach the server, `token_timeout` between two events, keep-alive
    comments included. A given `client` stays open.

    Raises:
        ConfigurationError: `base_url` is not an HTTP address, or `api_key` is not valid in a header.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        connect_timeout: float = 10.0,
        token_timeout: float = 120.0,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._base_url, self._server = checked(
            base_url,
            "LUMA_LLM_BASE_URL must be the address of an OpenAI-compatible server, up to and including /v1, "
            "for instance http://127.0.0.1:8080/v1.",
        )
        self._api_key = checked_key(api_key, "LUMA_LLM_API_KEY")
        self._model = model
        self._timeout = httpx.Timeout(token_timeout, connect=connect_timeout)
        self._owns_client = client is None
        # No connection limit: caller and server decide how many answers run concurrently. Few idle
        # connections: for each of them, httpcore visits all others at the start and the end of a request.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=_IDLE_CONNECTIONS)
        self._client = client or httpx.AsyncClient(limits=limits)
        self._naming = asyncio.Lock()
        self._limit_option = "max_tokens"
        self._takes_temperature = True
        self._counts_tokens = True

    @property
    def name(self) -> str:
        """The model's name, or the server's address until the name is known."""
        return self._model or self._server

    async def aclose(self) -> None:
        """Close the connections, unless the HTTP client belongs to the caller."""
        if self._owns_client:
            await self._client.aclose()

    async def stream(
        self, messages: Sequence[PromptMessage], *, max_tokens: int
    ) -> AsyncGenerator[str, None]:
        """Yield the answer in pieces; closing the generator closes the connection.

        Failures before the first piece are retried at most twice if that can help: no connection, a broken
        one, 429, 502, 503 and 504, after the server's `Retry-After` if that is short.

        Raises:
            LLMError: the server is unreachable, refuses, breaks off, or sends no text.
        """
        failures = 0
        while True:
            started = False
            try:
                async with aclosing(self._attempt(messages, max_tokens)) as pieces:
                    async for piece in pieces:
                        started = True
                        yield piece
                return
            except ServerError as error:
                if started:
                    raise
                if self._adapts_to(error):
                    continue
                wait = _pause(failures) if error.retry_after is None else float(error.retry_after)
                if not error.temporary or failures == RETRIES or wait > LONGEST_WAIT:
                    raise
            failures += 1
            await asyncio.sleep(wait)

    async def _attempt(self, messages: Sequence[PromptMessage], max_tokens: int) -> AsyncGenerator[str, None]:
        body = {
            "model": await self._model_name(),
            "messages": msgspec.to_builtins(messages),
            "stream": True,
            **({"stream_options": {"include_usage": True}} if self._counts_tokens else {}),
            self._limit_option: max_tokens,
        }
        if self._takes_temperature:
            body["temperature"] = TEMPERATURE
        empty, reason, whole, usage = True, None, False, Usage()
        with self._translated():
            async with self._client.stream(
                "POST",
                f"{self._base_url}/chat/completions",
                json=body,
                headers=self._headers(),
                timeout=self._timeout,
            ) as response:
                await self._check(response)
                async with (
                    aclosing(_read_ahead(response.aiter_bytes())) as body_chunks,
                    aclosing(parts(body_chunks)) as answer,
                ):
                    async for part in answer:
                        reason = part.finish_reason or reason
                        # Some servers send it with every part; the last one counts.
                        usage = part.usage or usage
                        if part.text:
                            empty = False
                            yield part.text
                        if part.whole:
                            whole = True
                            break
                        if part.text:
                            await asyncio.sleep(PAUSE)
                    if whole:
                        await _read_to_end(body_chunks)
        TOKENS.labels("prompt").inc(usage.prompt_tokens)
        TOKENS.labels("completion").inc(usage.completion_tokens)
        if empty:
            raise self._no_text(reason, response)
        framed = {"content-length", "transfer-encoding"} & response.headers.keys()
        if not (whole or reason or framed):
            # Without length, chunks or end marker, a server that died looks like one that finished.
            raise self._error("broke off: the connection ended before the answer did", advice(500, ""))

    async def _model_name(self) -> str:
        async with self._naming:
            if self._model is None:
                with self._translated():
                    async with self._client.stream(
                        "GET", f"{self._base_url}/models", headers=self._headers(), timeout=self._timeout
                    ) as response:
                        await self._check(response)
                        answer = await start_of(response, BODY_LIMIT)
                try:
                    self._model = msgspec.json.decode(answer, type=_Models).data[0].id
                except (*NOT_JSON, IndexError):
                    raise self._error(
                        "does not say which models it has", "Name one in LUMA_LLM_MODEL."
                    ) from None
            return self._model

    def _headers(self) -> dict[str, str]:
        return authorization(self._api_key)

    async def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        status = response.status_code
        words = said(await start_of(response, ERROR_LIMIT), self._api_key)
        # A date in Retry-After is rare; the default pause serves as well.
        asked = re.fullmatch(r"\d{1,6}", response.headers.get("retry-after", ""))
        raise self._error(
            f"answered {status}: {words}" if words else f"answered {status}",
            advice(status, words),
            status=status,
            retry_after=int(asked[0]) if asked else None,
        )

    def _adapts_to(self, error: ServerError) -> bool:
        """Drop the parameters that this server refuses. Returns whether there were any.

        Reasoning models refuse a temperature and take the limit under another name.
        """
        if error.server_status not in (400, 422):
            return False
        if "max_completion_tokens" in error.detail and self._limit_option == "max_tokens":
            self._limit_option = "max_completion_tokens"
            return True
        if "stream_options" in error.detail and self._counts_tokens:
            self._counts_tokens = False
            return True
        if "temperature" in error.detail and self._takes_temperature:
            self._takes_temperature = False
            return True
        return False

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The one boundary that translates errors of httpx and of malformed bodies."""
        try:
            yield
        except httpx.ConnectTimeout as error:
            raise self._unreachable(f"no answer within {self._timeout.connect:g} s") from error
        except httpx.ConnectError as error:
            raise self._unreachable(words_of(error)) from error
        except httpx.TimeoutException as error:
            raise self._error(
                f"sent nothing for {self._timeout.read:g} s",
                "Look into its log; if it is only slow, set LUMA_LLM_TOKEN_TIMEOUT higher.",
            ) from error
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            raise self._error(f"broke off: {words_of(error)}", advice(500, ""), temporary=True) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError) as error:
            raise self._error(f"can't be asked: {words_of(error)}", "Check LUMA_LLM_BASE_URL.") from error
        except ReportedError as error:
            words = said(error.body, self._api_key)
            raise self._error(f"failed: {words}", advice(error.status, words), status=error.status) from None
        except NotACompletionError as error:
            words = said(error.body, self._api_key)
            raise self._error(f"sent something that is no chat completion: {words}", _ANOTHER_KIND) from None
        except EventTooLongError:
            raise self._error("sent more than an answer can be", _ANOTHER_KIND) from None

    def _unreachable(self, reason: str) -> ServerError:
        return self._error(
            f"can't be reached: {reason}",
            f"Is it running at {self._server}? LUMA_LLM_BASE_URL tells Luma where it is.",
            temporary=True,
        )

    def _no_text(self, reason: str | None, response: httpx.Response) -> ServerError:
        if reason == "length":
            return self._error(
                "used up the tokens that an answer may have without a word of answer",
                "Set LUMA_LLM_MAX_ANSWER_TOKENS higher: models that think first need it.",
            )
        kind = response.headers.get("content-type", "nothing")
        why = f"it ended because of {reason[:80]}" if reason else f"it sent {said(kind.encode(), '')}"
        return self._error(
            f"sent an empty answer ({why})",
            "Check that LUMA_LLM_BASE_URL ends in /v1 and that LUMA_LLM_MODEL is a chat model.",
        )

    def _error(
        self,
        what: str,
        what_to_do: str,
        *,
        status: int = 0,
        temporary: bool = False,
        retry_after: int | None = None,
    ) -> ServerError:
        end = "" if what.endswith((".", "!", "?", "…")) else "."
        return ServerError(
            f"The LLM server at {self._server} {what}{end} {what_to_do}".rstrip(),
            server_status=status,
            temporary=temporary or status in RETRY_STATUSES,
            retry_after=retry_after,
        )


async def _read_ahead(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Chunks, all that have arrived since the last one as one: httpx yields each token by itself."""
    arrived: list[bytes] = []
    news = asyncio.Event()

    async def read() -> None:
        async for chunk in chunks:
            arrived.append(chunk)
            news.set()

    reading = asyncio.create_task(read())
    reading.add_done_callback(lambda _: news.set())
    try:
        while not reading.done() or arrived:
            await news.wait()
            news.clear()
            if arrived:
                joined = b"".join(arrived)
                arrived.clear()
                yield joined
        await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read_to_end(chunks: AsyncIterator[bytes]) -> None:
    """Read what follows the end of an answer: the connection then serves the next question.

    A new connection takes several round trips, which the first token would wait for.
    """
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_END_SECONDS):
            async for _ in chunks:
                pass


def _pause(failures: int) -> float:
    """Seconds before a retry, about 0.5, then about 1; jittered, so that callers do not return together."""
    return 0.5 * (1 << failures) * random.uniform(0.5, 1.5)  # noqa: S311 - nothing secret about it
