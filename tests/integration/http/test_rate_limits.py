"""Rate limits: their scope, sharing between processes, and the error response."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar.routes import HTTPRoute

from luma_rag.accounts import sign_in, tokens
from luma_rag.accounts.sign_in import network
from luma_rag.evaluation import question_set
from luma_rag.http import rate_limit
from luma_rag.http.app import create_app
from luma_rag.rate_limits import Limit
from luma_rag.runtime import Runtime
from luma_rag.settings import LimitsSettings, Settings
from tests import factories
from tests.api import PASSWORD, Api
from tests.servers import serving

WRONG = {"username": "alice", "password": "not the password"}
RIGHT = {"username": "alice", "password": PASSWORD}

DAYS = 100 * 24 * 60 * 60

# A server for sign-ins in a separate process; this requires neither model nor worker.
SERVER = """
import asyncio, socket, sys
from pathlib import Path
from functools import partial
from luma_rag.accounts import sign_in
from luma_rag.db.listener import Listener
from luma_rag.db.session import connect
from luma_rag.changes.stream import CHANNEL, ChangeStream
from luma_rag.http import server
from luma_rag.rate_limits import Limit
from luma_rag.runtime import Runtime, open_store
from luma_rag.settings import Settings

sign_in._OF_ACCOUNT = Limit(10, 8640000)

async def main(url, folder):
    settings = Settings(data_dir=Path(folder), database_url=url)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with open_store(settings) as store:
            parts = {name: getattr(store, name) for name in store.__struct_fields__}
            models = dict.fromkeys(("embedder", "retriever", "answerer", "chats"))
            feed = ChangeStream(store.sessions, Listener(partial(connect, store.url), CHANNEL))
            say = lambda: print(listening.getsockname()[1], flush=True)
            await server.run(Runtime(**parts, **models, change_stream=feed), listening, say)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual number of permits, without refill during a test on a busy machine."""
    for name in ("_OF_ACCOUNT", "_OF_ADDRESS", "_REGISTRATIONS"):
        monkeypatch.setattr(sign_in, name, Limit(getattr(sign_in, name).count, DAYS))
    monkeypatch.setattr(tokens, "_MAKING", Limit(tokens._MAKING.count, DAYS))


@contextmanager
def process(url: str, folder: Path) -> Generator[str]:
    """The address of a server in another process."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, url, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.terminate()
        server.wait(timeout=30)
        server.stdout.close()


async def guess(client: httpx.AsyncClient, **login: str) -> httpx.Response:
    return await client.post("/api/auth/login", json=WRONG | login)


async def test_concurrent_guesses_do_not_exceed_the_limit(api: Api) -> None:
    await api.user("alice")
    client = await api.anonymous()
    answers = await asyncio.gather(*(guess(client) for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 40}
    limited = await client.post("/api/auth/login", json=RIGHT)
    assert limited.status_code == 429
    assert limited.headers["content-type"] == "application/problem+json"
    assert 1 <= int(limited.headers["retry-after"]) <= DAYS / 10
    assert limited.headers["retry-after"] in limited.json()["detail"]


async def test_failure_limit_is_shared_by_two_server_processes(api: Api, tmp_path: Path) -> None:
    await api.user("alice")
    with process(api.runtime.url, tmp_path) as one, process(api.runtime.url, tmp_path) as two:
        async with httpx.AsyncClient(timeout=60) as client:
            answers = await asyncio.gather(
                *(client.post(f"{url}/api/auth/login", json=WRONG) for _ in range(15) for url in (one, two))
            )
            assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 20}
            for url in (one, two, api.base_url):
                assert (await client.post(f"{url}/api/auth/login", json=RIGHT)).status_code == 429


async def test_successful_sign_ins_are_not_limited(api: Api) -> None:
    await api.user("alice")
    client = await api.anonymous()
    for _ in range(9):
        assert (await guess(client)).status_code == 401
    for _ in range(6):
        assert (await client.post("/api/auth/login", json=RIGHT)).status_code == 200
    assert (await guess(client)).status_code == 401
    assert (await guess(client)).status_code == 429


async def test_unknown_user_names_are_limited_alike(api: Api) -> None:
    await api.user("alice")
    client = await api.anonymous()
    for name in ("alice", "nobody"):
        answers = [await guess(client, username=name) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    # The limit does not reveal which email address belongs to a name either.
    assert (await guess(client, username="alice@example.com")).status_code == 401


async def test_address_is_limited_across_names_and_ipv6_by_network(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fewer than the limit, because each attempt costs a hash.
    monkeypatch.setattr(sign_in, "_OF_ADDRESS", Limit(5, DAYS))
    new_settings = msgspec.structs.replace(api.runtime.settings, trusted_proxies="127.0.0.1")
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(
            serving(msgspec.structs.replace(api.runtime, settings=new_settings))
        )
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=60))

        async def guessed(number: int, address: str) -> int:
            answer = await client.post(
                "/api/auth/login",
                json=WRONG | {"username": f"user {number}"},
                headers={"x-forwarded-for": address},
            )
            return answer.status_code

        statuses = await asyncio.gather(*(guessed(n, f"2001:db8:0:1::{n:x}") for n in range(9)))
        assert Counter(statuses) == {401: 5, 429: 4}
        assert await guessed(60, "2001:db8:0:1:ffff::1") == 429
        assert await guessed(61, "2001:db8:0:2::1") == 401
    # A server without a configured proxy ignores the header.
    client = await api.anonymous()
    answer = await client.post(
        "/api/auth/login", json=WRONG, headers={"x-forwarded-for": "2001:db8:0:1:ffff::1"}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not an address", "not an address"),
        (None, "unknown"),
    ],
)
def test_addresses_are_grouped_by_network(address: str | None, counted: str) -> None:
    assert network(address) == counted


