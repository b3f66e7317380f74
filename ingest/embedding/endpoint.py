"""Embeds texts on a server with OpenAI's `/embeddings`: Ollama, vLLM, Text Embeddings Inference, llama.cpp.

References: https://platform.openai.com/docs/api-reference/embeddings/create,
https://docs.ollama.com/api/openai-compatibility, https://docs.vllm.ai/en/latest/models/pooling_models,
https://huggingface.github.io/text-embeddings-inference.
"""

import hashlib
import time
from collections.abc import Callable, Sequence

import httpx
import msgspec
import numpy as np

from ingest.chunker import first_tokens
from ingest.embedding.base import NamedEmbedder, TextKind, kept_dimensions, prefixes
from ingest.embedding.batches import batches_of_texts
from ingest.embedding.counting import estimating_counter, readable
from ingest.embedding.spec import DEFAULT_MAX_TOKENS, ModelError, ModelSpec
from ingest.embedding.vectors import unit
from ingest.errors import OutageError, TransientError
from ingest.types import EmbeddingModel, Vector

_PATH = "/embeddings"
_TIMEOUT = httpx.Timeout(120, connect=10)
_QUERY_TIMEOUT = httpx.Timeout(15, connect=5)
_WAITS: dict[TextKind, tuple[float, ...]] = {"document": (0.5, 2, 8), "query": (0.2,)}
"""Seconds before each further attempt. Somebody waits for a query."""
_LONGEST_WAIT = 30.0
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_TOO_LONG = {400, 413, 422}
_ADVICE = {
    401: "Check LUMA_EMBEDDING_API_KEY.",
    403: "Check LUMA_EMBEDDING_API_KEY.",
    404: "Check LUMA_EMBEDDING_SERVER_MODEL, and LUMA_EMBEDDING_MODEL, which goes up to and including /v1.",
    405: "Check LUMA_EMBEDDING_MODEL, which goes up to and including /v1.",
}
_SAID = 300


class _Item(msgspec.Struct, frozen=True):
    index: int
    embedding: list[float]


class _Answer(msgspec.Struct, frozen=True):
    data: list[_Item]


