"""A reranker over HTTP: `/rerank` of Text Embeddings Inference (TEI), vLLM and llama.cpp.

References: https://huggingface.github.io/text-embeddings-inference (rerank),
https://docs.vllm.ai/en/latest/models/pooling_models/scoring.html (Jina and Cohere formats),
https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md (both formats).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec

from luma_rag.errors import RerankerError
from luma_rag.llm.address import authorization, checked, checked_key, uses_proxy
from luma_rag.llm.completions import BODY_LIMIT, NOT_JSON
from luma_rag.llm.server_errors import ERROR_LIMIT, said, start_of, words_of

_PATH = "/rerank"
_TIMEOUT = 30.0
"""Read timeout in seconds. A search has its own, shorter budget."""


class _Rank(msgspec.Struct, frozen=True):
    """A result in TEI's format: an element of a list."""

    index: int
    score: float


class _Result(msgspec.Struct, frozen=True):
    """A result in the Jina and Cohere formats."""

    index: int
    relevance_score: float


class _Results(msgspec.Struct, frozen=True):
    results: list[_Result]


class EndpointReranker:
    """Query `address`; `/rerank` is appended unless it already ends so.

    Raises:
        ConfigurationError: it is not an HTTP address, or `api_key` is not valid in a header.
    """

    def __init__(
        self, address: str, *, api_key: str | None = None, client: httpx.AsyncClient | None = None
    ) -> None:
        url, self._server = checked(
            address,
            "LUMA_RERANKER must be the address of a /rerank endpoint, for instance "
            "http://127.0.0.1:8080/rerank, or the name or folder of a CrossEncoder.",
        )
        self._url = url if url.endswith(_PATH) else url + _PATH
        self._api_key = checked_key(api_key, "LUMA_RERANKER_API_KEY")
        self._owns_client = client is None
        # No connection limit: the server decides how many queries it scores at once.
        self._client = client or httpx.AsyncClient(
            trust_env=uses_proxy(self._url),
            limits=httpx.Limits(max_connections=None),
            timeout=httpx.Timeout(_TIMEOUT),
        )

    @property
    def name(self) -> str:
        """The server's address."""
        return f"at {self._server}"

    async def aclose(self) -> None:
        """Close the connections, unless the HTTP client belongs to the caller."""
        if self._owns_client:
            await self._client.aclose()

    async def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """A score for each passage; see `Reranker.scores`. Cancellation closes the connection.

        Raises:
            RerankerError: the server is unreachable, refuses, or sends something other than scores.
        """
        with self._translated():
            async with self._client.stream(
                "POST", self._url, json=_body(query, passages), headers=authorization(self._api_key)
            ) as response:
                if not response.is_success:
                    words = said(await start_of(response, ERROR_LIMIT), self._api_key)
                    raise self._error(f"answered {response.status_code}: {words or 'nothing'}")
                answer = await start_of(response, BODY_LIMIT)
        try:
            found = _scores(answer)
        except NOT_JSON:
            words = said(answer, self._api_key)
            raise self._error(f"sent no scores{f': {words}' if words else ''}") from None
        if sorted(index for index, _ in found) != list(range(len(passages))):
            raise self._error(
                f"sent {len(found)} scores that are not one for each of {len(passages)} passages"
            )
        return [score for _, score in sorted(found)]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Translate the errors of httpx, at this one boundary."""
        try:
            yield
        except httpx.TimeoutException as error:
            raise self._error(f"sent nothing for {_TIMEOUT:g} s") from error
        except httpx.ConnectError as error:
            raise self._error(f"can't be reached: {words_of(error)}") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError) as error:
            raise self._error(f"failed: {words_of(error)}") from error

    def _error(self, what: str) -> RerankerError:
        return RerankerError(f"The reranker at {self._server} {what}. LUMA_RERANKER tells Luma where it is.")


def _body(query: str, passages: Sequence[str]) -> dict[str, Any]:
    """One request body for all servers, so that the server type needs no configuration.

    TEI reads `texts`, vLLM reads `documents`, llama.cpp reads either and answers in TEI's format if there are
    `texts`. All of them ignore unknown keys. Passages too long for the model are to be truncated: by
    `truncate` in TEI and by `truncate_prompt_tokens` in vLLM; llama.cpp has no such option.
    """
    return {
        "query": query,
        "texts": passages,
        "documents": passages,
        "truncate": True,
        "truncate_prompt_tokens": -1,
    }


def _scores(answer: bytes) -> list[tuple[int, float]]:
    """Pairs of index and score in the server's order, usually best first."""
    decoded = msgspec.json.decode(answer, type=list[_Rank] | _Results)
    if isinstance(decoded, _Results):
        return [(result.index, result.relevance_score) for result in decoded.results]
    return [(rank.index, rank.score) for rank in decoded]