async def test_password_change_is_limited_against_guessing(api: Api) -> None:
    alice = await api.user("alice")

    async def change(current: str, new: str) -> int:
        answer = await alice.post("/api/auth/password", json={"current": current, "new": new})
        return answer.status_code

    assert await change(PASSWORD, "short") == 422
    assert [await change("wrong", "another password") for _ in range(11)] == [403] * 10 + [429]
    assert await change(PASSWORD, "another password") == 429


async def test_open_registration_is_limited_by_address(api: Api) -> None:
    is_open = msgspec.structs.replace(api.runtime.settings, registration="open")
    async with (
        serving(msgspec.structs.replace(api.runtime, settings=is_open)) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        account = {"username": "a@b", "email": "nowhere", "password": PASSWORD}
        answers = await asyncio.gather(*(client.post("/api/auth/register", json=account) for _ in range(25)))
    assert Counter(answer.status_code for answer in answers) == {422: 20, 429: 5}


async def test_token_creation_is_limited_and_failures_do_not_count(api: Api) -> None:
    alice = await api.user("alice")

    async def created(**fields: Any) -> int:
        return (await alice.post("/api/auth/tokens", json={"name": "one", **fields})).status_code

    for _ in range(3):
        assert await created(namespace_ids=[2**31 - 1]) == 404
    statuses = [await created() for _ in range(101)]
    assert Counter(statuses) == {201: 100, 429: 1}


NOWHERE = "/api/namespaces/2147483647"
LIMITED = {
    "searches": [("POST", f"{NOWHERE}/search")],
    "questions": [
        ("POST", "/api/chats/2147483647/messages"),
        ("POST", "/api/chats/2147483647/regenerate"),
        ("POST", f"{NOWHERE}/evaluations"),
        ("GET", f"{NOWHERE}/evaluations/1/compare/2"),
    ],
    "uploads": [
        ("POST", "/api/documents"),
        ("POST", f"{NOWHERE}/documents"),
        ("DELETE", f"{NOWHERE}/documents/1"),
    ],
}
BODIES: dict[str, dict[str, Any]] = {
    f"{NOWHERE}/search": {"query": "x"},
    f"{NOWHERE}/evaluations": {},
    f"{NOWHERE}/documents": {"doc_id": 1},
}


def body(path: str) -> dict[str, Any]:
    return {"json": BODIES.get(path, {"content": "x"})}


@pytest.mark.parametrize("work", LIMITED)
async def test_work_is_limited_per_user_across_endpoints(api: Api, work: str) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    token = (await alice.post("/api/auth/tokens", json={"name": "batch"})).json()["token"]
    limits = msgspec.convert({f"{work}_per_minute": 1}, LimitsSettings)
    new_settings = msgspec.structs.replace(api.runtime.settings, limits=limits)
    async with serving(msgspec.structs.replace(api.runtime, settings=new_settings)) as url:

        async def call(headers: dict[str, str], route: tuple[str, str]) -> httpx.Response:
            method, path = route
            async with httpx.AsyncClient(base_url=url, timeout=60, headers=headers) as client:
                return await client.request(method, path, **(body(path) if method == "POST" else {}))

        def session(client: httpx.AsyncClient) -> dict[str, str]:
            return {
                "cookie": f"luma_session={client.cookies['luma_session']}",
                "x-csrftoken": client.cookies["csrftoken"],
            }

        ways = [session(alice), {"authorization": f"Bearer {token}"}]
        paths = LIMITED[work]
        for turn in range(10):
            assert (await call(ways[turn % 2], paths[turn % len(paths)])).status_code in (404, 415)
        for way in ways:
            for path in paths:
                refused = await call(way, path)
                assert refused.status_code == 429
                assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await call(session(bob), paths[0])).status_code in (404, 415)
        others = [path for other in LIMITED if other != work for path in LIMITED[other]]
        for path in others:
            assert (await call(ways[0], path)).status_code in (404, 415)


async def test_zero_disables_the_limit(api: Api) -> None:
    alice = await api.user("alice")
    unlimited = LimitsSettings(searches_per_minute=0)
    new_settings = msgspec.structs.replace(api.runtime.settings, limits=unlimited)
    async with serving(msgspec.structs.replace(api.runtime, settings=new_settings)) as url:
        headers = {
            "cookie": f"luma_session={alice.cookies['luma_session']}",
            "x-csrftoken": alice.cookies["csrftoken"],
        }
        async with httpx.AsyncClient(base_url=url, timeout=60, headers=headers) as client:
            _, path = LIMITED["searches"][0]
            for _ in range(30):
                assert (await client.post(path, **body(path))).status_code == 404