class EndpointEmbedder(NamedEmbedder):
    """The model of a server. Its tokens are estimated, because only the server has its tokenizer."""

    def __init__(self, spec: ModelSpec, batch_size: int = 16, api_key: str | None = None) -> None:
        """Ask the server for the number of dimensions; the arguments are those of `load`.

        Raises:
            ModelError: the server can't be reached, refuses, or the settings are incomplete.
        """
        super().__init__(spec, batch_size, None)
        if not spec.model:
            raise ModelError(f"LUMA_EMBEDDING_SERVER_MODEL must say which model of {spec.name} embeds texts.")
        try:
            self._url = httpx.URL(spec.name.rstrip("/").removesuffix(_PATH) + _PATH)
        except httpx.InvalidURL as error:
            raise ModelError(f"LUMA_EMBEDDING_MODEL is not a URL: {error}") from error
        if self._url.userinfo:
            raise ModelError(
                "LUMA_EMBEDDING_MODEL is stored and shown, so it must not contain a password. Use "
                "LUMA_EMBEDDING_API_KEY instead."
            )
        self.api_key = key = (api_key or "").strip()
        self._client = httpx.Client(headers={"Authorization": f"Bearer {key}"} if key else {})
        self._prefixes = prefixes(spec, {})
        max_tokens = spec.max_tokens or DEFAULT_MAX_TOKENS
        self.tokens = estimating_counter(max_tokens, self._prefixes["document"])
        try:
            probe = self._ask("query", [self._prefixes["document"] + "a"])
            self._width = probe.shape[1]
            dimensions = kept_dimensions(spec, self._width)
        except (ModelError, OutageError, TransientError) as error:
            self._client.close()
            raise ModelError(str(error)) from error
        same = msgspec.json.encode([spec.model, self._prefixes, dimensions])
        self.model = EmbeddingModel(
            name=spec.model,
            sha256=hashlib.sha256(same).hexdigest(),
            dimensions=dimensions,
            max_tokens=max_tokens,
            profile="endpoint",
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _embed(self, kind: TextKind, texts: Sequence[str], on_batch: Callable[[int], None] | None) -> Vector:
        texts = [readable(text) for text in texts]
        if kind == "query":
            # Chunks fit. Questions may be longer than the model reads, which some servers refuse.
            room = self.tokens.max_tokens - self.tokens.added_tokens
            texts = [first_tokens(text, self.tokens, room) for text in texts]
        whole = [self._prefixes[kind] + text for text in texts]
        vectors = np.empty((len(whole), self.model.dimensions), np.float32)
        done = 0
        for batch in batches_of_texts(whole, self.batch_size):
            # Some servers refuse an empty text.
            rows = self._ask(kind, [whole[i] or " " for i in batch])
            if rows.shape[1] != self._width:
                raise self._outage(f"sent {rows.shape[1]} dimensions instead of {self._width}")
            vectors[batch] = unit(rows, self.model.dimensions)
            done += len(batch)
            if on_batch:
                on_batch(done)
        return vectors

    def _ask(self, kind: TextKind, texts: list[str]) -> Vector:
        """The server's vectors, whatever their length.

        Raises:
            OutageError: the server fails, also after further attempts.
            TransientError: the server refuses these texts.
        """
        for wait in _WAITS[kind]:
            try:
                return self._ask_once(kind, texts)
            except _PassingError as error:
                time.sleep(min(error.retry_after or wait, _LONGEST_WAIT if kind == "document" else wait))
        try:
            return self._ask_once(kind, texts)
        except _PassingError as error:
            raise self._outage(str(error)) from error

    def _ask_once(self, kind: TextKind, texts: list[str]) -> Vector:
        try:
            response = self._client.post(
                self._url,
                json={"model": self.spec.model, "input": texts, "encoding_format": "float"},
                timeout=_QUERY_TIMEOUT if kind == "query" else _TIMEOUT,
            )
        except httpx.TimeoutException as error:
            raise _PassingError("did not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _PassingError(f"can't be reached: {str(error) or type(error).__name__}") from error
        if not response.is_success:
            self._refuse(response)
        try:
            found = sorted(
                msgspec.json.decode(response.content, type=_Answer).data, key=lambda item: item.index
            )
            rows = np.array([item.embedding for item in found], np.float32)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
            raise self._outage("sent something other than embeddings") from None
        if len(found) != len(texts) or rows.ndim != 2 or not rows.shape[1] or not np.isfinite(rows).all():
            raise self._outage(
                f"sent {len(found)} embeddings that are not one for each of {len(texts)} texts"
            )
        return rows

    def _refuse(self, response: httpx.Response) -> None:
        status = response.status_code
        words = " ".join(response.text.split())[:_SAID]
        said = f"answered {status}: {words.replace(self.api_key, '***') if self.api_key else words}"
        if status in _PASSING:
            after = response.headers.get("retry-after", "")
            raise _PassingError(said, float(after) if after.isdecimal() else None)
        if status in _TOO_LONG:
            # Perhaps it is about these texts, so they are not tried for ever.
            raise TransientError(
                f"The embedding server at {self._host} {said} If texts are too long for it, set "
                "LUMA_EMBEDDING_MAX_TOKENS to what the model reads."
            )
        raise self._outage(f"{said} {_ADVICE.get(status, '')}".rstrip())

    def _outage(self, what: str) -> OutageError:
        return OutageError(f"The embedding server at {self._host} {what}")

    @property
    def _host(self) -> str:
        return self._url.netloc.decode()


class _PassingError(Exception):
    """A failure that another attempt may overcome, after `retry_after` seconds if the server says so."""

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after
