import msgspec
import pytest

from ingest.embedding import ModelError, ModelSpec, load
from ingest.embedding.spec import packaged, spec_of
from ingest.settings import EmbeddingSettings


def test_without_a_name_it_is_the_packaged_model() -> None:
    assert spec_of(EmbeddingSettings(), "float32") == packaged("float32") == ModelSpec(name="float32")
    assert spec_of(EmbeddingSettings(model="  "), "int8-v1") == packaged()


def test_a_url_is_a_server_and_anything_else_a_model_of_sentence_transformers() -> None:
    settings = EmbeddingSettings(
        model="http://localhost:11434/v1/", server_model="bge-m3", query_prefix="q: ", dimensions=256
    )
    assert spec_of(settings, "int8-v1") == ModelSpec(
        "endpoint", "http://localhost:11434/v1", "bge-m3", dimensions=256, query_prefix="q: "
    )
    settings = EmbeddingSettings(model="intfloat/e5-small", server_model="unused", backend="onnx")
    assert spec_of(settings, "int8-v1") == ModelSpec(
        "sentence-transformers", "intfloat/e5-small", backend="onnx"
    )


def test_a_stored_model_is_the_same_when_read_back() -> None:
    spec = ModelSpec("endpoint", "http://localhost/v1", "m", dimensions=64, document_prefix="")
    assert msgspec.json.decode(msgspec.json.encode(spec), type=ModelSpec) == spec


def test_the_packaged_model_is_loaded_by_its_spec() -> None:
    embedder = load(packaged(), batch_size=7, threads=1)
    assert (embedder.spec, embedder.batch_size, embedder.threads) == (packaged(), 7, 1)
    assert embedder.model.profile == "int8-v1"


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(ModelError, match="no embedding profile int9"):
        load(ModelSpec(name="int9"))
