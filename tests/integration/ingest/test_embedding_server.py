"""A model on a server: the packaged model behind OpenAI's interface, over HTTP."""

import asyncio
import pickle
import random
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import pytest

from ingest.chunker import chunk, embedding_text
from ingest.embedding import Embedder, ModelError, ModelSpec, endpoint, load
from ingest.embedding.ranking import MINILM, NO_WEIGHT
from ingest.errors import OutageError, TransientError
from ingest.settings import ChunkSettings
from ingest.types import ParsedDocument, Passage
from luma_rag.errors import UnavailableError
from luma_rag.retrieval.query_encoder import QueryEncoder
from tests.embedding_server import EmbeddingServer, embedding_server

TEXTS = [f"Sentence {i} " * (i + 1) for i in range(9)]


@pytest.fixture
def server(embedder: Embedder) -> Iterator[EmbeddingServer]:
    with embedding_server(lambda texts: 3 * embedder.embed_queries(texts)) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_WAITS", {"document": (0, 0, 0), "query": (0,)})


@pytest.fixture
def open_model() -> Iterator[Callable[..., Embedder]]:
    """Loads models, and closes them at the end."""
    opened: list[Embedder] = []

    def open_one(spec: ModelSpec, **options: object) -> Embedder:
        opened.append(load(spec, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def spec(server: EmbeddingServer, **options: object) -> ModelSpec:
    """The model of the server, about which everything is known, so that it is not measured."""
    return ModelSpec("endpoint", server.url, "small", ranking=MINILM, **options)  # type: ignore[arg-type]


def test_vectors_are_those_of_the_server_of_length_one(
    server: EmbeddingServer, embedder: Embedder, open_model: Callable[..., Embedder]
) -> None:
    remote = open_model(spec(server), batch_size=4, api_key=" secret ")
    done: list[int] = []
    vectors = remote.embed_documents(TEXTS, done.append)
    assert np.allclose(vectors, embedder.embed_documents(TEXTS), atol=1e-3)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert done == [4, 8, 9]
    assert [len(request["input"]) for request in server.requests] == [1, 4, 4, 1]
    assert server.requests[0]["model"] == "small"
    assert set(server.keys) == {"Bearer secret"}
    assert (remote.model.name, remote.model.dimensions) == ("small", 384)


def test_prefixes_and_dimensions_are_as_specified(
    server: EmbeddingServer, embedder: Embedder, open_model: Callable[..., Embedder]
) -> None:
    remote = open_model(spec(server, dimensions=100, query_prefix="query: ", document_prefix="passage: "))
    remote.embed_documents(["a", ""])
    query = remote.embed_query("a")
    assert server.requests[1]["input"] == ["passage: a", "passage: "]
    assert server.requests[2]["input"] == ["query: a"]
    cut = embedder.embed_query("query: a")[:100]
    assert np.allclose(query, cut / np.linalg.norm(cut), atol=1e-3)
    with pytest.raises(ModelError, match="384 dimensions"):
        load(spec(server, dimensions=385))


def test_the_same_model_elsewhere_is_the_same(
    server: EmbeddingServer, open_model: Callable[..., Embedder]
) -> None:
    first = open_model(spec(server)).model.sha256
    assert (
        open_model(msgspec.structs.replace(spec(server), name=f"{server.url}/embeddings")).model.sha256
        == first
    )
    assert open_model(msgspec.structs.replace(spec(server), model="other")).model.sha256 != first
    assert open_model(spec(server, query_prefix="q: ")).model.sha256 != first


def test_passing_failures_are_tried_again(
    server: EmbeddingServer, open_model: Callable[..., Embedder]
) -> None:
    remote = open_model(spec(server))
    server.replies = [(429, {"retry-after": "0"}, ""), (503, {}, "loading"), (500, {}, "")]
    assert remote.embed_documents(["a"]).shape == (1, 384)
    assert server.replies == []


def test_lasting_failures_defer_the_document(
    server: EmbeddingServer, open_model: Callable[..., Embedder]
) -> None:
    remote = open_model(spec(server))
    server.replies = [(503, {}, '{"error": "no GPU"}')] * 4
    with pytest.raises(OutageError, match=r'127\.0\.0\.1:\d+ answered 503: \{"error": "no GPU"\}'):
        remote.embed_documents(["a"])
    assert server.replies == []


def test_a_refused_key_is_not_tried_again_and_not_shown(
    server: EmbeddingServer, open_model: Callable[..., Embedder]
) -> None:
    remote = open_model(spec(server), api_key="hunter2")
    server.replies = [(401, {}, "hunter2 is not valid")]
    with pytest.raises(OutageError, match=r"401: \*\*\* is not valid Check LUMA_EMBEDDING_API_KEY"):
        remote.embed_documents(["a"])


def test_a_text_that_is_refused_is_not_deferred_for_ever(
    server: EmbeddingServer, open_model: Callable[..., Embedder]
) -> None:
    remote = open_model(spec(server))
    server.replies = [(400, {}, "input is too long")]
    with pytest.raises(TransientError, match="LUMA_EMBEDDING_MAX_TOKENS") as raised:
        remote.embed_documents(["a"])
    assert not isinstance(raised.value, OutageError)


@pytest.mark.parametrize(
    "body",
    ["<html>", '{"data": []}', '{"data": [{"index": 0, "embedding": []}]}', '{"data": [{"index": 0}]}'],
)
def test_an_answer_without_embeddings_is_an_outage(
    body: str, server: EmbeddingServer, open_model: Callable[..., Embedder]
) -> None:
    remote = open_model(spec(server))
    server.replies = [(200, {}, body)]
    with pytest.raises(OutageError, match="sent"):
        remote.embed_documents(["a"])


def test_what_is_wrong_at_the_start_is_named(server: EmbeddingServer) -> None:
    with pytest.raises(ModelError, match="LUMA_EMBEDDING_SERVER_MODEL must say"):
        load(ModelSpec("endpoint", server.url))
    with pytest.raises(ModelError, match="up to and including /v1"):
        load(ModelSpec("endpoint", server.url.removesuffix("/v1"), "small"))
    for name, expected in (
        ("http://ann:secret@127.0.0.1:9/v1", "must not contain a password"),
        ("http://localhost:port/v1", "is not a URL"),
    ):
        with pytest.raises(ModelError, match=expected) as raised:
            load(ModelSpec("endpoint", name, "small"))
        assert "secret" not in str(raised.value)
    with pytest.raises(ModelError, match="can't be reached"):
        load(ModelSpec("endpoint", "http://127.0.0.1:9/v1", "small"))


async def test_a_search_says_that_the_server_failed(
    server: EmbeddingServer, open_model: Callable[..., Embedder]
) -> None:
    encoder = QueryEncoder(open_model(spec(server)))
    server.replies = [(503, {}, "secret cause")] * 2
    with pytest.raises(UnavailableError, match="search for words only") as raised:
        await encoder.encode("a", 1)
    assert "secret cause" not in str(raised.value)
    assert (await encoder.encode("a", 1)).shape == (384,)
    encoder.close()


async def test_one_refused_question_does_not_fail_others(
    server: EmbeddingServer, embedder: Embedder, open_model: Callable[..., Embedder]
) -> None:
    encoder = QueryEncoder(open_model(spec(server)))
    server.replies = [(400, {}, "too long")] * 2
    refused, accepted = await asyncio.gather(
        encoder.encode("a", 1), encoder.encode("b", 2), return_exceptions=True
    )
    assert isinstance(refused, UnavailableError)
    assert np.allclose(accepted, embedder.embed_query("b"), atol=1e-3)
    encoder.close()


def test_questions_are_cut_to_what_the_model_reads(
    server: EmbeddingServer, open_model: Callable[..., Embedder]
) -> None:
    remote = open_model(spec(server, max_tokens=50, query_prefix="query: "))
    remote.embed_query("the rent " * 500)
    (sent,) = server.requests[-1]["input"]
    assert sent.startswith("query: the rent")
    assert 30 < remote.tokens(sent) <= 50
    remote.embed_query("the rent")
    assert server.requests[-1]["input"] == ["query: the rent"]


def test_a_server_with_another_model_is_an_outage(open_model: Callable[..., Embedder]) -> None:
    width = 12
    with embedding_server(lambda texts: np.ones((len(texts), width), np.float32)) as server:
        remote = open_model(spec(server, dimensions=8))
        width = 16
        with pytest.raises(OutageError, match="sent 16 dimensions instead of 12"):
            remote.embed_documents(["a"])


def test_tokens_are_rather_overestimated(
    server: EmbeddingServer, open_model: Callable[..., Embedder]
) -> None:
    remote = open_model(spec(server, max_tokens=100))
    letters = [chr(code) for code in (*range(0x0E01, 0x0E2F), *range(0x1200, 0x1240))]
    random.seed(1)
    unknown = " ".join("".join(random.choices(letters, k=12)) for _ in range(200))
    document = ParsedDocument("md", [Passage(unknown), Passage("The rent is 1,250 euros. " * 60)], unknown)
    chunks = chunk(document, "", remote.tokens, ChunkSettings(context_tokens=30))
    assert max(each.tokens for each in chunks) <= 80
    # At worst a token a character, as in models that read bytes.
    assert max(len(embedding_text(each)) for each in chunks if each.passage == 0) <= 100


def test_a_model_is_measured_unless_it_is_known(
    server: EmbeddingServer, open_model: Callable[..., Embedder]
) -> None:
    remote = open_model(msgspec.structs.replace(spec(server), ranking=None))
    assert remote.ranking.weight_in("en") == pytest.approx(0.6, abs=0.01)
    assert remote.ranking.weight_in("zh") == NO_WEIGHT
    assert remote.spec.ranking == remote.ranking
    asked = len(server.requests)
    assert open_model(remote.spec).ranking == remote.ranking
    assert len(server.requests) == asked + 1


def test_another_process_can_load_the_same(
    server: EmbeddingServer, open_model: Callable[..., Embedder]
) -> None:
    remote = open_model(spec(server, query_prefix="q: "), batch_size=2, api_key="secret")
    again = pickle.loads(pickle.dumps(remote.loader(threads=1)))()
    assert np.array_equal(again.embed_query("a"), remote.embed_query("a"))
    assert server.keys[-1] == server.keys[-2] == "Bearer secret"
    again.close()
    counts = [
        each("Der Mietzins ประเทศไทย") for each in (remote.tokens, pickle.loads(pickle.dumps(remote.tokens)))
    ]
    assert counts[0] == counts[1] > 10
