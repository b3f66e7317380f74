"""The log as JSON, and the traces that a collector receives, of a server with its worker."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests import factories
from tests.api import PASSWORD
from tests.databases import own_database
from tests.service_process import serving

TRACE = "0af7651916cd43dd8448eb211c80319c"
SECRET = "Every employee has thirty days of paid vacation"
CHUNKS = [{"choices": [{"delta": {"content": f"{word} "}}]} for word in ("Thirty", "days", "[1]")]


class Collector(ThreadingHTTPServer):
    """Receives traces by OTLP over HTTP, and is an LLM as well."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.exports: list[bytes] = []

    def spans(self) -> list[Any]:
        requests = [ExportTraceServiceRequest.FromString(export) for export in self.exports]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        if self.path == "/v1/traces":
            self.server.exports.append(body)
            self.end_headers()
            return
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in (*map(json.dumps, CHUNKS), "[DONE]"):
            self.wfile.write(f"data: {event}\n\n".encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Not on the terminal."""


class Observed(NamedTuple):
    """The lines of the log, and the spans and their bytes."""

    log: list[str]
    spans: list[Any]
    exports: bytes


@pytest.fixture(scope="module")
def observed(
    tmp_path_factory: pytest.TempPathFactory, server_url: str, template_without_rows: str
) -> Observed:
    """A service that read two documents, one of them broken, and answered a question."""
    folder = tmp_path_factory.mktemp("traced")
    collector = Collector()
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{collector.server_port}"
    with own_database(server_url, template_without_rows) as database:
        with serving(
            folder,
            LUMA_DATABASE_URL=database,
            LUMA_LOG_FORMAT="json",
            LUMA_LLM_BASE_URL=f"{address}/v1",
            LUMA_LLM_MODEL="demo",
            LUMA_TRUSTED_PROXIES="127.0.0.1",
            OTEL_EXPORTER_OTLP_ENDPOINT=address,
        ) as url:
            _use(url, folder)
        _wait_for_the_last_spans(collector)
    collector.shutdown()
    collector.server_close()
    log = (folder / "serve.log").read_text().splitlines()
    return Observed(log, collector.spans(), b"".join(collector.exports))


def _use(url: str, folder: Path) -> None:
    broken = folder / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 and nothing else")
    with httpx.Client(base_url=url, timeout=60) as client:
        account = {"username": "alice", "email": "alice@example.com", "password": PASSWORD}
        assert client.post("/api/auth/register", json=account).status_code == 201
        login = client.post("/api/auth/login", json={"username": "alice", "password": PASSWORD})
        assert login.status_code == 200, login.text
        client.headers["x-csrftoken"] = client.cookies["csrftoken"]
        namespace = client.post("/api/namespaces", json={"name": "papers"}).json()["id"]
        for path in (factories.handbook(folder), broken):
            answer = client.post(
                "/api/documents",
                files={"file": (path.name, path.read_bytes())},
                data={"namespace_id": str(namespace)},
            )
            assert answer.status_code == 201, answer.text
        _wait_for_the_worker(client, namespace)
        chat = client.post("/api/chats", json={"namespace_id": namespace}).json()["id"]
        answer = client.post(
            f"/api/chats/{chat}/messages",
            json={"content": "How many days of vacation are there?"},
            headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
        )
        assert answer.is_success, answer.text


def _wait_for_the_worker(client: httpx.Client, namespace: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = client.get(f"/api/namespaces/{namespace}/documents").json()["items"]
        if sorted(document["ingestion"]["state"] for document in found) == ["failed", "ready"]:
            return
        time.sleep(0.2)
    pytest.fail(f"The documents are not ready: {found}")


def _wait_for_the_last_spans(collector: Collector) -> None:
    """The worker ends after the server."""
    deadline = time.monotonic() + 60
    while sum(span.name == "ingestion" for span in collector.spans()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_every_line_of_the_log_is_json(observed: Observed) -> None:
    lines = [json.loads(line) for line in observed.log if not line.startswith("Luma is ready")]
    assert lines
    for line in lines:
        assert {"time", "level", "logger", "message"} <= line.keys()
    worker = [line for line in lines if line["logger"] == "luma_rag.worker"]
    assert {"info", "warning"} <= {line["level"] for line in worker}


def test_a_question_is_one_trace(observed: Observed) -> None:
    spans = {span.name: span for span in observed.spans if span.trace_id.hex() == TRACE}
    request = spans["POST /api/chats/{chat_id}/messages"]
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    for child, parent in (
        ("retrieval", request),
        ("retrieval.query", spans["retrieval"]),
        ("retrieval.search", spans["retrieval"]),
        ("llm", request),
        ("llm.first_token", spans["llm"]),
    ):
        assert spans[child].parent_span_id == parent.span_id, child
        assert spans[child].start_time_unix_nano <= spans[child].end_time_unix_nano
        assert parent.start_time_unix_nano <= spans[child].start_time_unix_nano + 1_000_000


def test_the_stages_of_ingestion_are_traced(observed: Observed) -> None:
    ingestions = [span for span in observed.spans if span.name == "ingestion"]
    outcomes = {
        attribute.value.string_value
        for span in ingestions
        for attribute in span.attributes
        if attribute.key == "outcome"
    }
    assert outcomes == {"ready", "failed"}
    names = {span.name for span in observed.spans}
    assert {"ingestion.parsing", "ingestion.embedding", "ingestion.storing"} <= names


def test_traces_hold_no_texts(observed: Observed) -> None:
    assert b"luma_rag" in observed.exports
    for text in (SECRET, "vacation", "handbook", "alice"):
        assert text.encode() not in observed.exports, text
