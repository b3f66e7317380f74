"""Situations that the real service can't produce on demand: postponed uploads, races, and other versions."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from httpx_sse import ServerSentEvent

from luma_client import ApiError, FieldError, Ingestion, IngestionError, Luma, SearchResult, events
from luma_client.protocol import error_of, reconnect_pause
from tests.api import Api
from tests.integration.client.conftest import token_of

REQUEST = httpx.Request("GET", "http://127.0.0.1/api/namespaces")
NAMESPACE = {
    "id": 7,
    "name": "papers",
    "description": None,
    "is_public": False,
    "user_id": 1,
    "created_at": "2026-01-31T12:00:00Z",
    "auth_level": 3,
    "documents": 0,
    "chunks": 0,
    "of a later version": True,
}
USER = {"id": 1, "username": "a", "email": "a@b.c", "role": "user"} | {
    f"{what}_at": NAMESPACE["created_at"] for what in ("created", "updated")
}
DOCUMENT = {
    "id": 3,
    "user_id": 1,
    "title": "report",
    "type": "pdf",
    "is_public": False,
    "file_metadata": {},
    "uploaded_at": NAMESPACE["created_at"],
    "permission": "write",
    "ingestions": [],
}


def answered(handler: Callable[[httpx.Request], httpx.Response]) -> Luma:
    """A client whose requests are answered by a function."""
    luma = Luma("http://127.0.0.1", token="t")
    luma._http = httpx.Client(base_url="http://127.0.0.1", transport=httpx.MockTransport(handler))
    return luma


def test_postponed_upload_is_resent_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF" * 50_000)
    sizes = []

    def handler(request: httpx.Request) -> httpx.Response:
        sizes.append(request.read().count(b"%PDF"))
        if len(sizes) == 1:
            return httpx.Response(429, headers={"retry-after": "0"})
        return httpx.Response(201, json=DOCUMENT)

    with answered(handler) as luma:
        assert luma.upload(path).title == "report"
    assert sizes == [50_000, 50_000]


def test_concurrently_created_namespace_is_found() -> None:
    lists = [{"items": [], "total": 0}, {"items": [NAMESPACE], "total": 1}]

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/auth/me":
            return httpx.Response(200, json=USER)
        return httpx.Response(409) if request.method == "POST" else httpx.Response(200, json=lists.pop(0))

    with answered(handler) as luma:
        assert luma.get_or_create_namespace("papers").id == 7
        lists[:] = [{"items": [], "total": 0}] * 2
        with pytest.raises(ApiError, match="409: POST /api/namespaces failed"):
            luma.get_or_create_namespace("papers")


def test_error_contains_all_service_details() -> None:
    problem = {
        "type": "https://example.org/namespace-exists",
        "code": "namespace_exists",
        "title": "Conflict",
        "status": 409,
        "detail": "You have a namespace of this name.",
        "errors": [{"field": "name", "message": "exists"}],
        "request_id": "r1",
    }
    error = error_of(httpx.Response(409, json=problem, headers={"retry-after": "3"}, request=REQUEST))
    assert str(error) == "409: You have a namespace of this name."
    assert (error.status, error.code, error.title) == (409, "namespace_exists", "Conflict")
    assert error.errors == [FieldError("name", "exists")]
    assert (error.retry_after, error.request_id) == (3, "r1")
    del problem["code"], problem["errors"]
    plain = error_of(httpx.Response(409, json=problem, request=REQUEST))
    assert (plain.code, plain.errors, plain.retry_after) == (None, [], None)


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[]", b'{"error": 1}'])
def test_proxy_error_is_an_api_error(body: bytes) -> None:
    error = error_of(httpx.Response(502, content=body, request=REQUEST))
    assert (error.status, error.detail) == (502, "GET /api/namespaces failed")


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b'{"items": [{"id": "x"}], "total": 1}'])
def test_unexpected_response_format_is_an_error(body: bytes) -> None:
    with (
        answered(lambda request: httpx.Response(200, content=body)) as luma,
        pytest.raises(ApiError, match="GET /api/namespaces was answered in an unknown form"),
    ):
        luma.namespaces()


@pytest.mark.parametrize(
    ("sent", "is_relevant"),
    [({"fits": False}, False), ({"is_relevant": True, "fits": True}, True), ({"is_relevant": None}, None)],
)
def test_both_names_of_relevance_are_accepted(sent: dict[str, Any], is_relevant: bool | None) -> None:
    took = {"embed": None, "search": 1, "rerank": None, "total": 1}
    result = {"hits": [], "took_ms": took, "reranking": "off", **sent}
    assert msgspec.convert(result, SearchResult).is_relevant is is_relevant


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (None, None),
        ("It is encrypted.", IngestionError("It is encrypted.")),
        ({"code": "encrypted", "text": "It is."}, IngestionError("It is.", "encrypted")),
    ],
)
def test_both_formats_of_ingestion_errors_are_accepted(sent: Any, error: IngestionError | None) -> None:
    at = NAMESPACE["created_at"]
    numbers = dict.fromkeys(("id", "doc_id", "namespace_id", "chunks", "attempts", "progress"), 1)
    texts = {"state": "failed", "stage": None, "created_at": at, "updated_at": at}
    assert msgspec.convert({**numbers, **texts, "error": sent}, Ingestion).error == error


def test_unknown_events_are_ignored() -> None:
    for sent in (ServerSentEvent("news", '{"stage": "searching"}'), ServerSentEvent("message", "")):
        assert events.answer_event(sent) is None
        assert events.namespace_event(sent) is None


def test_truncated_stream_is_an_error() -> None:
    text = 'event: delta\ndata: {"text": "It"}\n\n'
    kind = {"content-type": "text/event-stream"}
    with answered(lambda request: httpx.Response(200, text=text, headers=kind)) as luma:
        stream = luma.ask_in_chat_stream(1, "?")
        assert next(stream) == events.DeltaEvent("It")
        with pytest.raises(httpx.RemoteProtocolError):
            next(stream)


def test_event_reconnection_stops_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    attempts = []

    def handler(request: httpx.Request) -> httpx.Response:
        attempts.append(request.headers.get("last-event-id"))
        if len(attempts) > 1:
            raise httpx.ConnectError("refused")
        text = 'id: 5\nevent: document_removed\ndata: {"doc_id": 1, "namespace_id": 2}\n\n: waiting\n\n'
        return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})

    with answered(handler) as luma, pytest.raises(httpx.ConnectError):
        assert list(luma.events(2)) == []
    assert attempts == [None] + ["5"] * 10
    assert 120 < sum(pauses) < 300
    assert pauses == [reconnect_pause(failures) for failures in range(10)]


async def test_upload_is_not_held_in_memory(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.truncate(200 * 2**20)
    token = await token_of(api, "alice")
    program = f"""
import asyncio, resource
from luma_client import ApiError, AsyncLuma, Luma

async def main():
    async with AsyncLuma({api.base_url!r}, token={token!r}) as luma:
        await luma.namespaces()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for upload in luma.upload, lambda path: asyncio.to_thread(script.upload, path):
            try:
                await upload({str(path)!r})
            except ApiError as error:
                print(error.status)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

with Luma({api.base_url!r}, token={token!r}) as script:
    asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    *statuses, grown = output.decode().split()
    assert statuses == ["415", "415"], output
    assert int(grown) < 30 * 2**10
