"""Searches with a reranker: its effect, its limits, and fallback on failure."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from ingest.embedding import Embedder
from luma_rag.errors import ConfigurationError
from luma_rag.retrieval.reranking import CANDIDATES
from luma_rag.runtime import Store, open_services
from tests import factories
from tests.api import Api
from tests.canned_server import CannedServer, Reply, response
from tests.factories import pdf
from tests.integration.http.test_metrics import grown, scrape
from tests.integration.retrieval.test_rerank_endpoint import BROKEN
from tests.servers import serving

QUERY = "clover"
Serve = Callable[..., AbstractAsyncContextManager[Api]]


@pytest.fixture
def serve(store: Store, embedder: Embedder) -> Serve:
    """A service with this reranker."""

    @asynccontextmanager
    async def serve(reranker: str | None, budget_ms: int = 10_000) -> AsyncGenerator[Api]:
        settings = msgspec.structs.replace(store.settings, reranker=reranker, reranker_budget_ms=budget_ms)
        configured = msgspec.structs.replace(store, settings=settings)
        async with (
            open_services(configured, embedder) as runtime,
            serving(runtime) as url,
            Api(url, runtime) as api,
        ):
            yield api

    return serve


async def filled(api: Api, tmp_path: Path, pages: int = 6) -> tuple[httpx.AsyncClient, str]:
    """A namespace of alice's with a page for each number; the first pages are about clover."""
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    # One word per line: text beyond the page edge is not extracted, and pages with equal text are one hit.
    texts = ["Clover\n" * (pages - n) + f"and page number {n} of bees." for n in range(pages)]
    await api.upload(alice, pdf(tmp_path / "bees.pdf", *texts), namespace)
    return alice, f"/api/namespaces/{namespace}"


