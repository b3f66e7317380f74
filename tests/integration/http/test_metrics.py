"""The metrics exposed to Prometheus."""

import re
from pathlib import Path

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from ingest.embedding import Embedder
from luma_rag.runtime import Store, open_services
from tests import factories
from tests.api import Api
from tests.canned_server import CannedServer, delta, response
from tests.servers import serving

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def scrape(client: httpx.AsyncClient) -> Samples:
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def grown(before: Samples, after: Samples, name: str, **labels: str) -> float:
    key = (name, tuple(sorted(labels.items())))
    return after.get(key, 0.0) - before.get(key, 0.0)


async def test_requests_are_counted_by_route_not_by_id(api: Api) -> None:
    admin = await api.admin()
    namespace = await api.namespace(admin)
    before = await scrape(admin)
    for path in (f"/api/namespaces/{namespace}", "/api/namespaces/987654", "/nothing/987654", "/api/987654"):
        await admin.get(path)
    await admin.request("BREW", "/health/live")
    await (await api.anonymous()).get("/api/auth/me")
    after = await scrape(admin)
    count = "luma_http_request_seconds_count"
    route = "/api/namespaces/{namespace_id}"
    assert grown(before, after, count, route=route, method="GET", status="200") == 1
    assert grown(before, after, count, route=route, method="GET", status="404") == 1
    assert grown(before, after, count, route="none", method="GET", status="404") == 2
    assert grown(before, after, count, route="/api/auth/me", method="GET", status="401") == 1
    text = (await admin.get("/metrics")).text
    assert "987654" not in text
    assert "BREW" not in text
    assert {label for _, labels in after for label, _ in labels} <= {
        "route", "method", "status", "le", "stage", "outcome", "kind", "host",
        "generation", "implementation", "major", "minor", "patchlevel", "version",
    }  # fmt: skip


async def test_metrics_cover_searches_and_workers(api: Api, tmp_path: Path) -> None:
    admin = await api.admin()
    first, second = await api.namespace(admin), await api.namespace(admin)
    before = await scrape(admin)
    assert before["luma_ingestion_queued", ()] == 0
    file = factories.handbook(tmp_path).read_bytes()
    await admin.post("/api/documents", files={"file": ("a.pdf", file)}, data={"namespace_id": str(first)})
    waiting = await scrape(admin)
    assert waiting["luma_ingestion_queued", ()] == 1
    assert waiting["luma_ingestion_running", (("stage", "embedding"),)] == 0
    await api.work()
    await admin.post(f"/api/namespaces/{second}/documents", json={"doc_id": 1})
    await api.work()
    broken = b"%PDF-1.4 and then nothing of use"
    await admin.post("/api/documents", files={"file": ("b.pdf", broken)}, data={"namespace_id": str(first)})
    await api.work()
    await admin.post(f"/api/namespaces/{first}/search", json={"query": "vacation"})
    after = await scrape(admin)
    assert after["luma_ingestion_queued", ()] == 0
    for outcome in ("ready", "linked", "failed"):
        assert grown(before, after, "luma_ingestion_documents_total", outcome=outcome) == 1
        assert grown(before, after, "luma_ingestion_seconds_total", outcome=outcome) > 0
    for stage in ("embed", "search", "total"):
        assert grown(before, after, "luma_retrieval_seconds_count", stage=stage) == 1
        assert grown(before, after, "luma_retrieval_seconds_sum", stage=stage) > 0


async def test_metrics_cover_the_llm_and_its_tokens(
    store: Store, embedder: Embedder, canned_server: CannedServer
) -> None:
    usage = '{"choices": [], "usage": {"prompt_tokens": 70, "completion_tokens": 2}}'
    body = f"data: {delta('Yes')}\n\ndata: {delta('.')}\n\ndata: {usage}\n\ndata: [DONE]\n\n"
    refusal = '{"error": {"message": "Unknown parameter: stream_options"}}'
    canned_server.replies += [
        response(refusal, status="400 Bad Request", kind="application/json"),
        response(body),
        response("no", status="401 Unauthorized"),
    ]
    llm = msgspec.structs.replace(store.settings.llm, base_url=canned_server.base_url, model="canned")
    store = msgspec.structs.replace(store, settings=msgspec.structs.replace(store.settings, llm=llm))
    async with open_services(store, embedder) as runtime, serving(runtime) as url, Api(url, runtime) as api:
        admin = await api.admin()
        namespace = await api.namespace(admin)
        before = await scrape(admin)
        question = {"model": f"luma/{namespace}", "messages": [{"role": "user", "content": "Why?"}]}
        assert (await admin.post("/v1/chat/completions", json=question)).status_code == 200
        assert (await admin.post("/v1/chat/completions", json=question)).status_code == 502
        after = await scrape(admin)
    # If a server does not support the option, later requests omit it.
    assert ["stream_options" in request.body for request in canned_server.requests] == [True, False, False]
    assert grown(before, after, "luma_llm_tokens_total", kind="prompt") == 70
    assert grown(before, after, "luma_llm_tokens_total", kind="completion") == 2
    assert grown(before, after, "luma_llm_first_token_seconds_count") == 1
    assert grown(before, after, "luma_llm_failures_total") == 1


async def test_metrics_contain_no_personal_data(api: Api) -> None:
    admin = await api.admin()
    await api.namespace(admin, name="Marker7531")
    await admin.get("/api/users/lookup?username=marker7531")
    assert not re.search("marker7531|root|example.com", (await admin.get("/metrics")).text, re.IGNORECASE)
    assert (await (await api.user("alice")).get("/metrics")).status_code == 403
