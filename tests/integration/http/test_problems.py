"""Codes of errors: unique, documented, and in the responses of real requests."""

import asyncio
import inspect
import re
from typing import Any, get_args

import httpx
import msgspec
import pytest
from litestar.exceptions import HTTPException
from sqlalchemy.exc import DBAPIError, IntegrityError

from ingest import errors as ingest_errors
from ingest.errors import IngestError
from luma_rag.errors import Code, LLMError, LumaError, error_classes
from luma_rag.http.errors import problem
from luma_rag.http.headers import SECURITY_HEADERS
from luma_rag.settings import LimitsSettings
from tests.api import Api
from tests.conftest import serving

PROBLEM = "application/problem+json"
JSON = {"content-type": "application/json"}
INGEST_ERRORS = [
    member
    for member in vars(ingest_errors).values()
    if isinstance(member, type) and issubclass(member, IngestError)
]


def test_every_code_belongs_to_one_class() -> None:
    codes = [error.code for error in error_classes()]
    assert sorted(codes) == sorted(get_args(Code))
    codes += [error.code for error in INGEST_ERRORS]  # type: ignore[misc]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("error", [*error_classes(), *INGEST_ERRORS], ids=lambda error: error.code)
def test_every_class_is_documented(error: type[LumaError] | type[IngestError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert error.title
    assert error.title[0].isupper()
    meaning, *remedy = (inspect.getdoc(error) or "").split("\n\n")
    assert meaning.endswith(".")
    assert remedy
    assert all(paragraph.endswith(".") for paragraph in remedy)


async def test_the_type_of_a_problem_leads_to_its_documentation(api: Api) -> None:
    client = await api.anonymous()
    page = await client.get("/problems")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"] == SECURITY_HEADERS["content-security-policy"]
    assert "<script" not in page.text
    assert "style=" not in page.text
    for code in get_args(Code):
        assert page.text.count(f'<section id="{code}">') == 1
    for error in error_classes():
        assert f"<h2>{error.title}</h2>\n<p><code>{error.code} ({error.status})</code></p>" in page.text
    for ingest_error in INGEST_ERRORS:
        assert f'<section id="{ingest_error.code}">' in page.text
    assert "<code>Retry-After</code>" in page.text
    for link in re.findall(r'href="([^"]+)"', page.text):
        assert (await client.get(link)).status_code == 200, link


async def test_the_schema_describes_every_property_and_lists_every_code(api: Api) -> None:
    schema = (await (await api.anonymous()).get("/schema/openapi.json")).json()
    described = schema["components"]["schemas"]["Problem"]
    assert described["properties"]["code"]["enum"] == list(get_args(Code))
    assert set(described["required"]) == {"type", "code", "title", "status", "detail"}
    for name, property_schema in described["properties"].items():
        assert property_schema["description"], name


def _is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), answer.text
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"], body["type"]) == (status, code, f"/problems#{code}")
    assert body["title"] == next(error.title for error in error_classes() if error.code == code)
    return body


@pytest.mark.parametrize(
    ("method", "url", "options", "status", "code"),
    [
        ("POST", "/api/namespaces", {"content": b"{", "headers": JSON}, 400, "malformed_request"),
        (
            "POST",
            "/api/documents",
            {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=x"}},
            400,
            "malformed_request",
        ),
        ("GET", "/api/users", {}, 403, "forbidden"),
        (
            "POST",
            "/api/namespaces",
            {"json": {"name": "x"}, "headers": {"x-csrftoken": "x"}},
            403,
            "invalid_csrf_token",
        ),
        ("GET", "/api/namespaces/2000000", {}, 404, "not_found"),
        ("GET", "/api/nothing", {}, 404, "not_found"),
        ("DELETE", "/api/auth/me", {}, 405, "method_not_allowed"),
        ("POST", "/api/namespaces", {"json": {"name": "x" * 2**20}}, 413, "too_large"),
        ("POST", "/api/namespaces", {"content": b"{}"}, 415, "unsupported_type"),
        ("POST", "/api/documents", {"files": {"file": ("a.txt", b"\0text")}}, 415, "unsupported_type"),
        ("GET", "/", {"headers": {"host": "evil.example.com"}}, 421, "misdirected_request"),
        ("POST", "/api/namespaces", {"json": {}}, 422, "invalid_input"),
        ("GET", "/api/documents?limit=0", {}, 422, "invalid_input"),
        ("GET", "/api/documents", {"headers": {"x-long": "x" * 70_000}}, 431, "header_too_large"),
    ],
)
async def test_a_request_gets_the_code_of_its_error(
    api: Api, method: str, url: str, options: dict[str, Any], status: int, code: str
) -> None:
    _is_problem(await (await api.user("alice")).request(method, url, **options), status, code)


async def test_each_way_to_fail_to_sign_in_has_its_code(api: Api) -> None:
    await api.user("alice")
    client = await api.anonymous()
    _is_problem(await client.get("/api/auth/me"), 401, "not_authenticated")
    for header in ("Bearer luma_x", "Basic x", f"Bearer luma_{'0' * 49}"):
        refused = await client.get("/api/auth/me", headers={"authorization": header})
        _is_problem(refused, 401, "invalid_token")
        assert refused.headers["www-authenticate"] == "Bearer"
    wrong = await client.post("/api/auth/login", json={"username": "alice", "password": "not hers"})
    assert _is_problem(wrong, 401, "invalid_credentials")["detail"] == "Invalid user name or password."


async def test_a_conflict_has_its_code(api: Api) -> None:
    admin = await api.admin()
    me = (await admin.get("/api/auth/me")).json()["id"]
    _is_problem(await admin.delete(f"/api/users/{me}"), 409, "conflict")


async def test_a_limit_has_its_code(api: Api) -> None:
    alice = await api.user("alice")
    settings = msgspec.structs.replace(api.runtime.settings, limits=LimitsSettings(searches_per_minute=1))
    headers = {
        "cookie": f"luma_session={alice.cookies['luma_session']}",
        "x-csrftoken": alice.cookies["csrftoken"],
    }
    async with (
        serving(msgspec.structs.replace(api.runtime, settings=settings)) as url,
        httpx.AsyncClient(base_url=url, timeout=60, headers=headers) as client,
    ):
        for _ in range(10):
            await client.post("/api/namespaces/2000000/search", json={"query": "x"})
        refused = await client.post("/api/namespaces/2000000/search", json={"query": "x"})
        body = _is_problem(refused, 429, "rate_limited")
        assert body["detail"] == f"Too many requests. Retry in {refused.headers['retry-after']} s."


class _PostgresError(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (RuntimeError("secret"), 500, "internal_error", None),
        (IntegrityError("INSERT", {}, _PostgresError("23505")), 500, "internal_error", None),
        (DBAPIError("UPDATE", {}, _PostgresError("40P01")), 503, "deadlock", "1"),
        (
            DBAPIError("SELECT", {}, _PostgresError("57P01"), connection_invalidated=True),
            503,
            "unavailable",
            "5",
        ),
        (ConnectionRefusedError("secret"), 503, "unavailable", "5"),
        (LLMError("The LLM failed."), 502, "llm_failed", None),
    ],
)
async def test_an_error_inside_has_its_code(
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
    retry_after: str | None,
) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("luma_rag.namespaces.list_readable", failing)
    answer = await (await api.user("alice")).get("/api/namespaces")
    body = _is_problem(answer, status, code)
    assert answer.headers.get("retry-after") == retry_after
    assert ("request_id" in body) == (status >= 500)
    assert "secret" not in answer.text


async def test_a_request_that_is_not_http_gets_a_code(api: Api) -> None:
    address = httpx.URL(api.base_url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"nonsense\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert msgspec.json.decode(body)["code"] == "malformed_request"


def test_no_exception_of_litestar_is_an_internal_error_by_oversight() -> None:
    raised = {
        kind
        for kind in _subclasses(HTTPException)
        if kind.__module__ == "litestar.exceptions.http_exceptions" and 400 <= kind.status_code < 500
    }
    unexpected = {kind.__name__ for kind in raised if problem(kind(detail="x")).status != kind.status_code}
    # Only the middleware that Luma doesn't use raises them, or a file that the server may not read.
    assert unexpected == {
        "NotAuthorizedException",
        "PermissionDeniedException",
        "TooManyRequestsException",
        "ValidationException",
    }


def _subclasses(kind: type[Any]) -> set[type[Any]]:
    return {kind}.union(*map(_subclasses, kind.__subclasses__()))
