"""Resistance to attacks: foreign host names, endless requests, and files that imitate pages."""

import asyncio
import io
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import msgspec
import pytest

from luma_rag.errors import ConfigurationError
from luma_rag.http import bodies, protocol
from luma_rag.http.hosts import AllowedHosts, parse_hosts
from luma_rag.runtime import Runtime
from luma_rag.web.assets import assets
from tests import factories
from tests.api import Api
from tests.servers import serving

PROBLEM = "application/problem+json"
SPACES, SEARCH, TOKENS = "/api/namespaces", "/api/namespaces/1/search", "/api/auth/tokens"


# --- Hosts


def _passes(host: str, allowed: str | None, public_url: str | None = None, path: str = "/") -> bool:
    """Whether a request with this Host is accepted."""
    passed: list[Any] = []
    answered: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope)

    async def send(message: Any) -> None:
        answered.append(message)

    scope: Any = {"type": "http", "path": path, "headers": [(b"host", host.encode("latin-1"))]}
    asyncio.run(AllowedHosts(app, allowed, public_url)(scope, None, send))  # type: ignore[arg-type]
    if not passed:
        assert answered[0]["status"] == 421
    return bool(passed)


def test_public_address_is_allowed() -> None:
    for allowed in (None, "other.example.com"):
        assert _passes("luma.example.com:8443", allowed, "https://luma.example.com:8443/")
        assert not _passes("a.luma.example.com", allowed, "https://luma.example.com")


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
def test_probes_and_scrapers_may_name_any_host(path: str) -> None:
    for host in ("10.42.0.7:8000", "luma", "luma.monitoring.svc.cluster.local"):
        assert _passes(host, "luma.example.com", path=path)
        assert not _passes(host, "luma.example.com", path=f"{path}/other")


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("localhost", True),
        ("localhost:8000", True),
        ("LOCALHOST.", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("192.168.1.7", True),
        ("[fe80::1]", True),
        ("nas:8000", True),
        ("luma", True),
        ("nas.local", True),
        ("luma.home.arpa", True),
        ("luma.internal", True),
        ("example.com", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("evil.com:8000", False),
        ("evil.com.", False),
        ("notlocal", True),
        ("a.notlocal", False),
        ("", False),
        ("a b", False),
        ("luma/../x", False),
        ("user@localhost", False),
        ("localhost:8000:1", False),
        ("[::1", False),
        ("\xe9", False),
        ("x" * 254, False),
    ],
)
def test_default_rejects_public_host_names(host: str, passes: bool) -> None:
    assert _passes(host, None) == passes


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("luma.example.com", True),
        ("Luma.Example.com:443", True),
        ("a.example.org", True),
        ("a.b.example.org", True),
        ("example.org", False),
        ("evilexample.org", False),
        ("lumaxexample.com", False),
        ("luma.example.com.evil.com", False),
        ("localhost:8000", True),
        ("127.0.0.1", True),
        ("192.168.1.7", False),
        ("nas", False),
    ],
)
def test_allowed_hosts_list_extends_localhost(host: str, passes: bool) -> None:
    assert _passes(host, "luma.example.com, *.example.org") == passes
    assert _passes(host, "*")


@pytest.mark.parametrize("allowed", ["https://luma.example.com", "luma.example.com:443", "a,*b.com", "a b"])
def test_invalid_host_names_are_rejected_at_startup(allowed: str) -> None:
    with pytest.raises(ConfigurationError, match="LUMA_ALLOWED_HOSTS"):
        parse_hosts(allowed)


