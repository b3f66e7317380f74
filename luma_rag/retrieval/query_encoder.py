"""Query embedding, batched, off the event loop."""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ingest.embedding import Embedder, Ranking
from ingest.errors import OutageError, TransientError
from ingest.types import Vector
from luma_rag.db.errors import OutageLog
from luma_rag.errors import UnavailableError

_outages = OutageLog(logging.getLogger(__name__))
_CACHED = 1024
# A larger batch would delay its first query.
_AT_ONCE = 16

_Key = bytes


class QueryEncoder:
    """Runs the model in one thread, so that the event loop stays free.

    Queries that arrive while the model is busy are embedded together as the next batch; no query waits for
    others to arrive. An in-memory LRU cache holds at most 1,024 vectors by a hash of user and text. Users
    never share entries: a fast response would reveal what another user asked.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")
        self._remembered: OrderedDict[_Key, Vector] = OrderedDict()
        self._waiting: dict[_Key, str] = {}
        self._promised: dict[_Key, asyncio.Future[Vector]] = {}
        self._working: asyncio.Task[None] | None = None

    @property
    def ranking(self) -> Ranking:
        """How much the vectors count in search."""
        return self._embedder.ranking

    async def encode(self, query: str, user_id: int) -> Vector:
        """The query's embedding, shape (dimensions,), length 1; read-only.

        Raises:
            UnavailableError: the model is on a server that fails or refuses the query.
        """
        key = _key(query, user_id)
        if (vector := self._remembered.get(key)) is not None:
            self._remembered.move_to_end(key)
            return vector
        if key not in self._promised:
            self._waiting[key] = query
            self._promised[key] = asyncio.get_running_loop().create_future()
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        try:
            # Cancelling one caller must not cancel another with the same query.
            return await asyncio.shield(self._promised[key])
        except TransientError as error:
            _outages.add("Embedding a question", error)
            raise UnavailableError(
                "The server of the embedding model failed; the log has the reason. Retry, or search for "
                "words only."
            ) from error

    def close(self) -> None:
        """Stop the thread and clear the cache."""
        if self._working is not None:
            self._working.cancel()
        for promise in self._promised.values():
            promise.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._remembered.clear()

    async def _work(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:_AT_ONCE]
                await self._embed({key: self._waiting.pop(key) for key in keys})
        finally:
            self._working = None

    async def _embed(self, texts: dict[_Key, str]) -> None:
        embed = partial(self._embedder.embed_queries, list(texts.values()))
        try:
            vectors = await asyncio.get_running_loop().run_in_executor(self._thread, embed)
        except Exception as error:
            is_refused = isinstance(error, TransientError) and not isinstance(error, OutageError)
            if is_refused and len(texts) > 1:
                # The question of one user must not make those of others fail.
                for key, text in texts.items():
                    await self._embed({key: text})
                return
            for key in texts:
                _fail(self._promised.pop(key), error)
            return
        for key, row in zip(texts, vectors, strict=True):
            # Copied: a view of a row would keep the whole batch in memory.
            vector = row.copy()
            vector.flags.writeable = False
            self._remember(key, vector)
            promise = self._promised.pop(key)
            if not promise.done():
                promise.set_result(vector)

    def _remember(self, key: _Key, vector: Vector) -> None:
        self._remembered[key] = vector
        if len(self._remembered) > _CACHED:
            self._remembered.popitem(last=False)


def _key(query: str, user_id: int) -> _Key:
    return hashlib.blake2b(f"{user_id} {query}".encode(errors="surrogatepass"), digest_size=16).digest()


def _fail(promise: asyncio.Future[Vector], error: Exception) -> None:
    if not promise.done():
        promise.set_exception(error)
        # The callers may be gone, which is not an error.
        promise.exception()
