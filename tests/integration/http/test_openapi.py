"""The service's OpenAPI document, and that errors match it."""

import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from jsonschema_rs import Draft202012Validator
from litestar.routes import HTTPRoute

from luma_rag.http.app import create_app
from luma_rag.runtime import Runtime
from luma_rag.settings import Settings
from tests.api import PASSWORD, Api

METHODS = {"get", "post", "put", "patch", "delete"}
PROBLEM = "application/problem+json"


def _app() -> Any:
    # The rest of the runtime is not used before a call.
    return create_app(cast(Runtime, SimpleNamespace(settings=Settings())))


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The document as served to clients, as JSON."""
    described: dict[str, Any] = json.loads(json.dumps(_app().openapi_schema.to_schema()))
    return described


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in schema["paths"].items():
        for method in METHODS & set(item):
            yield method, path, item[method]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


async def test_openapi_document_is_served_without_a_login(api: Api, schema: dict[str, Any]) -> None:
    answer = await (await api.anonymous()).get("/schema/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == "application/vnd.oai.openapi+json"
    assert answer.json() == schema


def test_openapi_document_is_valid(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1.")
    assert schema["info"]["title"] == "Luma"
    components = schema["components"]["schemas"]
    for reference in _references(schema):
        assert reference.removeprefix("#/components/schemas/") in components, reference
    names = [operation["operationId"] for _, _, operation in _operations(schema)]
    assert len(set(names)) == len(names)
    for method, path, operation in _operations(schema):
        parameters = operation.get("parameters", [])
        in_path = {p["name"] for p in parameters if p["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path)), (method, path)
        assert all(p["required"] for p in parameters if p["in"] == "path")
        assert operation["summary"]
        assert operation["description"]


def test_openapi_document_contains_every_route(schema: dict[str, Any]) -> None:
    exist = {
        (method.lower(), route.path_format)
        for route in _app().routes
        if isinstance(route, HTTPRoute) and route.path.startswith(("/api", "/v1", "/health", "/metrics"))
        for method in route.methods - {"OPTIONS"}
    }
    assert {(method, path) for method, path, _ in _operations(schema)} == exist


def test_every_operation_documents_its_errors(schema: dict[str, Any]) -> None:
    for method, path, operation in _operations(schema):
        if path.startswith(("/health", "/metrics")):
            continue
        responses = operation["responses"]
        failures = {status: r for status, r in responses.items() if status >= "400"}
        for status, response in failures.items():
            assert set(response["content"]) == {PROBLEM}, (method, path, status)
            assert response["content"][PROBLEM]["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert response["description"]
        expected = {"503"}
        if operation.get("security") != [{}]:
            expected |= {"401", "403"}
        if "{" in path:
            expected |= {"404", "422"}
        if "requestBody" in operation:
            expected |= {"400", "413", "422"}
        assert expected <= set(failures), (method, path)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("post", "/api/auth/register", "409"),
        ("post", "/api/auth/login", "401"),
        ("post", "/api/auth/login", "429"),
        ("delete", "/api/users/{user_id}", "409"),
        ("get", "/api/users/lookup", "404"),
        ("post", "/api/namespaces/{namespace_id}/documents", "409"),
        ("post", "/api/documents", "404"),
        ("post", "/api/documents", "415"),
        ("post", "/api/ingestions/{ingestion_id}/retry", "409"),
        ("post", "/api/chats", "404"),
        ("post", "/api/chats/{chat_id}/messages", "502"),
        ("post", "/api/chats/{chat_id}/regenerate", "409"),
        ("get", "/api/namespaces/{namespace_id}/events", "429"),
        ("post", "/v1/chat/completions", "404"),
        ("post", "/v1/chat/completions", "502"),
    ],
)
def test_specific_errors_are_documented(schema: dict[str, Any], method: str, path: str, status: str) -> None:
    assert status in schema["paths"][path][method]["responses"]


def test_only_public_operations_need_no_login(schema: dict[str, Any]) -> None:
    assert schema["security"] == [{"token": []}, {"session": []}]
    assert set(schema["components"]["securitySchemes"]) == {"token", "session"}
    public = {path for _, path, operation in _operations(schema) if operation.get("security") == [{}]}
    assert public == {
        "/api/auth/login",
        "/api/auth/register",
        "/api/auth/options",
        "/api/auth/openid",
        "/api/auth/openid/callback",
        "/health/live",
        "/health/ready",
    }


def test_every_body_is_documented(schema: dict[str, Any]) -> None:
    bodiless = {
        "/api/auth/logout",
        "/api/auth/totp",
        "/api/ingestions/{ingestion_id}/retry",
        "/api/chats/{chat_id}/regenerate",
        "/api/chats/{chat_id}/stop",
        "/api/system/llm/test",
    }
    forms = {("post", "/api/documents"), ("put", "/api/documents/{doc_id}/file")}
    for method, path, operation in _operations(schema):
        takes_one = method in {"post", "put", "patch"} and path not in bodiless
        assert ("requestBody" in operation) == takes_one, (method, path)
        if takes_one and (method, path) not in forms:
            assert operation["requestBody"]["required"] is True
            (body,) = operation["requestBody"]["content"].items()
            assert body[0] == "application/json"
            described = _resolved(schema, body[1]["schema"])
            assert described["properties"], (method, path)
    upload = schema["paths"]["/api/documents"]["post"]
    form = upload["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"file", "title", "is_public", "namespace_id"}
    assert form["required"] == ["file"]
    ids = form["properties"]["namespace_id"]["items"]
    assert (ids["minimum"], ids["maximum"]) == (1, 2**31 - 1)
    assert {"200", "201"} <= set(upload["responses"])
    version = schema["paths"]["/api/documents/{doc_id}/file"]["put"]
    form = version["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert (set(form["properties"]), form["required"]) == ({"file"}, ["file"])
    assert {"200", "202", "409", "413", "415", "429"} <= set(version["responses"])


def test_responses_are_json_or_a_stream(schema: dict[str, Any]) -> None:
    ask = schema["paths"]["/api/chats/{chat_id}/messages"]["post"]["responses"]
    again = schema["paths"]["/api/chats/{chat_id}/regenerate"]["post"]["responses"]
    assert set(ask["201"]["content"]) == {"application/json"}
    assert set(ask["200"]["content"]) == {"text/event-stream"}
    assert set(again["200"]["content"]) == {"application/json", "text/event-stream"}
    exchange = {"$ref": "#/components/schemas/Exchange"}
    assert ask["201"]["content"]["application/json"]["schema"] == exchange
    assert again["200"]["content"]["application/json"]["schema"] == exchange


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Registration", "username email password"),
        ("Login", "username password code"),
        ("PasswordChange", "current new"),
        ("UserView", "id username email role created_at updated_at"),
        ("UserName", "id username"),
        ("NewToken", "id name token expires_at"),
        ("NewNamespace", "name description is_public"),
        ("NamespaceView", "id name description is_public user_id created_at auth_level documents chunks"),
        ("Member", "user_id username auth_level"),
        ("Membership", "auth_level"),
        ("DocumentReference", "doc_id"),
        ("SearchResult", "hits took_ms is_relevant fits reranking"),
        ("Hit", "vec_id doc_id title page heading text score rank"),
        ("Timings", "embed search rerank total"),
        (
            "DocumentView",
            "id user_id title type is_public file_metadata uploaded_at permission username size pages "
            "warnings version",
        ),
        ("Sharing", "permission"),
        (
            "IngestionView",
            "id doc_id namespace_id state stage progress chunks error attempts created_at updated_at "
            "next_attempt_at warnings",
        ),
        ("NewChat", "namespace_id"),
        (
            "ChatView",
            "id user_id namespace_id started_at title pinned last_activity_at is_running snippet",
        ),
        (
            "MessageView",
            "id chat_id sender_type content time_sent citations state error answers versions feedback "
            "reasoning cut_off",
        ),
        ("NewMessage", "content doc_ids replaces follows"),
        ("Exchange", "user_message llm_message"),
        ("Verdict", "rating comment"),
        ("CitationView", "n vec_id doc_id title page heading quote score is_of_earlier_version"),
        ("Problem", "type code title status detail request_id errors"),
    ],
)
def test_field_names_match_the_contract(schema: dict[str, Any], name: str, fields: str) -> None:
    assert set(schema["components"]["schemas"][name]["properties"]) == set(fields.split())


def test_lists_have_items_and_a_total(schema: dict[str, Any]) -> None:
    paged = [
        (path, operation)
        for method, path, operation in _operations(schema)
        if method == "get" and "limit" in {p["name"] for p in operation.get("parameters", [])}
    ]
    assert len(paged) >= 10
    for path, operation in paged:
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert set(_resolved(schema, answer)["properties"]) == {"items", "total"}, path
        limit = next(p for p in operation["parameters"] if p["name"] == "limit")
        assert (limit["schema"]["maximum"], limit["schema"]["default"]) == (200, 50)


def test_every_property_has_a_description_and_an_example(schema: dict[str, Any]) -> None:
    form = schema["paths"]["/api/documents"]["post"]["requestBody"]["content"]["multipart/form-data"][
        "schema"
    ]
    described = schema["components"]["schemas"] | {"upload": form}
    missing = [
        f"{name}.{key}"
        for name, component in described.items()
        for key, value in component["properties"].items()
        if not value.get("description") or value.get("examples", [None]) == [None]
    ]
    assert missing == []
    parameters = [
        parameter for _, _, operation in _operations(schema) for parameter in operation.get("parameters", [])
    ]
    assert all(parameter["description"] for parameter in parameters)


def test_examples_fit_their_schemas(schema: dict[str, Any]) -> None:
    for name, component in schema["components"]["schemas"].items():
        example = {key: value["examples"][0] for key, value in component["properties"].items()}
        inlined = {"$defs": schema["components"]["schemas"], **component}
        text = json.dumps(inlined).replace("#/components/schemas/", "#/$defs/")
        problems = list(Draft202012Validator(json.loads(text)).iter_errors(example))
        assert problems == [], (name, problems[0].message)


def test_names_are_readable(schema: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in _operations(schema)]
    assert len(set(ids)) == len(ids)
    for operation_id in ids:
        assert re.fullmatch(r"[a-z][A-Za-z]+", operation_id)
    assert {"createNamespace", "listDocuments", "searchNamespace", "createChatCompletion"} <= set(ids)
    summary = schema["paths"]["/api/auth/openid"]["get"]["summary"]
    assert summary == "Begin OpenID sign in"
    for name in schema["components"]["schemas"]:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name)
    assert {"NamespacePage", "NamespaceDocumentPage", "EventPage"} <= set(schema["components"]["schemas"])


def test_every_tag_is_described(schema: dict[str, Any]) -> None:
    used = {tag for _, _, operation in _operations(schema) for tag in operation["tags"]}
    assert {tag["name"] for tag in schema["tags"]} >= used
    assert all(tag["description"] for tag in schema["tags"])


def test_a_file_is_of_a_type_that_is_read_and_never_a_page(schema: dict[str, Any]) -> None:
    content = schema["paths"]["/api/documents/{doc_id}/file"]["get"]["responses"]["200"]["content"]
    assert set(content) >= {"application/pdf", "text/plain", "message/rfc822"}
    assert "text/html" not in content


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    name = node["$ref"].removeprefix("#/components/schemas/")
    found: dict[str, Any] = schema["components"]["schemas"][name]
    return found


_JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "url", "options", "status"),
    [
        ("GET", "/api/nothing", {}, 404),
        ("GET", "/nothing", {}, 404),
        ("GET", "/static/nothing.js", {}, 404),
        ("GET", "/static/../settings.py", {}, 404),
        ("GET", "/static/%2e%2e/%2e%2e/settings.py", {}, 404),
        ("GET", "/schema/nothing.json", {}, 404),
        ("GET", "/schema/nothing", {}, 404),
        ("GET", "/schema/swagger", {}, 404),
        ("GET", "/api/documents/abc", {}, 404),
        ("GET", "/api/documents/0", {}, 422),
        ("GET", "/api/documents/-1", {}, 422),
        ("GET", "/api/documents/99999999999999999999", {}, 422),
        ("PUT", "/api/namespaces", {"json": {}}, 405),
        ("DELETE", "/api/auth/me", {}, 405),
        ("POST", "/health/live", {}, 405),
        ("POST", "/api/namespaces", {"content": b"{", "headers": _JSON}, 400),
        ("POST", "/api/namespaces", {"content": b'{"name": "\xff"}', "headers": _JSON}, 400),
        ("POST", "/api/namespaces", {"content": b'{"name": "\\ud800"}', "headers": _JSON}, 400),
        ("POST", "/api/namespaces", {"content": b"[" * 100_000, "headers": _JSON}, 422),
        ("POST", "/api/namespaces", {"content": b"", "headers": _JSON}, 422),
        ("POST", "/api/namespaces", {"content": b"null", "headers": _JSON}, 422),
        ("POST", "/api/namespaces", {"json": []}, 422),
        ("POST", "/api/namespaces", {"json": "text"}, 422),
        ("POST", "/api/namespaces", {"json": {"name": "x", "colour": "red"}}, 422),
        ("POST", "/api/namespaces", {"json": {"name": "x" * 2**20}}, 413),
        ("POST", "/api/namespaces", {"content": b'{"name": "x"}'}, 415),
        (
            "POST",
            "/api/namespaces",
            {"content": b'{"name": "x"}', "headers": {"content-type": "text/plain"}},
            415,
        ),
        ("POST", "/api/namespaces", {"data": {"name": "x"}}, 415),
        ("POST", "/api/documents", {"json": {}}, 415),
        ("POST", "/api/documents", {"content": b"%PDF-1.4"}, 415),
        ("POST", "/api/documents", {"files": {"file": ("a.txt", b"\0text")}}, 415),
        ("GET", "/api/users/lookup", {}, 422),
        ("GET", "/api/users/lookup?username=a%00b", {}, 422),
        ("GET", "/api/documents?scope=nothing", {}, 422),
        ("GET", "/api/documents?limit=1&limit=x", {}, 422),
    ],
)
async def test_every_error_is_a_problem_without_internals(
    api: Api, method: str, url: str, options: dict[str, Any], status: int
) -> None:
    answer = await (await api.user("alice")).request(method, url, **options)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["x-content-type-options"] == "nosniff"
    problem = answer.json()
    assert problem.keys() - {"errors"} == {"type", "code", "title", "status", "detail"}
    assert len(answer.headers["x-request-id"]) == 16
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    for error in problem.get("errors", []):
        assert set(error) == {"field", "message"}
    for inside in (
        "Traceback",
        'File "',
        "SELECT",
        "asyncpg",
        "sqlalchemy",
        "msgspec",
        "luma_rag",
        "site-packages",
    ):
        assert inside.lower() not in answer.text.lower()


async def test_body_of_unknown_length_is_rejected_beyond_the_limit(api: Api) -> None:
    async def endless() -> Any:
        yield b'{"name": "'
        for _ in range(64):
            yield b"x" * 2**16

    alice = await api.user("alice")
    answer = await alice.post("/api/namespaces", content=endless(), headers=_JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)


async def test_all_api_paths_respond_alike_without_a_login(api: Api) -> None:
    client = await api.anonymous()
    for url in ("/api/namespaces", "/api/documents/1", "/api/users"):
        answer = await client.get(url)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["detail"]
    for header in ("Basic YTpi", "Bearer", "luma_x", "Bearer luma_\xff"):
        headers = {"authorization": header.encode("latin-1")}
        assert (await client.get("/api/auth/me", headers=headers)).status_code == 401, header


async def test_internal_errors_are_not_exposed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is 1234 in /etc/luma")

    monkeypatch.setattr("luma_rag.namespaces.list_readable", broken)
    answer = await (await api.user("alice")).get("/api/namespaces")
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "1234" not in answer.text
    assert "RuntimeError" not in answer.text


async def test_wrong_password_returns_a_problem(api: Api) -> None:
    await api.user("alice")
    client = await api.anonymous()
    answer = await client.post("/api/auth/login", json={"username": "alice", "password": PASSWORD + "!"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