async def test_dns_rebinding_is_rejected(api: Api) -> None:
    client = await api.anonymous({"host": "evil.example.com"})
    for method, url in (
        ("GET", "/"),
        ("GET", "/api/auth/options"),
        ("POST", "/api/auth/register"),
        ("GET", "/no"),
    ):
        answer = await client.request(method, url, json={})
        assert (answer.status_code, answer.headers["content-type"]) == (421, PROBLEM)
        assert "Ask its administrator" in answer.json()["detail"]
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    two = await _raw(api.base_url, b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\n\r\n")
    none = await _raw(api.base_url, b"GET / HTTP/1.1\r\n\r\n")
    assert two.startswith(b"HTTP/1.1 421")
    assert none.startswith(b"HTTP/1.1 421")


# --- Headers


async def test_every_response_has_the_security_headers(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    document = await api.upload(alice, factories.handbook(tmp_path))
    answers = [
        await alice.request(method, url)
        for method, url in (
            ("GET", "/"),
            ("GET", assets().url("main.js")),
            ("GET", assets().url("nothing.js")),
            ("GET", "/nothing"),
            ("GET", "/schema/openapi.json"),
            ("GET", "/schema"),
            ("GET", "/schema/redoc"),
            ("GET", "/health/live"),
            ("GET", "/api/documents"),
            ("GET", "/api/documents/999"),
            ("GET", f"/api/documents/{document}/file"),
            ("DELETE", "/api/auth/me"),
            ("OPTIONS", "/api/documents"),
            ("HEAD", "/"),
            ("POST", "/api/namespaces"),
        )
    ]
    answers.append(await (await api.anonymous()).get("/api/auth/me"))
    for answer in answers:
        where = f"{answer.request.method} {answer.request.url}"
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy, where
        assert "default-src" in policy, where
        # The browser's viewer renders a PDF in a frame of the same origin.
        ancestors = "'self'" if where.endswith("/file") else "'none'"
        assert f"frame-ancestors {ancestors}" in policy, where
        for name in ("x-content-type-options", "referrer-policy", "x-frame-options", "permissions-policy"):
            assert len(answer.headers.get_list(name)) == 1, (where, name)
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "strict-transport-security" not in answer.headers
        assert "server" not in answer.headers
        if "/api/" in str(answer.url) and not str(answer.url).endswith("/file"):
            assert answer.headers["cache-control"] == "no-store", where
        if answer.status_code >= 400 and answer.request.method != "HEAD":
            assert answer.headers["content-type"] == PROBLEM, where


async def test_hsts_is_sent_only_over_https(runtime: Runtime) -> None:
    told = msgspec.structs.replace(runtime.settings, trusted_proxies="127.0.0.1")
    async with (
        serving(msgspec.structs.replace(runtime, settings=told)) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        secure = await client.get("/", headers={"x-forwarded-proto": "https"})
        plain = await client.get("/")
    assert secure.headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in plain.headers


# --- Request headers and bodies


async def _raw(base_url: str, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send raw bytes and return the response until the server closes the connection or stays silent."""
    place = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
    except ConnectionError:
        pass  # The server closed the connection early.
    got = b""
    try:
        async with asyncio.timeout(5):
            while piece := await reader.read(65536):
                got += piece
                if b"\r\n\r\n" in got and b"connection: close" not in got.lower():
                    break
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return got


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", *[b"a" * 30_000] * 20],
        [b"GET / HTTP/1.1\r\nHost: localhost\r\n", *[b"X: y\r\n" * 50] * 3, b"\r\n"],
        [b"GET /?" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ],
    ids=["one long header", "a header without end", "many headers", "a long address"],
)
async def test_request_headers_are_limited(base_url: str, pieces: list[bytes]) -> None:
    got = await _raw(base_url, *pieces, pause=0.02)
    # A client that keeps sending may lose the response, but can't keep sending forever.
    assert got == b"" or got.startswith(b"HTTP/1.1 431 "), got[:200]
    if len(pieces) == 1:
        assert b"problem+json" in got
        assert b"nosniff" in got


async def test_large_but_valid_headers_are_accepted(base_url: str) -> None:
    headers = {f"x-{i}": "a" * 500 for i in range(60)}
    async with httpx.AsyncClient(base_url=base_url) as client:
        for _ in range(2):
            assert (await client.get("/health/live", headers=headers)).status_code == 200


async def test_invalid_http_returns_a_problem(base_url: str) -> None:
    got = await _raw(base_url, b"\x16\x03\x01 hello\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 400 ")
    assert b"problem+json" in got


async def test_slow_request_headers_time_out(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    for pieces in ([], [b"GET / HT"], [b"GET / HTTP/1.1\r\nHost: localhost\r\n"]):
        place = urlsplit(base_url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        for piece in pieces:
            writer.write(piece)
        async with asyncio.timeout(4):
            assert await reader.read() == b""
        writer.close()


async def test_stalled_body_times_out(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PAUSE_SECONDS", 1)
    head = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    got = await _raw(api.base_url, head + b'Content-Length: 100\r\n\r\n{"user')
    assert got.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in got
    # Slow but progressing: four pieces with a pause after each.
    pieces = [b"a", b'{"username": "x"', b', "password"', b': "y"}']
    chunked = [
        head + b"Transfer-Encoding: chunked\r\n\r\n",
        *(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces[1:]),
    ]
    got = await _raw(api.base_url, *chunked, b"0\r\n\r\n", pause=0.35)
    assert got.startswith(b"HTTP/1.1 401 ")


async def test_body_size_is_limited_without_content_length(api: Api) -> None:
    alice = await api.user("alice")
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        yield b'{"name": "'
        while sent < 2**26:
            sent += 2**16
            yield b"a" * 2**16

    try:
        answer = await alice.post(
            "/api/namespaces", content=endless(), headers={"content-type": "application/json"}
        )
    except httpx.TransportError:
        assert sent < 2**26
    else:
        assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)


@pytest.mark.parametrize("nested", ['{"a":', "["])
async def test_json_depth_is_limited(api: Api, nested: str) -> None:
    body = '{"name": "x", "description": ' + nested * 200_000
    alice = await api.user("alice")
    answer = await alice.post(
        "/api/namespaces", content=body.encode(), headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    ("url", "body", "field", "message"),
    [
        (SPACES, {}, "name", "is required"),
        (SPACES, {"name": ""}, "name", "must have at least 1 character"),
        (SPACES, {"name": "x" * 256}, "name", "must have at most 255 characters"),
        (SPACES, {"name": "a\0"}, "name", "must not contain the character NUL"),
        (SPACES, {"name": 5}, "name", "must be text, not a whole number"),
        (SPACES, {"name": "x", "is_public": "yes"}, "is_public", "must be true or false, not text"),
        (SPACES, {"name": "x", "is_public": 1}, "is_public",
         "must be true or false, not a whole number"),
        (SPACES, {"name": "x", "colour": 1}, "colour", "is not a known field"),
        (SPACES, [], "body", "must be an object, not a list"),
        (TOKENS, {"name": "x", "expires_in_days": "5"}, "expires_in_days",
         "must be a whole number or null, not text"),
        (TOKENS, {"name": "x", "namespace_ids": [1, 0]}, "namespace_ids[1]", "must be at least 1"),
        (TOKENS, {"name": "x", "namespace_ids": []}, "namespace_ids", "must have at least 1 item"),
        (TOKENS, {"name": "x", "max_level": 9}, "max_level",
         "is not one of the allowed values; /schema/openapi.json lists them"),
        (SEARCH, {"query": " "}, "query", "must not be blank or contain the character NUL"),
        (SEARCH, {"query": "a", "k": "5"}, "k", "must be a whole number, not text"),
        (SEARCH, {"query": "a", "k": 0}, "k", "must be at least 1"),
    ],
)  # fmt: skip
async def test_invalid_bodies_are_rejected_with_clear_messages(
    api: Api, url: str, body: Any, field: str, message: str
) -> None:
    answer = await (await api.user("alice")).post(url, json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "message": message}]


@pytest.mark.parametrize(
    ("url", "field", "message"),
    [
        ("/api/documents?limit=x", "limit", "must be a whole number, not text"),
        ("/api/documents?limit=201", "limit", "must be at most 200"),
        ("/api/documents/0", "doc_id", "must be at least 1"),
        ("/api/users/lookup", "username", "is required"),
        ("/api/users/lookup?username=a%00", "username", "must not contain the character NUL"),
        ("/api/audit?since=x", "since", "must be a time such as 2026-01-31T12:00:00Z"),
    ],
)
async def test_invalid_parameters_are_rejected_with_clear_messages(
    api: Api, url: str, field: str, message: str
) -> None:
    answer = await (await api.admin()).get(url)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "message": message}]


# --- Files


_HTML = b"<html><script>alert(1)</script></html>"


def _polyglot(kind: str, folder: Path) -> bytes:
    """A document that Luma accepts and that content sniffing would treat as a page."""
    if kind == "pdf":
        return factories.handbook(folder).read_bytes() + b"\n%" + _HTML
    packed = io.BytesIO(factories.word(folder / "a.docx", {"A": "text"}).read_bytes())
    with zipfile.ZipFile(packed, "a") as package:
        package.writestr("index.html", _HTML)
        package.comment = _HTML
    return packed.getvalue()


@pytest.mark.parametrize("kind", ["pdf", "docx"])
@pytest.mark.parametrize(
    "name",
    [
        "page.html",
        'quote".html',
        "a\\..\\..\\b.html",
        "../../../../etc/passwd",
        "/etc/passwd",
        "..",
        "a\u202efdp.exe",
        "\u0645\u0644\u0641.html",
        "semi;colon=1.svg",
        "percent%0d%0aSet-Cookie: a=b",
        "\U0001f600" * 100,
    ],
)
async def test_file_is_never_served_as_a_page_and_its_name_never_used_as_a_path(
    api: Api, tmp_path: Path, kind: str, name: str
) -> None:
    alice = await api.user("alice")
    content = _polyglot(kind, tmp_path)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    answer = await alice.post("/api/documents", files={"file": (name, content, "text/html")})
    assert answer.status_code == 201, answer.text
    stored = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    folder = api.runtime.settings.data_dir / "files"
    assert [path.parent.parent for path in stored] == [folder]
    assert all(path.name.isalnum() and path.read_bytes() == content for path in stored)
    got = await alice.get(f"/api/documents/{answer.json()['id']}/file")
    assert got.content == content
    media = {"pdf": "application/pdf", "docx": "application/vnd.openxmlformats-officedocument"}[kind]
    assert got.headers["content-type"].startswith(media)
    assert got.headers["x-content-type-options"] == "nosniff"
    disposition = got.headers["content-disposition"]
    assert disposition.startswith("inline; " if kind == "pdf" else "attachment; ")
    assert "set-cookie" not in got.headers
    told = unquote(disposition.partition("=")[2].removeprefix("utf-8''")).strip('"')
    assert not set(told) & set("\r\n\0/\\\u202e"), disposition
    # A quotation mark is percent-encoded, so it does not end the value.
    assert disposition.isascii()
    assert disposition.count('"') in (0, 2)
    policy = got.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize(
    "name", [b"a\0b.pdf", b"a\r\nSet-Cookie: x=y.pdf", b"\xff\xfe.pdf", b"a\x1b[31m.pdf"]
)
async def test_raw_bytes_in_a_file_name_are_harmless(api: Api, tmp_path: Path, name: bytes) -> None:
    alice = await api.user("alice")
    content = factories.handbook(tmp_path).read_bytes()
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n\r\n' % name
    answer = await alice.post(
        "/api/documents",
        content=head + content + b"\r\n--x--\r\n",
        headers={"content-type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code in (201, 400, 422)
    if answer.status_code == 201:
        assert answer.json()["file_metadata"]["original_filename"].isprintable()
        got = await alice.get(f"/api/documents/{answer.json()['id']}/file")
        assert got.status_code == 200
        assert "set-cookie" not in got.headers
    else:
        assert answer.headers["content-type"] == PROBLEM


# --- Pages of other origins


@pytest.mark.parametrize(
    ("origin", "is_allowed"), [("https://app.example.com", True), ("https://evil.com", False)]
)
async def test_only_listed_origins_may_call(runtime: Runtime, origin: str, is_allowed: bool) -> None:
    settings = msgspec.structs.replace(
        runtime.settings, cors_origins="https://app.example.com/, https://b.example"
    )
    own = msgspec.structs.replace(runtime, settings=settings)
    async with serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        token = (await alice.post("/api/auth/tokens", json={"name": "t"})).json()["token"]
        client = await api.anonymous({"origin": origin, "authorization": f"Bearer {token}"})
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        for answer in (
            await client.get("/v1/models"),
            await client.options("/v1/chat/completions", headers=asked),
        ):
            assert (answer.headers.get("access-control-allow-origin") == origin) == is_allowed
            assert "access-control-allow-credentials" not in answer.headers


async def test_no_other_origin_may_call_by_default(api: Api) -> None:
    client = await api.anonymous({"origin": "https://app.example.com"})
    assert "access-control-allow-origin" not in (await client.get("/v1/models")).headers
