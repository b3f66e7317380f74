import importlib.util
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ingest.embedding import Embedder, ModelError
from ingest.embedding import packaged as module
from ingest.embedding.batches import batches
from ingest.embedding.packaged import PackagedEmbedder, load_tokenizer
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
def test_vector_is_independent_of_its_batch(profile: EmbeddingProfile) -> None:
    model = PackagedEmbedder(batch_size=64, profile=profile)
    together = model.embed_queries(TEXTS)
    alone = np.stack([model.embed_query(text) for text in TEXTS])
    assert (together * alone).sum(axis=1).min() > 0.99999


def test_query_and_document_vectors_agree_and_are_normalized(embedder: Embedder) -> None:
    vectors = embedder.embed_documents(TEXTS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS[:6], vectors, strict=False):
        query = embedder.embed_query(text)
        assert query.shape == (384,)
        assert float(query @ vector) > 0.9999


def test_similar_texts_have_similar_vectors(embedder: Embedder) -> None:
    texts = ["How many days of holiday do I get?", "Annual leave is thirty days.", "The pump runs at 3 bar."]
    question, leave, pump = embedder.embed_documents(texts)
    assert question @ leave > question @ pump + 0.2


def test_order_and_progress(embedder: Embedder) -> None:
    done: list[int] = []
    embedder.embed_documents(TEXTS, done.append)
    assert done == sorted(set(done))
    assert done[-1] == len(TEXTS)
    assert embedder.embed_documents([]).shape == (0, 384)


def test_on_batch_exception_stops_the_work(embedder: Embedder) -> None:
    calls = []

    def stop(done: int) -> None:
        calls.append(done)
        raise KeyError

    with pytest.raises(KeyError):
        embedder.embed_documents(TEXTS, stop)
    assert len(calls) == 1


def test_long_document_is_rejected_and_long_query_truncated(embedder: Embedder) -> None:
    long = "word " * 1000
    with pytest.raises(ValueError, match="1002 tokens"):
        embedder.embed_documents(["short", long])
    assert float(embedder.embed_query(long) @ embedder.embed_documents(["word " * 254])[0]) > 0.9999


def test_threads_get_the_same_vectors(embedder: Embedder) -> None:
    expected = embedder.embed_documents(TEXTS)
    with ThreadPoolExecutor(4) as threads:
        for vectors in threads.map(lambda _: embedder.embed_documents(TEXTS), range(8)):
            assert np.allclose(vectors, expected, atol=1e-5)


def test_batches_group_texts_of_similar_length() -> None:
    lengths = [3, 256, 20, 256, 4, 255, 20, 256, 256] + [5] * 40
    made = list(batches(lengths, 16))
    assert sorted(i for batch in made for i in batch) == list(range(len(lengths)))
    for batch in made:
        assert len(batch) <= 16
        longest = max(lengths[i] for i in batch)
        assert len(batch) * longest <= 1024
        assert longest - min(lengths[i] for i in batch) <= 8
    assert {lengths[i] for i in made[0]} == {256}


@pytest.fixture
def model_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the model's package, which is found instead of the installed one."""
    found = importlib.util.find_spec("luma_rag_minilm")
    assert found
    assert found.origin
    copy = shutil.copytree(Path(found.origin).parent, tmp_path / "luma_rag_minilm")
    monkeypatch.syspath_prepend(tmp_path)
    # Editable installations may have a finder that precedes the path.
    monkeypatch.delitem(sys.modules, "luma_rag_minilm", raising=False)
    return copy


@pytest.mark.parametrize("name", ["int8-v1.onnx", "words.f32", "tokenizer.json"])
def test_unexpected_model_files_are_rejected(model_copy: Path, name: str) -> None:
    PackagedEmbedder(threads=1)
    file = model_copy / name
    content = file.read_bytes()
    fix = r"pip install --force-reinstall --no-deps luma-rag-minilm==0\.1\.0"
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelError, match=rf"{name} .* is not the expected file.*{fix}"):
        PackagedEmbedder(threads=1)
    file.write_bytes(b"")
    with pytest.raises(ModelError, match=rf"{name} .* can't be read.*{fix}"):
        PackagedEmbedder(threads=1)
    file.unlink()
    with pytest.raises(ModelError, match=rf"{name} .* can't be read.*{fix}"):
        PackagedEmbedder(threads=1)


def test_unexpected_tokenizer_is_rejected_when_loaded_alone(model_copy: Path) -> None:
    load_tokenizer()
    (model_copy / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer\.json .* pip install"):
        load_tokenizer()


def test_missing_package_is_named_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    for profile, file in module._GRAPHS.items():
        missing = file._replace(package=f"no_{file.package}")
        monkeypatch.setitem(module._GRAPHS, profile, missing)
    with pytest.raises(ModelError, match=r"not installed.*pip install .* no-luma-rag-minilm==0\.1\.0"):
        PackagedEmbedder()
    with pytest.raises(
        ModelError, match=r"not installed.*pip install .* no-luma-rag-minilm-float32==0\.1\.0"
    ):
        PackagedEmbedder(profile="float32")


def test_import_is_cheap_and_loading_is_silent() -> None:
    """Import loads nothing large before a model is used, never torch, is silent, and needs no network."""
    script = """
import socket, sys
def refuse(*args): raise AssertionError("network")
socket.socket.connect = socket.getaddrinfo = refuse
import ingest.chunker, ingest.pipeline
from ingest.embedding import packaged
packaged.load_tokenizer()
assert not {"onnx", "onnxruntime"} & set(sys.modules)
packaged.PackagedEmbedder(threads=1).embed_query("")
assert not {"onnx", "torch", "transformers", "sentence_transformers", "safetensors"} & set(sys.modules)
"""
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