async def test_evaluation_counts_one_search_per_question(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace_id = await api.namespace(alice)
    moles = factories.pdf(tmp_path / "m.pdf", "Moles dig at noon.")
    doc_id = await api.upload(alice, moles, namespace_id)
    base = f"/api/namespaces/{namespace_id}"
    question = {"question": "When do moles dig?", "places": [{"doc_id": doc_id}]}
    assert (await alice.post(f"{base}/questions", json={"questions": [question] * 4})).status_code == 201
    new_settings = msgspec.structs.replace(api.runtime.settings, limits=LimitsSettings(searches_per_minute=1))
    async with serving(msgspec.structs.replace(api.runtime, settings=new_settings)) as url:
        headers = {
            "cookie": f"luma_session={alice.cookies['luma_session']}",
            "x-csrftoken": alice.cookies["csrftoken"],
        }
        async with httpx.AsyncClient(base_url=url, timeout=60, headers=headers) as client:
            # The bucket holds ten searches.
            for _ in range(2):
                assert (await client.post(f"{base}/evaluations", json={})).status_code == 201
            refused = await client.post(f"{base}/evaluations", json={})
            assert refused.status_code == 429
            # Two are available; two more arrive one minute apart.
            assert 61 <= int(refused.headers["retry-after"]) <= 120
            assert (await client.post(f"{base}/search", json={"query": "moles"})).status_code == 200
    assert (await alice.get(f"{base}/evaluations")).json()["total"] == 2


async def test_question_set_size_is_limited(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question_set, "MAX_QUESTIONS", 3)
    alice = await api.user("alice")
    namespace_id = await api.namespace(alice)
    moles = factories.pdf(tmp_path / "m.pdf", "Moles dig at noon.")
    doc_id = await api.upload(alice, moles, namespace_id)
    questions = f"/api/namespaces/{namespace_id}/questions"
    question = {"question": "When do moles dig?", "places": [{"doc_id": doc_id}]}
    assert (await alice.post(questions, json={"questions": [question] * 2})).status_code == 201
    refused = await alice.post(questions, json={"questions": [question] * 2})
    assert refused.status_code == 409
    assert "3 questions at most; it has 2" in refused.json()["detail"]
    assert (await alice.post(questions, json={"questions": [question]})).status_code == 201


async def test_provider_requests_are_limited_by_address(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "_PROVIDERS", Limit(5, DAYS))
    new_settings = msgspec.structs.replace(api.runtime.settings, trusted_proxies="127.0.0.1")
    async with serving(msgspec.structs.replace(api.runtime, settings=new_settings)) as url:

        async def call(path: str, address: str) -> httpx.Response:
            async with httpx.AsyncClient(base_url=url, timeout=60) as client:
                return await client.get(path, headers={"x-forwarded-for": address})

        paths = ["/api/auth/openid", "/api/auth/openid/callback?code=x&state=y"]
        for turn in range(5):
            # No provider is configured, and further requests are limited all the same.
            assert (await call(paths[turn % 2], f"2001:db8:0:1::{turn:x}")).status_code == 404
        for path in paths:
            refused = await call(path, "2001:db8:0:1:ffff::1")
            assert refused.status_code == 429
            assert 1 <= int(refused.headers["retry-after"]) <= DAYS / 5
            assert (await call(path, "2001:db8:0:2::1")).status_code == 404


def test_documented_limits_match_the_limited_routes() -> None:
    # The routes do not use the runtime before a call.
    app = create_app(cast(Runtime, SimpleNamespace(settings=Settings())))
    documented = {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if 429 in (handler.responses or {})
    }
    assert documented == {
        ("GET", "/api/events"),
        ("POST", "/api/system/llm/test"),
        ("GET", "/api/auth/openid"),
        ("GET", "/api/auth/openid/callback"),
        ("POST", "/api/auth/login"),
        ("POST", "/api/auth/password"),
        ("POST", "/api/auth/reauthenticate"),
        ("POST", "/api/auth/register"),
        ("POST", "/api/auth/tokens"),
        ("POST", "/api/auth/totp/confirm"),
        ("POST", "/api/chats/{chat_id}/messages"),
        ("POST", "/api/chats/{chat_id}/regenerate"),
        ("POST", "/api/documents"),
        ("PUT", "/api/documents/{doc_id}/file"),
        ("GET", "/api/namespaces/{namespace_id}/events"),
        ("POST", "/api/namespaces/{namespace_id}/documents"),
        ("DELETE", "/api/namespaces/{namespace_id}/documents/{doc_id}"),
        ("POST", "/api/namespaces/{namespace_id}/evaluations"),
        ("GET", "/api/namespaces/{namespace_id}/evaluations/{run_id}/compare/{other_id}"),
        ("POST", "/api/namespaces/{namespace_id}/search"),
        ("POST", "/v1/chat/completions"),
    }
