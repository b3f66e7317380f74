"""Models of sentence-transformers; here the published files of the packaged model, to compare with it."""

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ingest.chunker import chunk, embedding_text
from ingest.embedding import Embedder, ModelError, ModelSpec, load
from ingest.embedding.packaged import PackagedEmbedder
from ingest.embedding.ranking import MINILM
from ingest.settings import ChunkSettings
from ingest.types import ParsedDocument, Passage
from tests.cross_encoder import EMBEDDING_MODEL

TEXTS = [
    "The cat sat on the mat.",
    "",
    "\ud800 a lone surrogate",
    *(f"Sentence {i} " * (i + 1) for i in range(20)),
]
QUERY = "How many days of holiday do I get?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with a length and prompts of its own."""
    copy = shutil.copytree(EMBEDDING_MODEL, tmp_path_factory.mktemp("models") / "small")
    (copy / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 64}))
    (copy / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "question: ", "document": "text: "}})
    )
    return copy


@pytest.fixture(scope="module")
def plain() -> Embedder:
    """The model as it was published."""
    return load(ModelSpec("sentence-transformers", str(EMBEDDING_MODEL), ranking=MINILM), batch_size=4)


def test_vectors_are_those_of_the_packaged_model(plain: Embedder) -> None:
    done: list[int] = []
    packaged = PackagedEmbedder(profile="float32")
    vectors = plain.embed_documents(TEXTS, done.append)
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(TEXTS), 384))
    assert (vectors * packaged.embed_documents(TEXTS)).sum(axis=1).min() > 0.9999
    assert float(plain.embed_query(QUERY) @ packaged.embed_query(QUERY)) > 0.9999
    assert done == [4, 8, 12, 16, 20, 23]
    assert plain.embed_documents([]).shape == (0, 384)


def test_what_the_model_says_of_itself_is_used(folder: Path, plain: Embedder) -> None:
    embedder = load(ModelSpec("sentence-transformers", str(folder), ranking=MINILM), threads=1)
    assert embedder.model.max_tokens == 64
    expected = plain.embed_query(f"question: {QUERY}"), plain.embed_query(f"text: {QUERY}")
    assert np.allclose(embedder.embed_query(QUERY), expected[0], atol=1e-5)
    assert np.allclose(embedder.embed_documents([QUERY])[0], expected[1], atol=1e-5)
    assert embedder.model.sha256 != plain.model.sha256


def test_prefixes_can_be_set(folder: Path, plain: Embedder) -> None:
    spec = ModelSpec(
        "sentence-transformers", str(folder), query_prefix="", document_prefix="", ranking=MINILM
    )
    embedder = load(spec)
    assert np.allclose(embedder.embed_query(QUERY), plain.embed_query(QUERY), atol=1e-5)
    assert np.allclose(embedder.embed_documents([QUERY])[0], plain.embed_query(QUERY), atol=1e-5)
    assert embedder.model.sha256 == plain.model.sha256


def test_chunks_fit_the_model_with_its_prefix(folder: Path) -> None:
    embedder = load(ModelSpec("sentence-transformers", str(folder), ranking=MINILM))
    document = ParsedDocument(
        "md", [Passage("The rent of flat no. 7 is 1,250 euros a month. " * 60)], "Rents"
    )
    chunks = chunk(document, "", embedder.tokens, ChunkSettings(context_tokens=16))
    lengths = [len(embedder.tokens.tokenizer.encode(f"text: {embedding_text(each)}")) for each in chunks]
    assert [each.tokens for each in chunks] == lengths
    assert 48 < max(lengths) <= 64


def test_dimensions_are_cut(plain: Embedder) -> None:
    spec = ModelSpec("sentence-transformers", str(EMBEDDING_MODEL), dimensions=128, ranking=MINILM)
    embedder = load(spec)
    cut = plain.embed_query(QUERY)[:128]
    assert embedder.model.dimensions == 128
    assert np.allclose(embedder.embed_query(QUERY), cut / np.linalg.norm(cut), atol=1e-5)
    with pytest.raises(ModelError, match="384 dimensions"):
        load(msgspec.structs.replace(spec, dimensions=385))


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"can't be loaded by sentence-transformers: .*model"):
        load(ModelSpec("sentence-transformers", str(tmp_path)))


def test_a_model_that_cannot_be_downloaded_is_found_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"can't be downloaded now: .* `hf download example/none "):
        load(ModelSpec("sentence-transformers", "example/none"))


def test_the_packages_of_another_backend_are_named() -> None:
    spec = ModelSpec("sentence-transformers", str(EMBEDDING_MODEL), backend="openvino")
    with pytest.raises(ModelError, match=r"pip install 'sentence-transformers\[openvino\]'"):
        load(spec)
