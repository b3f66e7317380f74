"""A local CrossEncoder: its scores match the library, and canceled work does not delay other calls."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from luma_rag.errors import ConfigurationError, RerankerError
from luma_rag.retrieval.cross_encoder import CrossEncoderReranker
from luma_rag.retrieval.reranking import Reranking
from luma_rag.retrieval.threaded_reranker import BATCH
from tests.cross_encoder import EMBEDDING_MODEL, write_cross_encoder

PASSAGES = [f"{'word ' * (n % 7)}passage {n} about {'bees' if n % 3 else 'freight'}" for n in range(30)]


@pytest.fixture(scope="module")
def reranker(cross_encoder_folder: Path) -> CrossEncoderReranker:
    return CrossEncoderReranker(str(cross_encoder_folder))


class Held:
    """Batches that block until released. `begun` has the query of each batch that has started."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._let_go = threading.Event()

    def score(self, pairs: list[tuple[str, str]]) -> list[float]:
        assert len(pairs) <= BATCH
        self.begun.append(pairs[0][0])
        assert self._let_go.wait(20)
        return [0.0] * len(pairs)

    def let_go(self) -> None:
        self._let_go.set()

    async def until_begun(self, query: str) -> None:
        async with asyncio.timeout(20):
            while query not in self.begun:
                await asyncio.sleep(0.01)


@pytest.fixture
def chunk_count(reranker: CrossEncoderReranker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    batches = Held()
    monkeypatch.setattr(reranker, "_score", batches.score)
    yield batches
    batches.let_go()


async def test_scores_match_sentence_transformers(
    reranker: CrossEncoderReranker, cross_encoder_folder: Path
) -> None:
    from sentence_transformers import CrossEncoder

    expected = CrossEncoder(str(cross_encoder_folder)).predict([("Who likes clover?", p) for p in PASSAGES])
    scores = await reranker.scores("Who likes clover?", PASSAGES)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert np.argsort(scores).tolist() == np.argsort(expected).tolist()
    assert len(set(scores)) > 20
    # Longer than the model's limit: truncated, not rejected.
    assert len(await reranker.scores("why " * 5000, ["because " * 5000])) == 1


async def test_event_loop_is_not_blocked(reranker: CrossEncoderReranker, chunk_count: Held) -> None:
    scoring = asyncio.create_task(reranker.scores("q", PASSAGES))
    await chunk_count.until_begun("q")
    # Set on the event loop: if the loop were blocked, the batch would wait in vain.
    chunk_count.let_go()
    assert len(await scoring) == len(PASSAGES)


async def test_model_leaves_cores_free(reranker: CrossEncoderReranker) -> None:
    import torch

    await reranker.scores("q", PASSAGES[:1])
    inside = await asyncio.get_running_loop().run_in_executor(reranker._thread, torch.get_num_threads)
    assert inside == max(1, (os.cpu_count() or 1) // 2)


async def test_cancelled_batch_stops_without_delaying_the_next(
    reranker: CrossEncoderReranker, chunk_count: Held
) -> None:
    first = asyncio.create_task(Reranking(reranker, 1).scores("first", PASSAGES))
    await chunk_count.until_begun("first")
    assert await first == ("late", [])
    second = asyncio.create_task(Reranking(reranker, 20).scores("second", PASSAGES[:2]))
    chunk_count.let_go()
    assert await second == ("done", [0.0, 0.0])
    # The running batch and no other.
    assert chunk_count.begun == ["first", "second"]


async def test_queries_are_scored_one_after_another(
    reranker: CrossEncoderReranker, chunk_count: Held
) -> None:
    chunk_count.let_go()
    await asyncio.gather(*(reranker.scores(query, PASSAGES) for query in "abc"))
    assert chunk_count.begun == [query for query in "abc" for _ in range(4)]


async def test_waiting_counts_toward_the_timeout(reranker: CrossEncoderReranker, chunk_count: Held) -> None:
    first = asyncio.create_task(reranker.scores("first", PASSAGES))
    await chunk_count.until_begun("first")
    assert await Reranking(reranker, 0.1).scores("second", PASSAGES[:1]) == ("late", [])
    chunk_count.let_go()
    assert len(await first) == len(PASSAGES)
    assert chunk_count.begun == ["first"] * 4


async def test_torch_errors_are_reranker_errors(
    reranker: CrossEncoderReranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("not enough memory")

    monkeypatch.setattr(reranker._model, "predict", full)
    with pytest.raises(RerankerError, match="not enough memory"):
        await reranker.scores("q", PASSAGES)
    assert await Reranking(reranker, 5).scores("q", PASSAGES) == ("failed", [])


async def test_nan_scores_keep_the_order(
    reranker: CrossEncoderReranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reranker._model, "predict", lambda pairs, **_: np.full(len(pairs), np.nan))
    assert await Reranking(reranker, 5).scores("q", PASSAGES) == ("failed", [])


@pytest.mark.parametrize("labels", [1, 3])
def test_only_single_output_models_are_accepted(tmp_path: Path, labels: int) -> None:
    write_cross_encoder(tmp_path, labels=labels)
    if labels == 1:
        CrossEncoderReranker(str(tmp_path))
    else:
        with pytest.raises(ConfigurationError, match=r"LUMA_RERANKER.*another kind"):
            CrossEncoderReranker(str(tmp_path))


def test_embedding_model_is_rejected() -> None:
    # transformers would initialize the missing weights randomly, so every order would be arbitrary.
    with pytest.raises(ConfigurationError, match=r"LUMA_RERANKER.*another kind"):
        CrossEncoderReranker(str(EMBEDDING_MODEL))


def test_empty_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"LUMA_RERANKER: .* can't be loaded"):
        CrossEncoderReranker(str(tmp_path))


def test_missing_sentence_transformers_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'luma-rag\[reranker\]'"):
        CrossEncoderReranker("cross-encoder/ms-marco-MiniLM-L6-v2")