async def search(client: httpx.AsyncClient, base: str, **more: Any) -> dict[str, Any]:
    answer = await client.post(f"{base}/search", json={"query": QUERY, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [hit["vec_id"] for hit in found["hits"]]


def mixed(plain: dict[str, Any], scores: list[float]) -> dict[str, float]:
    """The expected scores by id, best first: both scores from 0 to 1, and 0.3 of the reranker's."""

    def scaled(values: list[float]) -> list[float]:
        return [(value - min(values)) / (max(values) - min(values)) for value in values]

    own = scaled([hit["score"] for hit in plain["hits"]][: len(scores)])
    pairs = zip(
        ids(plain), [0.3 * a + 0.7 * b for a, b in zip(scaled(scores), own, strict=True)], strict=False
    )
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def backwards(server: CannedServer) -> Reply:
    """Scores that reverse the order of the passages."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        count = len(server.requests[-1].body["texts"])
        writer.write(response(json.dumps([{"index": i, "score": i + 0.5} for i in range(count)])))
        await writer.drain()

    return reply


def at(server: CannedServer) -> str:
    return f"http://127.0.0.1:{server.port}"


async def test_reranker_is_mixed_into_the_order(
    serve: Serve, canned_server: CannedServer, tmp_path: Path
) -> None:
    async with serve(at(canned_server)) as api:
        alice, base = await filled(api, tmp_path)
        plain = await search(alice, base, rerank=False, k=6)
        assert (plain["reranking"], plain["took_ms"]["rerank"]) == ("off", None)
        assert canned_server.requests == []
        expected = mixed(plain, [0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
        assert list(expected) != ids(plain)
        canned_server.replies = [backwards(canned_server) for _ in range(3)]
        for wish in ({}, {"rerank": True}, {"rerank": None}):
            found = await search(alice, base, k=2, **wish)
            assert found["reranking"] == "done"
            assert found["took_ms"]["rerank"] > 0
            # It received more passages than requested, and its best come first.
            assert ids(found) == list(expected)[:2]
            assert [hit["rank"] for hit in found["hits"]] == [1, 2]
            assert [hit["score"] for hit in found["hits"]] == pytest.approx([*expected.values()][:2])
        sent = canned_server.requests[0].body
        assert sent["query"] == QUERY
        assert sent["texts"] == [f"bees\n{hit['text']}" for hit in plain["hits"]]


async def test_undecided_reranker_keeps_the_order(
    serve: Serve, canned_server: CannedServer, tmp_path: Path
) -> None:
    async with serve(at(canned_server)) as api:
        alice, base = await filled(api, tmp_path)
        plain = await search(alice, base, rerank=False, k=6)
        equal = json.dumps([{"index": i, "score": -3.5} for i in range(6)])
        canned_server.replies = [response(equal)]
        found = await search(alice, base, k=6)
    assert found["reranking"] == "done"
    assert ids(found) == ids(plain)


async def test_only_top_candidates_are_reranked_for_any_k(
    serve: Serve, canned_server: CannedServer, tmp_path: Path
) -> None:
    async with serve(at(canned_server)) as api:
        alice, base = await filled(api, tmp_path, pages=40)
        plain = await search(alice, base, rerank=False, k=40)
        canned_server.replies = [backwards(canned_server) for _ in range(2)]
        long, short = [await search(alice, base, k=k) for k in (40, 3)]
    first = list(mixed(plain, list(range(CANDIDATES))))
    assert first != ids(plain)[:CANDIDATES]
    assert ids(long) == first + ids(plain)[CANDIDATES:]
    assert ids(short) == ids(long)[:3]
    assert [hit["rank"] for hit in long["hits"]] == list(range(1, 41))
    assert long["hits"][-1]["score"] == plain["hits"][-1]["score"]


async def test_cross_encoder_order_matches_direct_scoring(
    serve: Serve, cross_encoder_folder: Path, tmp_path: Path
) -> None:
    from sentence_transformers import CrossEncoder

    async with serve(str(cross_encoder_folder), budget_ms=60_000) as api:
        alice, base = await filled(api, tmp_path)
        plain = await search(alice, base, rerank=False, k=6)
        found = await search(alice, base, k=6)
    model = CrossEncoder(str(cross_encoder_folder))
    scores = model.predict([(QUERY, f"bees\n{hit['text']}") for hit in plain["hits"]]).tolist()
    expected = mixed(plain, scores)
    assert ids(found) == list(expected)
    assert ids(found) != ids(plain)
    assert [hit["score"] for hit in found["hits"]] == pytest.approx([*expected.values()], abs=1e-5)


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN.keys())
async def test_reranker_failure_keeps_the_order_and_is_reported(
    serve: Serve, canned_server: CannedServer, tmp_path: Path, reply: bytes
) -> None:
    # As many hits as the broken responses cover.
    async with serve(at(canned_server)) as api:
        alice, base = await filled(api, tmp_path, pages=3)
        plain = await search(alice, base, rerank=False)
        canned_server.replies = [reply]
        found = await search(alice, base)
    assert found["reranking"] == "failed"
    assert found["hits"] == plain["hits"]


async def test_unreachable_reranker_keeps_the_order(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve("http://127.0.0.1:9") as api:
        alice, base = await filled(api, tmp_path)
        plain = await search(alice, base, rerank=False)
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                found = await search(alice, base)
                assert (found["reranking"], found["hits"]) == ("failed", plain["hits"])
        warnings = [record.getMessage() for record in caplog.records if "reranker" in record.getMessage()]
        assert len(warnings) == 1
        assert "127.0.0.1:9" in warnings[0]
        assert QUERY not in warnings[0]
        assert (await alice.get("/health/ready")).status_code == 200
        # Chats use the reranker if available, and work without it.
        chat = (await alice.post("/api/chats", json={"namespace_id": int(base.split("/")[-1])})).json()["id"]
        answer = await alice.post(f"/api/chats/{chat}/messages", json={"content": "Which page is on clover?"})
        assert answer.status_code == 201


async def test_reranker_timeout_keeps_the_order(
    serve: Serve, canned_server: CannedServer, tmp_path: Path
) -> None:
    async def never(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with serve(at(canned_server), budget_ms=200) as api:
        alice, base = await filled(api, tmp_path)
        admin = await api.admin()
        plain = await search(alice, base, rerank=False)
        canned_server.replies = [never, backwards(canned_server)]
        before = await scrape(admin)
        late = await search(alice, base)
        assert (late["reranking"], late["hits"]) == ("late", plain["hits"])
        assert 190 < late["took_ms"]["rerank"] < 2000
        async with asyncio.timeout(5):
            await canned_server.client_left.wait()
        assert (await search(alice, base))["reranking"] == "done"
        after = await scrape(admin)
        for outcome, times in (("late", 1), ("done", 1), ("failed", 0)):
            assert grown(before, after, "luma_rerankings_total", outcome=outcome) == times
        assert grown(before, after, "luma_retrieval_seconds_count", stage="rerank") == 2


async def test_reranking_without_a_reranker_is_rejected(api: Api, tmp_path: Path) -> None:
    alice, base = await filled(api, tmp_path)
    for path in ("search", "evaluations"):
        if path == "evaluations":
            await add_question(alice, base)
        body = {"rerank": True} | ({"query": QUERY} if path == "search" else {})
        refused = await alice.post(f"{base}/{path}", json=body)
        assert refused.status_code == 422
        assert "no reranker" in refused.json()["detail"]
        assert [error["field"] for error in refused.json()["errors"]] == ["rerank"]
    assert (await search(alice, base))["reranking"] == "off"


async def test_reranker_never_receives_or_adds_inaccessible_passages(
    serve: Serve, canned_server: CannedServer, tmp_path: Path
) -> None:
    async with serve(at(canned_server)) as api:
        alice, base = await filled(api, tmp_path)
        other = await api.namespace(alice)
        hidden = await api.upload(alice, factories.handbook(tmp_path), other)
        bob = await api.user("bob")
        refused = await bob.post(f"{base}/search", json={"query": QUERY})
        assert refused.status_code == 404
        empty = await api.namespace(bob)
        assert (await search(bob, f"/api/namespaces/{empty}"))["hits"] == []
        assert canned_server.requests == []
        # Scores for passages that were not sent add no hits.
        canned_server.replies = [response(json.dumps([{"index": i, "score": i} for i in range(20)]))]
        found = await search(alice, base, k=100)
        assert found["reranking"] == "failed"
        assert {hit["doc_id"] for hit in found["hits"]} & {hidden} == set()
        assert len(found["hits"]) == len(canned_server.requests[0].body["texts"]) == 6


async def test_chats_and_evaluations_use_the_reranker(
    serve: Serve, canned_server: CannedServer, tmp_path: Path
) -> None:
    async with serve(at(canned_server)) as api:
        alice, base = await filled(api, tmp_path)
        plain = await search(alice, base, rerank=False, k=6)
        await add_question(alice, base)
        without = (await alice.post(f"{base}/evaluations", json={"rerank": False})).json()
        assert canned_server.requests == []
        # The first question is sent twice; the last response is for the chat.
        canned_server.replies = [backwards(canned_server), backwards(canned_server)]
        run = (await alice.post(f"{base}/evaluations", json={})).json()
        canned_server.replies = [response("[]"), response("[]")]
        fallen_back = (await alice.post(f"{base}/evaluations", json={})).json()
        assert [r["result"]["reranked"] for r in (without, run, fallen_back)] == [0, 1, 0]
        listed = (await alice.get(f"{base}/evaluations")).json()["items"]
        assert [item["reranked"] for item in listed] == [0, 1, 0]
        canned_server.replies = [backwards(canned_server)]
        namespace = int(base.split("/")[-1])
        body = {"model": f"luma/{namespace}", "messages": [{"role": "user", "content": QUERY}]}
        assert (await alice.post("/v1/chat/completions", json=body)).status_code == 200
        assert canned_server.replies == []
        assert len(canned_server.requests[-1].body["texts"]) == len(plain["hits"])


async def add_question(client: httpx.AsyncClient, base: str) -> None:
    doc_id = (await client.get(f"{base}/documents")).json()["items"][0]["id"]
    questions = [{"question": QUERY, "places": [{"doc_id": doc_id, "page": 1}]}]
    answer = await client.post(f"{base}/questions", json={"questions": questions})
    assert answer.status_code == 201, answer.text


async def test_reranker_loading_error_prevents_startup(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LUMA_RERANKER"):
        async with serve(str(tmp_path)):
            pass
