"""The embedding of queries, off the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from ingest.embedder import Embedder
from ingest.types import Vector


class QueryEncoder:
    """One thread that the model works in: the event loop stays free, and queries wait in line."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")

    async def encode(self, query: str) -> Vector:
        """The query's embedding, shape (dimensions,), length 1."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._embedder.embed_query, query)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)
