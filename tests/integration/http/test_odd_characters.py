"""Characters that Postgres, the file system or UTF-8 can't represent, in every part of every request."""

import itertools
import json
import re
from collections.abc import AsyncGenerator, Iterator
from types import SimpleNamespace
from typing import Any, cast

import httpx
import msgspec
import pytest

from ingest.embedding import Embedder
from luma_rag.http.app import create_app
from luma_rag.runtime import Runtime, Store
from luma_rag.settings import Settings
from luma_rag.web.assets import assets
from tests import factories
from tests.access.conftest import shared_store
from tests.access.matrix import CALLS, Call
from tests.access.world import World, make_world
from tests.one_transaction import InProcess, in_process

__all__ = ["shared_store"]

# NUL, a byte that is no UTF-8, a lone surrogate, a path, and a name that no file can have.
ODD = ["%00", "%FF", "%ED%A0%80", "..%2F..%2F", "x" * 5000]
ODD_IN_JSON = [rb"\u0000", rb"\ud800", b"\xff", b"\xed\xa0\x80"]
PAGES = [
    "/",
    "/n/1",
    assets().url("main.js"),
    assets().url(""),
    "/static/",
    "/health/live",
    "/health/ready",
    "/problems",
    "/schema",
    "/schema/x",
]
SPECIFICATION = create_app(cast(Runtime, SimpleNamespace(settings=Settings()))).openapi_schema.to_schema()


def _parameters(call: Call) -> Iterator[str]:
    """The names of the call's query parameters."""
    method, path = call.call.split()
    shape = re.sub(r"{.*?}", "{}", path)
    for described, operations in SPECIFICATION["paths"].items():
        if re.sub(r"{.*?}", "{}", described) == shape and method.lower() in operations:
            for parameter in operations[method.lower()].get("parameters", []):
                if parameter["in"] == "query":
                    yield parameter["name"]


class Place(msgspec.Struct, frozen=True):
    """The service, and a world to call it about."""

    service: InProcess
    client: httpx.AsyncClient
    world: World
    handbook: bytes


@pytest.fixture(scope="module")
async def place(
    shared_store: Store, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Place]:
    async with in_process(shared_store, embedder) as service, service.client() as client:
        world = await make_world(service.runtime, namespace_is_public=False, document_is_public=False)
        handbook = factories.handbook(tmp_path_factory.mktemp("odd")).read_bytes()
        yield Place(service, client, world, handbook)


async def _assert_no_failure(place: Place, method: str, url: str, **options: Any) -> None:
    place.client.cookies.clear()
    # Nobody else reaches a chat.
    caller = "owner" if re.search("/(chats|messages)/", url) else "admin"
    options["headers"] = {**place.world.headers[caller], **options.get("headers", {})}
    async with place.service.database.rolled_back():
        answer = await place.client.request(method, url, **options)
    assert answer.status_code < 500, f"{method} {url!r} {options}: {answer.text[:300]}"
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


def _filled(url: str, world: World) -> str:
    names = {f"{name}.name": text for name, text in world.names.items()}
    return re.sub(r"{(.*?)}", lambda found: str((world.ids | names).get(found[1], 1)), url)


def _marked(value: Any, mark: str) -> Iterator[Any]:
    """Copies of a JSON value, in each of which another string ends with the mark."""
    match value:
        case dict():
            for key, part in value.items():
                yield from ({**value, key: changed} for changed in _marked(part, mark))
        case list():
            for i, part in enumerate(value):
                yield from ([*value[:i], changed, *value[i + 1 :]] for changed in _marked(part, mark))
        case str():
            yield value + mark


@pytest.mark.parametrize("url", [*PAGES, *(call.call for call in CALLS if call.call.startswith("GET "))])
async def test_odd_characters_in_the_path(place: Place, url: str) -> None:
    path = _filled(url.removeprefix("GET "), place.world)
    for odd in ODD:
        for changed in (f"{path}{odd}", f"{path.rpartition('/')[0]}/{odd}"):
            await _assert_no_failure(place, "GET", changed)


@pytest.mark.parametrize(
    ("call", "name"),
    [pytest.param(call, name, id=f"{call.name}: {name}") for call in CALLS for name in _parameters(call)],
)
async def test_odd_characters_in_the_query(place: Place, call: Call, name: str) -> None:
    method, path = call.call.split()
    for odd in ODD:
        await _assert_no_failure(place, method, f"{_filled(path, place.world)}?{name}=x{odd}")


@pytest.mark.parametrize("call", [call for call in CALLS if call.json], ids=lambda call: call.name)
async def test_odd_characters_in_the_body(place: Place, call: Call) -> None:
    method, path = call.call.split()
    url = _filled(call.url or path, place.world)
    known = msgspec.json.decode(_numbered(call.json, place.world))
    for changed, odd in itertools.product(_marked(known, "MARK"), ODD_IN_JSON):
        body = json.dumps(changed).encode().replace(b"MARK", odd)
        await _assert_no_failure(
            place, method, url, content=body, headers={"content-type": "application/json"}
        )


@pytest.mark.parametrize("odd", [b"\x00", b"\xff", b"\xed\xa0\x80", "\uffff".encode(), b"\x7f"])
@pytest.mark.parametrize("field", ["title", "namespace_id", "is_public", "filename", "name of a field"])
async def test_odd_characters_in_a_form(place: Place, field: str, odd: bytes) -> None:
    name = b"a%b.pdf" % odd if field == "filename" else b"a.pdf"
    parts = [(b'name="file"; filename="%b"' % name, place.handbook)]
    match field:
        case "name of a field":
            parts.append((b'name="title%b"' % odd, b"x"))
        case "title" | "namespace_id" | "is_public":
            parts.append((b'name="%b"' % field.encode(), b"1" + odd))
    lines = [b"--b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % part for part in parts]
    headers = {"content-type": "multipart/form-data; boundary=b"}
    body = b"".join(lines) + b"--b--\r\n"
    await _assert_no_failure(place, "POST", "/api/documents", content=body, headers=headers)


@pytest.mark.parametrize(
    "header", ["accept", "authorization", "cookie", "last-event-id", "range", "user-agent", "x-csrftoken"]
)
@pytest.mark.parametrize("odd", [b"\xff", b"Bearer luma_\xff", b"luma_session=\xff"])
async def test_odd_characters_in_a_header(place: Place, header: str, odd: bytes) -> None:
    for url in ("/api/auth/me", "/api/namespaces/{namespace}/events", "/api/documents/{document}/file", "/"):
        await _assert_no_failure(place, "GET", _filled(url, place.world), headers={header: odd})
    login = {"username": "x", "password": "y"}
    await _assert_no_failure(place, "POST", "/api/auth/login", json=login, headers={header: odd})


def _numbered(value: Any, world: World) -> bytes:
    """JSON in which `"{name}"` is the id of a thing."""
    text = json.dumps(value)
    text = re.sub(r'"{(\w+)}"', lambda found: str(world.ids[found[1]]), text)
    names = {f"{name}.name": text for name, text in world.names.items()}
    return re.sub(r"{([\w.]+)}", lambda found: str((world.ids | names)[found[1]]), text).encode()
