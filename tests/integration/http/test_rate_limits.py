"""What is limited, over how many processes, and what a refusal says."""

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

# A server that signs people in, in a process of its own; it needs neither model nor worker for that.
SERVER = """
import asyncio, socket, sys
from pathlib import Path
from functools import partial
from luma_rag.accounts import sign_in
from luma_rag.db.listener import Listener
from luma_rag.db.session import connect
from luma_rag.documents.change_stream import CHANNEL, ChangeStream
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
    """As many permits as ever, but none grows back while a test runs on a busy machine."""
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


async def test_of_many_guesses_at_once_no_more_are_verified_than_the_limit(api: Api) -> None:
    await api.user("alice")
    client = await api.anonymous()
    answers = await asyncio.gather(*(guess(client) for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 40}
    limited = await client.post("/api/auth/login", json=RIGHT)
    assert limited.status_code == 429
    assert limited.headers["content-type"] == "application/problem+json"
    assert 1 <= int(limited.headers["retry-after"]) <= DAYS / 10
    assert limited.headers["retry-after"] in limited.json()["detail"]


async def test_the_limit_of_failures_holds_over_two_server_processes(api: Api, tmp_path: Path) -> None:
    await api.user("alice")
    with process(api.runtime.url, tmp_path) as one, process(api.runtime.url, tmp_path) as two:
        async with httpx.AsyncClient(timeout=60) as client:
            answers = await asyncio.gather(
                *(client.post(f"{url}/api/auth/login", json=WRONG) for _ in range(15) for url in (one, two))
            )
            assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 20}
            for url in (one, two, api.base_url):
                assert (await client.post(f"{url}/api/auth/login", json=RIGHT)).status_code == 429


async def test_who_signs_in_rightly_is_not_limited(api: Api) -> None:
    await api.user("alice")
    client = await api.anonymous()
    for _ in range(9):
        assert (await guess(client)).status_code == 401
    for _ in range(6):
        assert (await client.post("/api/auth/login", json=RIGHT)).status_code == 200
    assert (await guess(client)).status_code == 401
    assert (await guess(client)).status_code == 429


async def test_a_name_that_nobody_has_is_limited_alike(api: Api) -> None:
    await api.user("alice")
    client = await api.anonymous()
    for name in ("alice", "nobody"):
        answers = [await guess(client, username=name) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    # Neither does the limit tell which address belongs to a name.
    assert (await guess(client, username="alice@example.com")).status_code == 401


async def test_an_address_is_limited_for_all_names_and_an_ipv6_network_is_one(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fewer than there are, since each costs a hash.
    monkeypatch.setattr(sign_in, "_OF_ADDRESS", Limit(5, DAYS))
    told = msgspec.structs.replace(api.runtime.settings, trusted_proxies="127.0.0.1")
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(msgspec.structs.replace(api.runtime, settings=told)))
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
    # The server that was told of no proxy takes the header for an invention.
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
def test_what_counts_as_one_address(address: str | None, counted: str) -> None:
    assert network(address) == counted


async def test_changing_the_password_is_no_way_to_guess_it(api: Api) -> None:
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


async def test_making_tokens_is_limited_and_what_fails_does_not_count(api: Api) -> None:
    alice = await api.user("alice")

    async def made(**fields: Any) -> int:
        return (await alice.post("/api/auth/tokens", json={"name": "one", **fields})).status_code

    for _ in range(3):
        assert await made(namespace_ids=[2**31 - 1]) == 404
    statuses = [await made() for _ in range(101)]
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
async def test_work_is_limited_per_user_by_whichever_way_in(api: Api, work: str) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    token = (await alice.post("/api/auth/tokens", json={"name": "batch"})).json()["token"]
    limits = msgspec.convert({f"{work}_per_minute": 1}, LimitsSettings)
    told = msgspec.structs.replace(api.runtime.settings, limits=limits)
    async with serving(msgspec.structs.replace(api.runtime, settings=told)) as url:

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


async def test_zero_is_no_limit(api: Api) -> None:
    alice = await api.user("alice")
    unlimited = LimitsSettings(searches_per_minute=0)
    told = msgspec.structs.replace(api.runtime.settings, limits=unlimited)
    async with serving(msgspec.structs.replace(api.runtime, settings=told)) as url:
        headers = {
            "cookie": f"luma_session={alice.cookies['luma_session']}",
            "x-csrftoken": alice.cookies["csrftoken"],
        }
        async with httpx.AsyncClient(base_url=url, timeout=60, headers=headers) as client:
            _, path = LIMITED["searches"][0]
            for _ in range(30):
                assert (await client.post(path, **body(path))).status_code == 404


async def test_measuring_counts_a_search_for_each_question(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace_id = await api.namespace(alice)
    moles = factories.pdf(tmp_path / "m.pdf", "Moles dig at noon.")
    doc_id = await api.upload(alice, moles, namespace_id)
    base = f"/api/namespaces/{namespace_id}"
    asked = {"question": "When do moles dig?", "places": [{"doc_id": doc_id}]}
    assert (await alice.post(f"{base}/questions", json={"questions": [asked] * 4})).status_code == 201
    told = msgspec.structs.replace(api.runtime.settings, limits=LimitsSettings(searches_per_minute=1))
    async with serving(msgspec.structs.replace(api.runtime, settings=told)) as url:
        headers = {
            "cookie": f"luma_session={alice.cookies['luma_session']}",
            "x-csrftoken": alice.cookies["csrftoken"],
        }
        async with httpx.AsyncClient(base_url=url, timeout=60, headers=headers) as client:
            # Ten searches are saved up.
            for _ in range(2):
                assert (await client.post(f"{base}/evaluations", json={})).status_code == 201
            refused = await client.post(f"{base}/evaluations", json={})
            assert refused.status_code == 429
            # Two are there, two more come one a minute.
            assert 61 <= int(refused.headers["retry-after"]) <= 120
            assert (await client.post(f"{base}/search", json={"query": "moles"})).status_code == 200
    assert (await alice.get(f"{base}/evaluations")).json()["total"] == 2


async def test_a_set_of_questions_has_an_end(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question_set, "MAX_QUESTIONS", 3)
    alice = await api.user("alice")
    namespace_id = await api.namespace(alice)
    moles = factories.pdf(tmp_path / "m.pdf", "Moles dig at noon.")
    doc_id = await api.upload(alice, moles, namespace_id)
    questions = f"/api/namespaces/{namespace_id}/questions"
    asked = {"question": "When do moles dig?", "places": [{"doc_id": doc_id}]}
    assert (await alice.post(questions, json={"questions": [asked] * 2})).status_code == 201
    refused = await alice.post(questions, json={"questions": [asked] * 2})
    assert refused.status_code == 409
    assert "3 questions at most; it has 2" in refused.json()["detail"]
    assert (await alice.post(questions, json={"questions": [asked]})).status_code == 201


async def test_asking_a_provider_is_limited_by_address(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "_PROVIDERS", Limit(5, DAYS))
    told = msgspec.structs.replace(api.runtime.settings, trusted_proxies="127.0.0.1")
    async with serving(msgspec.structs.replace(api.runtime, settings=told)) as url:

        async def call(path: str, address: str) -> httpx.Response:
            async with httpx.AsyncClient(base_url=url, timeout=60) as client:
                return await client.get(path, headers={"x-forwarded-for": address})

        paths = ["/api/auth/openid", "/api/auth/openid/callback?code=x&state=y"]
        for turn in range(5):
            # There is no provider, and what comes next is limited all the same.
            assert (await call(paths[turn % 2], f"2001:db8:0:1::{turn:x}")).status_code == 404
        for path in paths:
            refused = await call(path, "2001:db8:0:1:ffff::1")
            assert refused.status_code == 429
            assert 1 <= int(refused.headers["retry-after"]) <= DAYS / 5
            assert (await call(path, "2001:db8:0:2::1")).status_code == 404


def test_exactly_what_is_limited_is_documented() -> None:
    # The routes don't look at the runtime before they are called.
    app = create_app(cast(Runtime, SimpleNamespace(settings=Settings())))
    documented = {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if 429 in (handler.responses or {})
    }
    assert documented == {
        ("GET", "/api/auth/openid"),
        ("GET", "/api/auth/openid/callback"),
        ("POST", "/api/auth/login"),
        ("POST", "/api/auth/password"),
        ("POST", "/api/auth/register"),
        ("POST", "/api/auth/tokens"),
        ("POST", "/api/chats/{chat_id}/messages"),
        ("POST", "/api/chats/{chat_id}/regenerate"),
        ("POST", "/api/documents"),
        ("GET", "/api/namespaces/{namespace_id}/events"),
        ("POST", "/api/namespaces/{namespace_id}/documents"),
        ("DELETE", "/api/namespaces/{namespace_id}/documents/{doc_id}"),
        ("POST", "/api/namespaces/{namespace_id}/evaluations"),
        ("GET", "/api/namespaces/{namespace_id}/evaluations/{run_id}/compare/{other_id}"),
        ("POST", "/api/namespaces/{namespace_id}/search"),
        ("POST", "/v1/chat/completions"),
    }
