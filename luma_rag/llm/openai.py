"""A language model behind any server with OpenAI's chat completions API.

Reference: https://platform.openai.com/docs/api-reference/chat
"""

import asyncio
import random
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import httpx
import msgspec

from luma_rag.llm.address import authorization, checked, checked_key, uses_proxy
from luma_rag.llm.answer_stream import Reading, read_ahead, read_to_end, until_end
from luma_rag.llm.completions import BODY_LIMIT, NOT_JSON, parts
from luma_rag.llm.failures import Failures
from luma_rag.llm.learned import Learned
from luma_rag.llm.protocol import PromptMessage, Sampling, Usage, Written
from luma_rag.llm.server_errors import (
    ERROR_LIMIT,
    ContextOverflowError,
    ServerError,
    advice,
    said,
    start_of,
)
from luma_rag.metrics import TOKENS

RETRIES = 2
LONGEST_WAIT = 10.0
"""The longest `Retry-After` to follow, in seconds. Beyond it, there is no retry."""

PAUSE = 0.08
"""Seconds between two pieces of an answer. What arrives in between is one piece: passing on each token by
itself takes most of the CPU time of an answer, and nobody reads that fast.
"""

NAME_SECONDS = 60.0
"""Seconds for which the name of a server's first model is remembered: another one may have been loaded."""
_IDLE_CONNECTIONS = 8
OPTIONS_REFUSED = (400, 422)
_DEFAULT = Sampling()


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
        self._failures = Failures(self._server, self._api_key, self._timeout)
        # No connection limit: caller and server decide how many answers run concurrently. Few idle
        # connections: for each of them, httpcore visits all others at the start and the end of a request.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=_IDLE_CONNECTIONS)
        self._client = client or httpx.AsyncClient(limits=limits, trust_env=uses_proxy(self._base_url))
        self._naming = asyncio.Lock()
        self._first_model: str | None = None
        self._named_at = 0.0
        self._learned: dict[str, Learned] = {}

    @property
    def name(self) -> str:
        """The model's name, or the server's address until the name is known."""
        return self._model or self._first_model or self._server

    async def aclose(self) -> None:
        """Close the connections, unless the HTTP client belongs to the caller."""
        if self._owns_client:
            await self._client.aclose()

    async def stream(
        self, messages: Sequence[PromptMessage], *, max_tokens: int, sampling: Sampling = _DEFAULT
    ) -> AsyncGenerator[Written, None]:
        """Yield the answer in pieces; closing the generator closes the connection.

        Failures before the first piece are retried at most twice if that can help: no connection, a broken
        one, 429, 502, 503 and 504, after the server's `Retry-After` if that is short. A request in a form
        that the server refuses is sent again in one that it takes, which is remembered; one with `sampling`
        first without it.

        Raises:
            LLMError: the server is unreachable, refuses, breaks off, or sends no text.
        """
        failures = 0
        while True:
            started = False
            name = await self._model_name()
            learned = self._learned.setdefault(name, Learned())
            body = learned.body(name, messages, max_tokens, sampling)
            try:
                async with aclosing(self._attempt(body)) as pieces:
                    async for piece in pieces:
                        started = True
                        yield piece
                return
            except ServerError as error:
                if started or isinstance(error, ContextOverflowError):
                    raise
                if learned.body(name, messages, max_tokens, sampling) != body:
                    continue  # Another question has learned meanwhile.
                if sampling != Sampling() and error.server_status in OPTIONS_REFUSED:
                    sampling = Sampling()
                    continue
                if learned.adapt(error.server_status, error.words, max_tokens):
                    continue
                if error.server_status == 404 and self._forget_name():
                    continue
                wait = _pause(failures) if error.retry_after is None else float(error.retry_after)
                if not error.temporary or failures == RETRIES or wait > LONGEST_WAIT:
                    raise
            failures += 1
            await asyncio.sleep(wait)

    async def _attempt(self, body: dict[str, Any]) -> AsyncGenerator[Written, None]:
        reading = Reading()
        with self._failures.translated():
            async with self._client.stream(
                "POST",
                f"{self._base_url}/chat/completions",
                json=body,
                headers=self._headers(),
                timeout=self._timeout,
            ) as response:
                await self._check(response)
                async with (
                    aclosing(read_ahead(response.aiter_bytes())) as body_chunks,
                    aclosing(parts(body_chunks)) as answer,
                ):
                    async for part in until_end(answer):
                        for piece in reading.read(part):
                            yield piece
                        if part.whole or reading.has_ended:
                            break
                        if part.text:
                            await asyncio.sleep(PAUSE)
                    for piece in reading.close():
                        yield piece
                    if reading.is_whole:
                        await read_to_end(body_chunks)
        TOKENS.labels("prompt").inc(reading.usage.prompt_tokens)
        TOKENS.labels("completion").inc(reading.usage.completion_tokens)
        if reading.is_empty:
            raise self._failures.no_text(reading, response)
        framed = {"content-length", "transfer-encoding"} & response.headers.keys()
        if not (reading.is_whole or reading.reason or reading.has_ended or framed):
            # Without length, chunks or end marker, a server that died looks like one that finished.
            raise self._failures.error(
                "broke off: the connection ended before the answer did", advice(500, "")
            )
        if reading.usage != Usage():
            yield reading.usage
        if reading.cut_off is not None:
            yield reading.cut_off

    async def _model_name(self) -> str:
        if self._model is not None:
            return self._model
        async with self._naming:
            if self._first_model is None or time.monotonic() - self._named_at > NAME_SECONDS:
                try:
                    self._first_model = await self._ask_for_name()
                except ServerError:
                    # A server that has answered before may be busy.
                    if self._first_model is None:
                        raise
                self._named_at = time.monotonic()
            return self._first_model

    async def _ask_for_name(self) -> str:
        with self._failures.translated():
            async with self._client.stream(
                "GET", f"{self._base_url}/models", headers=self._headers(), timeout=self._timeout
            ) as response:
                await self._check(response)
                answer = await start_of(response, BODY_LIMIT)
        try:
            return msgspec.json.decode(answer, type=_Models).data[0].id
        except (*NOT_JSON, IndexError):
            raise self._failures.error(
                "does not say which models it has", "Name one in LUMA_LLM_MODEL."
            ) from None

    def _forget_name(self) -> bool:
        """Ask for the model's name again if it was learned some time ago. Returns whether it was."""
        if self._model is not None or self._first_model is None:
            return False
        is_old = time.monotonic() - self._named_at > 1
        self._named_at = float("-inf")
        return is_old

    def _headers(self) -> dict[str, str]:
        return authorization(self._api_key)

    async def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        status = response.status_code
        words = said(await start_of(response, ERROR_LIMIT), self._api_key)
        # A date in Retry-After is rare; the default pause serves as well.
        asked = re.fullmatch(r"\d{1,6}", response.headers.get("retry-after", ""))
        raise self._failures.said_by_server(
            f"answered {status}", words, status, int(asked[0]) if asked else None
        )


def _pause(failures: int) -> float:
    """Seconds before a retry, about 0.5, then about 1; jittered, so that callers do not return together."""
    return 0.5 * (1 << failures) * random.uniform(0.5, 1.5)  # noqa: S311 - nothing secret about it
