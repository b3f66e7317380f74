import asyncio
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest

from ingest.embedding import Embedder
from ingest.types import Vector
from luma_rag.retrieval import query_encoder
from luma_rag.retrieval.query_encoder import QueryEncoder


class WatchedEmbedder:
    """The real model, which records its inputs and can be blocked or made to fail."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()
        self.go_on = threading.Event()
        self.go_on.set()
        self.error: Exception | None = None

    def embed_queries(self, texts: Sequence[str]) -> Vector:
        self.batches.append(list(texts))
        self.threads.add(threading.current_thread().name)
        assert self.go_on.wait(30)
        if self.error is not None:
            raise self.error
        return self.embedder.embed_queries(texts)


@pytest.fixture
def watched(embedder: Embedder) -> WatchedEmbedder:
    return WatchedEmbedder(embedder)


@pytest.fixture
def encoder(watched: WatchedEmbedder) -> Generator[QueryEncoder]:
    made = QueryEncoder(watched)  # type: ignore[arg-type]
    yield made
    made.close()


async def begun(watched: WatchedEmbedder, batches: int = 1) -> None:
    while len(watched.batches) < batches:
        await asyncio.sleep(0.001)


async def test_concurrent_queries_are_batched(encoder: QueryEncoder, watched: WatchedEmbedder) -> None:
    texts = [f"question {i} about {'pumps ' * (i % 7)}" for i in range(40)]
    watched.go_on.clear()
    first = asyncio.create_task(encoder.encode("the first does not wait for others", 1))
    await begun(watched)
    others = [asyncio.create_task(encoder.encode(text, i)) for i, text in enumerate(texts)]
    await asyncio.sleep(0)
    watched.go_on.set()
    await first
    vectors = await asyncio.gather(*others)
    assert [len(batch) for batch in watched.batches] == [1, 16, 16, 8]
    assert list(chain.from_iterable(watched.batches[1:])) == texts
    for text, vector in zip(texts, vectors, strict=True):
        assert float(vector @ watched.embedder.embed_query(text)) > 0.99999


async def test_event_loop_is_not_blocked(encoder: QueryEncoder, watched: WatchedEmbedder) -> None:
    watched.go_on.clear()
    pending = asyncio.create_task(encoder.encode("query", 1))
    await begun(watched)
    await asyncio.sleep(0.01)
    assert not pending.done()
    watched.go_on.set()
    assert (await pending).shape == (384,)
    assert all(name.startswith("embed") for name in watched.threads)


async def test_cache_is_per_user(encoder: QueryEncoder, watched: WatchedEmbedder) -> None:
    vector = await encoder.encode("query", 1)
    assert await encoder.encode("query", 1) is vector
    assert len(watched.batches) == 1
    # Otherwise user 2 could learn that another user has sent this query.
    assert np.array_equal(await encoder.encode("query", 2), vector)
    assert len(watched.batches) == 2
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 0


async def test_cache_is_bounded_lru_and_stores_no_text(
    encoder: QueryEncoder, watched: WatchedEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_encoder, "_CACHED", 2)
    for text in ("a secret", "b", "a secret", "c"):
        await encoder.encode(text, 1)
    assert len(encoder._remembered) == 2
    await encoder.encode("a secret", 1)
    assert watched.batches == [["a secret"], ["b"], ["c"]]
    await encoder.encode("b", 1)
    assert len(watched.batches) == 4
    assert "secret" not in str(vars(encoder))
    assert all(vector.base is None for vector in encoder._remembered.values())


async def test_concurrent_identical_queries_are_embedded_once(
    encoder: QueryEncoder, watched: WatchedEmbedder
) -> None:
    vectors = await asyncio.gather(*(encoder.encode("query", 1) for _ in range(5)))
    assert watched.batches == [["query"]]
    assert all(vector is vectors[0] for vector in vectors)


async def test_cancellation_does_not_affect_other_callers(
    encoder: QueryEncoder, watched: WatchedEmbedder
) -> None:
    watched.go_on.clear()
    leaving = asyncio.create_task(encoder.encode("query", 1))
    staying = asyncio.create_task(encoder.encode("query", 1))
    await begun(watched)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    watched.go_on.set()
    assert (await staying).shape == (384,)


async def test_failure_is_raised_to_waiting_callers_only(
    encoder: QueryEncoder, watched: WatchedEmbedder
) -> None:
    watched.error = MemoryError("no room")
    results = await asyncio.gather(encoder.encode("a", 1), encoder.encode("b", 1), return_exceptions=True)
    assert [type(result) for result in results] == [MemoryError, MemoryError]
    watched.error = None
    assert (await encoder.encode("a", 1)).shape == (384,)


async def test_closing_rejects_waiting_callers(encoder: QueryEncoder, watched: WatchedEmbedder) -> None:
    watched.go_on.clear()
    pending = [asyncio.create_task(encoder.encode(text, 1)) for text in ("a", "b")]
    await begun(watched)
    encoder.close()
    results = await asyncio.gather(*pending, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
    watched.go_on.set()
    assert not encoder._remembered


async def test_lone_surrogate_is_a_valid_query(encoder: QueryEncoder) -> None:
    assert (await encoder.encode("\ud800", 1)).shape == (384,)


def test_threads_can_share_a_session(embedder: Embedder) -> None:
    texts = [f"text {i}" for i in range(8)]
    expected = embedder.embed_queries(texts)
    with ThreadPoolExecutor(4) as threads:
        found = np.stack(list(threads.map(embedder.embed_query, texts)))
    assert np.allclose(found, expected, atol=1e-5)
