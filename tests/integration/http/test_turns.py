"""Turns: one at a time in a chat, written whether or not anybody reads, joined and stopped by any process."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from luma_rag.chat import writing
from luma_rag.db.session import create_engine, create_sessions
from luma_rag.runtime import Runtime
from tests import factories
from tests.answering import Dictated, answering
from tests.api import Api
from tests.cut_connections import relayed
from tests.databases import run_on
from tests.integration.http.test_completions import asking
from tests.servers import serving

# For what would otherwise hang.
PATIENCE = 20
STREAM = {"accept": "text/event-stream"}
Event = tuple[str, Any]


class Service:
    """A server whose answers are dictated, with the chat of a user."""

    def __init__(self, api: Api, says: Dictated, alice: httpx.AsyncClient, namespace: int, chat: int) -> None:
        self.api = api
        self.says = says
        self.alice = alice
        self.namespace = namespace
        self.chat = chat

    @property
    def path(self) -> str:
        return f"/api/chats/{self.chat}/messages"

    def ask(self, content: str, **more: Any) -> "asyncio.Task[httpx.Response]":
        return asyncio.create_task(self.alice.post(self.path, json={"content": content, **more}))

    async def answered(self, content: str, answer: str, **more: Any) -> dict[str, Any]:
        """Ask a question, whose answer is complete."""
        self.says.say(content, answer, None)
        response = await self.ask(content, **more)
        assert response.status_code == 201, response.text
        exchange: dict[str, Any] = response.json()
        return exchange

    async def messages(self, **params: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.alice.get(self.path, params=params)).json()["items"]
        return items

    async def until(self, state: str) -> list[dict[str, Any]]:
        """The messages once the last one has this state."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await self.messages()) or found[-1]["state"] != state:
                await asyncio.sleep(0.02)
        return found


@pytest.fixture
async def service(runtime: Runtime) -> AsyncGenerator[Service]:
    says = Dictated()
    async with answering(runtime, says) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        namespace = await api.namespace(alice)
        chat = (await alice.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
        yield Service(api, says, alice, namespace, chat)


@asynccontextmanager
async def reading(
    client: httpx.AsyncClient, method: str, path: str, body: Any = None
) -> AsyncIterator[AsyncGenerator[Event]]:
    """The events of a stream."""
    async with client.stream(method, path, json=body, headers=STREAM) as response:
        assert response.status_code == 200, await response.aread()
        async with aclosing(_events(response)) as events:
            yield events


async def _events(response: httpx.Response) -> AsyncGenerator[Event]:
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def read_until(events: AsyncGenerator[Event], wanted: str) -> list[Event]:
    """The events up to the first of this name, or whose data has this text."""
    seen = []
    async with asyncio.timeout(PATIENCE):
        async for name, data in events:
            seen.append((name, data))
            if name == wanted or (name == "delta" and data["text"].endswith(wanted)):
                return seen
    raise AssertionError(f"the stream ended without {wanted}: {seen}")


def text_of(events: list[Event]) -> str:
    return "".join(data["text"] for name, data in events if name == "delta")


async def test_a_client_that_leaves_does_not_stop_the_answer(service: Service) -> None:
    async with reading(service.alice, "POST", service.path, {"content": "Why?"}) as events:
        service.says.say("Why?", "Because ")
        await read_until(events, "Because ")
    service.says.say("Why?", "it is.", None)
    _, answer = await service.until("complete")
    assert answer["content"] == "Because it is."


async def test_text_so_far_is_stored_and_shown_while_the_answer_is_written(service: Service) -> None:
    asked = service.ask("Why?")
    service.says.say("Why?", "Because ")
    async with asyncio.timeout(PATIENCE):
        while len(found := await service.messages()) < 2:
            await asyncio.sleep(0.05)
    question, answer = found
    assert (answer["content"], answer["state"], question["state"]) == ("Because ", "running", "running")
    service.says.say("Why?", "it is.", None)
    done = (await asked).json()
    assert done["llm_message"]["id"] == answer["id"]
    assert await service.messages() == [done["user_message"], done["llm_message"]]


async def test_a_chat_has_one_turn_at_a_time(service: Service) -> None:
    async with reading(service.alice, "POST", service.path, {"content": "First?"}) as events:
        await anext(events)
        for second in (
            await service.ask("Second?"),
            await service.alice.post(f"/api/chats/{service.chat}/regenerate"),
        ):
            assert (second.status_code, second.json()["code"]) == (409, "turn_running")
        service.says.say("First?", "Yes.", None)
        await read_until(events, "llm_message")
    assert [m["content"] for m in await service.messages()] == ["First?", "Yes."]
    await service.answered("Second?", "Also.")


async def test_of_questions_sent_at_once_one_is_taken(service: Service) -> None:
    for number in range(5):
        service.says.say(f"{number}?", f"{number}.", None)
    responses = await asyncio.gather(*(service.ask(f"{number}?") for number in range(5)))
    for response in responses:
        if response.status_code == 409:
            assert response.json()["code"] == "turn_running"
        else:
            exchange = response.json()
            asked, answered = exchange["user_message"]["content"], exchange["llm_message"]["content"]
            assert asked.removesuffix("?") == answered.removesuffix(".")
    contents = [m["content"] for m in await service.messages()]
    taken = sum(response.status_code == 201 for response in responses)
    assert len(contents) == 2 * taken > 0
    assert [c.removesuffix("?") for c in contents[::2]] == [c.removesuffix(".") for c in contents[1::2]]
    assert [len(earlier) for _, earlier in service.says.asked] == [2 * i for i in range(taken)]


async def test_the_database_refuses_a_second_running_turn(service: Service) -> None:
    asked = service.ask("Why?")
    await _stream(service)
    with pytest.raises(IntegrityError, match="uq_turn_running"):
        async with service.api.runtime.sessions.begin() as session:
            await session.execute(
                text(
                    "INSERT INTO turn (chat_id, question_id, state, process) "
                    "SELECT chat_id, question_id, state, process FROM turn"
                )
            )
    service.says.say("Why?", None)
    assert (await asked).status_code == 201


async def test_joining_gets_the_text_so_far_and_the_rest(service: Service) -> None:
    stream = f"/api/chats/{service.chat}/stream"
    assert (await service.alice.get(stream)).status_code == 204
    async with reading(service.alice, "POST", service.path, {"content": "Why?"}) as events:
        service.says.say("Why?", "Because ", "it ")
        await read_until(events, "it ")
        async with reading(service.alice, "GET", stream) as joined:
            first = await read_until(joined, "delta")
            assert [name for name, _ in first] == [
                "user_message",
                "progress",
                "citations",
                "progress",
                "progress",
                "delta",
            ]
            assert first[-1] == ("delta", {"text": "Because it "})
            service.says.say("Why?", "is.", None)
            rest = await read_until(joined, "llm_message")
    assert text_of(first + rest) == "Because it is." == rest[-1][1]["content"]
    assert (await service.alice.get(stream)).status_code == 204


async def test_a_turn_is_joined_and_stopped_by_another_process(service: Service, runtime: Runtime) -> None:
    async with answering(runtime, Dictated()) as other, serving(other) as url:
        elsewhere = await service.api.anonymous(dict(service.alice.headers))
        elsewhere.base_url = httpx.URL(url)
        elsewhere.cookies = service.alice.cookies
        asked = service.ask("Why?")
        service.says.say("Why?", "Because ")
        await service.until("running")
        second = await elsewhere.post(service.path, json={"content": "And?"})
        assert (second.status_code, second.json()["code"]) == (409, "turn_running")
        async with reading(elsewhere, "GET", f"/api/chats/{service.chat}/stream") as joined:
            first = await read_until(joined, "Because ")
            service.says.say("Why?", "it ")
            rest = await read_until(joined, "it ")
            assert (await elsewhere.post(f"/api/chats/{service.chat}/stop")).status_code == 202
            last = await read_until(joined, "llm_message")
        assert text_of(first + rest) == "Because it "
        assert (last[-1][1]["content"], last[-1][1]["state"]) == ("Because it ", "stopped")
        assert service.says.left["Why?"].is_set()
        assert (await asked).json()["llm_message"] == last[-1][1]


async def test_stopping_keeps_what_is_written(service: Service) -> None:
    stop = f"/api/chats/{service.chat}/stop"
    assert (await service.alice.post(stop)).status_code == 202
    asked = service.ask("Why?")
    service.says.say("Why?", "Because ")
    async with reading(service.alice, "GET", await _stream(service)) as joined:
        await read_until(joined, "Because ")
    assert (await service.alice.post(stop)).status_code == 202
    # What the call has stopped is stored when it returns.
    question, answer = await service.messages()
    assert (answer["content"], answer["state"], answer["error"]) == ("Because ", "stopped", None)
    assert service.says.left["Why?"].is_set()
    assert (await asked).json() == {"user_message": question, "llm_message": answer}
    await service.answered("And now?", "Now.")


async def _stream(service: Service) -> str:
    """The path of the stream of a turn, once it runs."""
    async with asyncio.timeout(PATIENCE):
        while not await service.messages():
            await asyncio.sleep(0.02)
    return f"/api/chats/{service.chat}/stream"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_of_the_openai_api_that_leaves_stops_the_answer(
    service: Service, stream: bool
) -> None:
    request = asking(service.namespace, "Why?", stream=stream)
    asked = asyncio.create_task(service.alice.post("/v1/chat/completions", json=request))
    service.says.say("Why?", "Because ")
    async with asyncio.timeout(PATIENCE):
        while not service.says.asked:
            await asyncio.sleep(0.02)
    asked.cancel()
    await asyncio.wait_for(service.says.left["Why?"].wait(), PATIENCE)
    service.chat = (await service.alice.get("/api/chats")).json()["items"][0]["id"]
    _, stopped = await service.until("stopped")
    assert stopped["content"] == "Because "


class Loss:
    """Ways to lose the right to an answer that is being written for bob, a member of alice's namespace."""

    def __init__(self, service: Service, bob: int, token: int, client: httpx.AsyncClient, chat: int) -> None:
        self.service = service
        self.bob = bob
        self.token = token
        self.client = client
        self.chat = chat

    async def membership(self) -> None:
        await self._call("DELETE", f"/api/namespaces/{self.service.namespace}/members/{self.bob}")

    async def visibility(self) -> None:
        private = await self.service.alice.patch(
            f"/api/namespaces/{self.service.namespace}", json={"is_public": False}
        )
        assert private.status_code == 200

    async def namespace(self) -> None:
        await self._call("DELETE", f"/api/namespaces/{self.service.namespace}")

    async def account(self) -> None:
        admin = await self.service.api.admin()
        disabled = await admin.patch(f"/api/users/{self.bob}", json={"is_disabled": True})
        assert disabled.status_code == 200

    async def login(self) -> None:
        session = await self.service.api.sign_in("bob")
        assert (await session.delete(f"/api/auth/tokens/{self.token}")).status_code == 204

    async def expiry(self) -> None:
        async with self.service.api.runtime.sessions.begin() as session:
            # No notification tells of the passing of time.
            await session.execute(text("ALTER TABLE api_token DISABLE TRIGGER tell_change"))
            await session.execute(text("UPDATE api_token SET expires_at = now() - interval '1 s'"))
            await session.execute(text("ALTER TABLE api_token ENABLE TRIGGER tell_change"))

    async def removed_chat(self) -> None:
        assert (await self.client.delete(f"/api/chats/{self.chat}")).status_code == 204

    async def _call(self, method: str, path: str) -> None:
        assert (await self.service.alice.request(method, path)).status_code == 204


@pytest.mark.parametrize(
    ("way", "status"),
    [
        (Loss.membership, 404),
        (Loss.visibility, 404),
        (Loss.namespace, 404),
        (Loss.account, 401),
        (Loss.login, 401),
        (Loss.expiry, 401),
        (Loss.removed_chat, 404),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_a_lost_right_stops_the_answer(
    service: Service, way: Callable[[Loss], Awaitable[None]], status: int
) -> None:
    bob = await service.api.user("bob")
    bob_id = (await bob.get("/api/auth/me")).json()["id"]
    if way is Loss.visibility:
        opened = await service.alice.patch(f"/api/namespaces/{service.namespace}", json={"is_public": True})
        assert opened.status_code == 200
    else:
        member = f"/api/namespaces/{service.namespace}/members/{bob_id}"
        assert (await service.alice.put(member, json={"auth_level": 1})).status_code == 200
    token = (await bob.post("/api/auth/tokens", json={"name": "t"})).json()
    client = await service.api.anonymous({"authorization": f"Bearer {token['token']}"})
    chat = (await client.post("/api/chats", json={"namespace_id": service.namespace})).json()["id"]
    path = f"/api/chats/{chat}/messages"
    async with reading(client, "POST", path, {"content": "Why?"}) as events:
        service.says.say("Why?", "Because ")
        await read_until(events, "Because ")
        await way(Loss(service, bob_id, token["id"], client, chat))
        last = await read_until(events, "error")
    assert last[-1][1]["status"] == status
    assert service.says.left["Why?"].is_set()
    if way in (Loss.membership, Loss.login):
        again = await service.api.sign_in("bob")
        _, answer = (await again.get(path)).json()["items"]
        assert (answer["content"], answer["state"]) == ("Because ", "stopped")
        assert answer["error"]["code"] == last[-1][1]["code"]


@pytest.mark.parametrize("is_deleted", [False, True], ids=["withdrawn", "deleted"])
async def test_an_answer_stops_with_the_right_to_its_documents(
    service: Service, tmp_path: Path, is_deleted: bool
) -> None:
    bob = await service.api.user("bob")
    bob_id = (await bob.get("/api/auth/me")).json()["id"]
    document = await service.api.upload(service.alice, factories.handbook(tmp_path), service.namespace)
    member = f"/api/namespaces/{service.namespace}/members/{bob_id}"
    assert (await service.alice.put(member, json={"auth_level": 1})).status_code == 200
    chat = (await bob.post("/api/chats", json={"namespace_id": service.namespace})).json()["id"]
    path, question = f"/api/chats/{chat}/messages", "How many days of vacation?"
    owns = f"/api/documents/{document}"
    async with reading(bob, "POST", path, {"content": question}) as events:
        service.says.say(question, "Thirty [1] ")
        await read_until(events, "Thirty [1] ")
        gone = owns if is_deleted else f"{owns}/namespaces/{service.namespace}"
        assert (await service.alice.delete(gone)).status_code == 204
        if is_deleted:
            # Longer than between two checks.
            await asyncio.sleep(2)
            service.says.say(question, "days.", None)
        last = await read_until(events, "llm_message" if is_deleted else "error")
    _, answer = (await bob.get(path)).json()["items"]
    if is_deleted:
        assert (answer["content"], answer["state"]) == ("Thirty [1] days.", "complete")
    else:
        assert last[-1][1]["code"] == "not_found"
        assert (answer["content"], answer["state"]) == ("Thirty [1] ", "stopped")
    assert [citation["title"] for citation in answer["citations"]] == ["handbook"]


async def test_a_reader_whose_login_ends_leaves_a_turn_that_goes_on(service: Service) -> None:
    asked = service.ask("Why?")
    service.says.say("Why?", "Because ")
    token = (await service.alice.post("/api/auth/tokens", json={"name": "t"})).json()
    client = await service.api.anonymous({"authorization": f"Bearer {token['token']}"})
    async with reading(client, "GET", await _stream(service)) as joined:
        await read_until(joined, "Because ")
        assert (await service.alice.delete(f"/api/auth/tokens/{token['id']}")).status_code == 204
        last = await read_until(joined, "error")
    assert last[-1][1]["code"] == "invalid_token"
    service.says.say("Why?", "it is.", None)
    assert (await asked).json()["llm_message"]["content"] == "Because it is."


async def test_at_a_shutdown_answers_are_kept_and_readers_told(service: Service) -> None:
    chats = service.api.runtime.chats
    async with reading(service.alice, "POST", service.path, {"content": "Why?"}) as events:
        service.says.say("Why?", "Because ")
        await read_until(events, "Because ")
        await chats.aclose()
        last = await read_until(events, "error")
    _, answer = await service.messages()
    assert (answer["content"], answer["state"]) == ("Because ", "stopped")
    assert answer["error"]["code"] == last[-1][1]["code"] == "answer_interrupted"
    assert "shut down" in answer["error"]["detail"]
    refused = await service.ask("And?")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")


async def test_turns_of_dead_processes_fail_and_those_of_others_go_on(
    service: Service, runtime: Runtime
) -> None:
    asked = service.ask("Why?")
    service.says.say("Why?", "Because ")
    await service.until("running")
    async with runtime.sessions.begin() as session:
        chat = (
            await session.execute(
                text(
                    "INSERT INTO chats (user_id, namespace_id, started_at) "
                    "SELECT user_id, namespace_id, now() FROM chats RETURNING id"
                )
            )
        ).scalar_one()
        await session.execute(
            text(
                "WITH asked AS (INSERT INTO message (chat_id, sender_type, content, time_sent) "
                f"VALUES ({chat}, 'user', 'Lost?', now()) RETURNING id) "
                f"INSERT INTO turn (chat_id, question_id, state, process) SELECT {chat}, id, 'running', 7 "
                "FROM asked"
            )
        )
    assert (await service.alice.get(f"/api/chats/{chat}/stream")).status_code == 204
    (lost,) = (await service.alice.get(f"/api/chats/{chat}/messages")).json()["items"]
    assert (lost["state"], lost["error"]["code"]) == ("failed", "answer_interrupted")
    assert (await service.messages())[-1]["state"] == "running"
    service.says.say("Lost?", "Found.", None)
    again = await service.alice.post(f"/api/chats/{chat}/regenerate")
    assert again.json()["llm_message"]["content"] == "Found."
    service.says.say("Why?", "it is.", None)
    assert (await asked).json()["llm_message"]["state"] == "complete"


async def test_a_turn_of_a_dead_process_is_shown_as_failed(service: Service, runtime: Runtime) -> None:
    await service.answered("Why?", "Because it is.")
    async with runtime.sessions.begin() as session:
        await session.execute(text("UPDATE turn SET state = 'running', process = 7"))
    assert [message["state"] for message in await service.messages()] == ["failed", "failed"]
    async with runtime.sessions.begin() as session:
        await session.execute(text("UPDATE turn SET state = 'running', error = NULL, process = 7"))
    exported = await service.alice.get(f"/api/chats/{service.chat}/export", params={"format": "json"})
    assert [message["state"] for message in exported.json()["messages"]] == ["failed", "failed"]


async def test_a_living_process_that_was_taken_for_dead_resumes_its_turn(
    service: Service, runtime: Runtime
) -> None:
    asked = service.ask("Why?")
    service.says.say("Why?", "Because ")
    await service.until("running")
    async with runtime.sessions.begin() as session:
        await session.execute(text("UPDATE turn SET process = 7"))
    await service.until("failed")
    await service.until("running")
    assert (await service.alice.post(f"/api/chats/{service.chat}/stop")).status_code == 202
    assert (await asked).json()["llm_message"]["state"] == "stopped"


async def test_a_question_whose_commit_was_not_acknowledged_fails(
    service: Service, runtime: Runtime, tmp_path: Path
) -> None:
    async with relayed(runtime.url, tmp_path) as (relay, url):
        engine = create_engine(url)
        unsteady = msgspec.structs.replace(runtime, engine=engine, sessions=create_sessions(engine))
        async with (
            answering(unsteady, service.says) as own,
            serving(own) as other,
            Api(other, own) as api,
        ):
            bob = await api.user("bob")
            namespace = await api.namespace(bob)
            chat = (await bob.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
            relay.fatal = b"INSERT INTO turn"
            failed = await bob.post(f"/api/chats/{chat}/messages", json={"content": "Why?"})
            relay.fatal = None
            assert failed.status_code == 503
            async with asyncio.timeout(PATIENCE):
                path = f"/api/chats/{chat}/messages"
                while (found := (await bob.get(path)).json()["items"])[-1]["state"] == "running":
                    await asyncio.sleep(0.05)
            assert [(message["content"], message["state"]) for message in found] == [("Why?", "failed")]
            service.says.say("Why?", "Because it is.", None)
            again = await bob.post(f"/api/chats/{chat}/regenerate")
            assert again.json()["llm_message"]["content"] == "Because it is."
        await engine.dispose()


async def test_the_turn_of_an_answer_that_could_not_be_stored_fails(
    service: Service, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time for which an answer waits in memory."""
    monkeypatch.setattr(writing, "_KEEP_SECONDS", 0.1)
    monkeypatch.setattr(writing, "_PATIENCE_SECONDS", 0.1)
    asked = service.ask("Why?")
    service.says.say("Why?", "Because ")
    await service.until("running")
    async with runtime.sessions.begin() as session:
        await session.execute(text("LOCK TABLE message"))
        service.says.say("Why?", "it is.", None)
        failed = await asyncio.wait_for(asked, PATIENCE)
        assert failed.status_code == 503
    await service.until("failed")
    assert (await service.answered("Again?", "Yes."))["llm_message"]["state"] == "complete"


async def test_an_answer_that_the_database_rejects_does_not_wait(service: Service, runtime: Runtime) -> None:
    async with runtime.sessions.begin() as session:
        await session.execute(
            text("ALTER TABLE message ADD CONSTRAINT no_bees CHECK (content NOT LIKE '%bees%')")
        )
    service.says.say("Why?", "Because of the bees.", None)
    failed = await asyncio.wait_for(service.ask("Why?"), PATIENCE)
    assert failed.status_code == 500
    await service.until("failed")
    assert (await service.answered("Again?", "Yes."))["llm_message"]["state"] == "complete"


async def test_an_answer_waits_for_the_database(
    service: Service, server_url: str, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    asked = service.ask("Why?")
    service.says.say("Why?", "Because ")
    await service.until("running")
    name = runtime.url.rpartition("/")[2].partition("?")[0]
    await run_on(server_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        await run_on(
            server_url,
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'",
        )
        service.says.say("Why?", "it is.", None)
        failed = await asyncio.wait_for(asked, PATIENCE)
        assert failed.status_code == 503
        assert "stored if the database is back" in failed.json()["detail"]
    finally:
        await run_on(server_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    _, answer = await service.until("complete")
    assert answer["content"] == "Because it is."
    logged = [record for record in caplog.records if record.name == writing.__name__]
    assert logged
    assert all(record.exc_info is None and "\n" not in record.getMessage() for record in logged)


async def test_answers_at_once_are_limited_in_all_processes(service: Service, runtime: Runtime) -> None:
    says = Dictated()
    async with answering(runtime, says, answers_at_once=2) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.sign_in("alice")
        chats = [
            (await alice.post("/api/chats", json={"namespace_id": service.namespace})).json()["id"]
            for _ in range(2)
        ]
        service.ask("Elsewhere?")
        await _stream(service)
        running = asyncio.create_task(
            alice.post(f"/api/chats/{chats[0]}/messages", json={"content": "Here?"})
        )
        async with asyncio.timeout(PATIENCE):
            while not says.asked:
                await asyncio.sleep(0.02)
        over = await alice.post(f"/api/chats/{chats[1]}/messages", json={"content": "Also?"})
        assert (over.status_code, over.json()["code"]) == (429, "too_many_answers")
        assert int(over.headers["retry-after"]) > 0
        completion = await alice.post("/v1/chat/completions", json=asking(service.namespace, "Also?"))
        assert completion.status_code == 429
        assert (await alice.get(f"/api/chats/{chats[1]}/messages")).json()["total"] == 0
        says.say("Here?", "Yes.", None)
        await running
        says.say("Also?", "Yes.", None)
        after = await alice.post(f"/api/chats/{chats[1]}/messages", json={"content": "Also?"})
        assert after.status_code == 201
    service.says.say("Elsewhere?", None)
    await service.until("complete")


async def test_an_edited_question_begins_a_branch(service: Service) -> None:
    first = await service.answered("One?", "One.")
    second = await service.answered("Two?", "Two.")
    await service.answered("Three?", "Three.")
    old, older = second["user_message"]["id"], first["user_message"]["id"]
    edited = await service.answered("Two, then?", "Two indeed.", replaces=old)
    new = edited["user_message"]["id"]
    assert service.says.asked[-1] == ("Two, then?", [("user", "One?"), ("LLM", "One.")])
    in_use = await service.messages()
    assert [m["content"] for m in in_use] == ["One?", "One.", "Two, then?", "Two indeed."]
    assert in_use[2]["versions"] == [old, new]
    assert in_use[3]["answers"] == new
    left = await service.messages(branch=old)
    assert [m["content"] for m in left] == ["One?", "One.", "Two?", "Two.", "Three?", "Three."]
    assert left[2]["versions"] == [old, new]
    await service.answered("Four?", "Four.")
    assert service.says.asked[-1][1][-2:] == [("user", "Two, then?"), ("LLM", "Two indeed.")]
    begun = await service.answered("Zero?", "Zero.", replaces=older)
    assert service.says.asked[-1] == ("Zero?", [])
    assert [m["id"] for m in await service.messages()] == [
        begun["user_message"]["id"],
        begun["llm_message"]["id"],
    ]
    page = (await service.alice.get(service.path, params={"branch": new, "limit": 2, "offset": 4})).json()
    assert ([m["content"] for m in page["items"]], page["total"]) == (["Four?", "Four."], 6)
    for wrong in (first["llm_message"]["id"], 4711):
        refused = await service.ask("What?", replaces=wrong)
        assert refused.status_code == 404
    assert (await service.alice.get(service.path, params={"branch": 4711})).status_code == 404


async def test_an_older_branch_goes_on(service: Service) -> None:
    first = await service.answered("One?", "One.")
    older = await service.answered("Two?", "Two.")
    await service.answered("Two, then?", "Two indeed.", replaces=older["user_message"]["id"])
    await service.answered("Three?", "Three.", follows=older["llm_message"]["id"])
    assert service.says.asked[-1][1][-2:] == [("user", "Two?"), ("LLM", "Two.")]
    assert [m["content"] for m in await service.messages()][2:] == ["Two?", "Two.", "Three?", "Three."]

    question = first["user_message"]["id"]
    service.says.say("One?", "One again.", None)
    again = f"/api/chats/{service.chat}/regenerate"
    assert (await service.alice.post(again, params={"question": question})).status_code == 200
    assert service.says.asked[-1] == ("One?", [])
    in_use = await service.messages()
    assert [m["content"] for m in in_use] == ["One?", "One again."]
    assert in_use[1]["versions"] == [first["llm_message"]["id"], in_use[1]["id"]]
    assert len(await service.messages(branch=older["llm_message"]["id"])) == 6
    for wrong in (first["llm_message"]["id"], 4711):
        assert (await service.alice.post(again, params={"question": wrong})).status_code == 404
    assert (await service.ask("What?", follows=4711)).status_code == 404


async def test_history_pairs_each_question_with_its_own_answer(service: Service) -> None:
    await service.answered("One?", "One.")
    service.says.say("One?", "One again.", None)
    assert (await service.alice.post(f"/api/chats/{service.chat}/regenerate")).status_code == 200
    asked = service.ask("Stopped?")
    await _stream(service)
    async with asyncio.timeout(PATIENCE):
        while service.says.asked[-1][0] != "Stopped?":
            await asyncio.sleep(0.02)
    await service.alice.post(f"/api/chats/{service.chat}/stop")
    await asked
    await service.answered("Two?", "Two.")
    assert service.says.asked[-1][1] == [
        ("user", "One?"),
        ("LLM", "One again."),
        ("user", "Stopped?"),
        ("LLM", ""),
    ]


async def test_a_question_is_narrowed_to_documents(service: Service, tmp_path: Path) -> None:
    papers = []
    for name in ("north", "south"):
        path = factories.pdf(tmp_path / f"{name}.pdf", f"The {name}ern office opens at eight o'clock.")
        papers.append(await service.api.upload(service.alice, path, service.namespace))
    question = "When does the office open?"
    await service.answered(question, "At eight.")
    assert {passage.title for passage in service.says.passages} == {"north", "south"}
    await service.answered(question, "At eight.", doc_ids=[papers[1]])
    assert {passage.title for passage in service.says.passages} == {"south"}
    service.says.say(question, "At eight.", None)
    await service.alice.post(f"/api/chats/{service.chat}/regenerate")
    assert {passage.title for passage in service.says.passages} == {"south"}
    bob = await service.api.user("bob")
    hidden = await service.api.upload(bob, factories.pdf(tmp_path / "hidden.pdf", "Secret."))
    for unreadable in (hidden, 4711):
        refused = await service.ask(question, doc_ids=[papers[0], unreadable])
        assert refused.status_code == 404
        assert str(unreadable) in refused.json()["detail"]
    assert len(await service.messages()) == 4
    await service.answered(question, "I don't know.", doc_ids=[])
    assert service.says.passages == []


async def test_nobody_else_reads_joins_stops_or_exports_a_chat(service: Service) -> None:
    asked = service.ask("Why?")
    service.says.say("Why?", "Because ")
    await service.until("running")
    question = (await service.messages())[0]["id"]
    admin, bob = await service.api.admin(), await service.api.user("bob")
    theirs = (await admin.post("/api/chats", json={"namespace_id": service.namespace})).json()["id"]
    for stranger in (admin, bob):
        for method, path in (
            ("GET", service.path),
            ("GET", f"/api/chats/{service.chat}/stream"),
            ("POST", f"/api/chats/{service.chat}/stop"),
            ("GET", f"/api/chats/{service.chat}/export"),
            ("GET", f"/api/chats/{service.chat}/export?format=json"),
            ("POST", f"/api/chats/{service.chat}/regenerate"),
        ):
            assert (await stranger.request(method, path)).status_code == 404, path
        assert (await stranger.get("/api/chats", params={"q": "Why"})).json()["total"] == 0
    # Nor do messages of another chat stand for one's own.
    mine = f"/api/chats/{theirs}/messages"
    assert (await admin.post(mine, json={"content": "?", "replaces": question})).status_code == 404
    assert (await admin.get(mine, params={"branch": question})).status_code == 404
    service.says.say("Why?", "it is.", None)
    assert (await asked).json()["llm_message"]["content"] == "Because it is."


async def test_chats_are_pinned_and_searched(service: Service) -> None:
    await service.answered("How long is the notice period?", "Three months, 100% certain.")
    other = (await service.alice.post("/api/chats", json={"namespace_id": service.namespace})).json()
    assert other["pinned"] is False
    chat = f"/api/chats/{other['id']}"
    renamed = await service.alice.patch(chat, json={"title": "Leave_2026", "pinned": True})
    assert (renamed.json()["title"], renamed.json()["pinned"]) == ("Leave_2026", True)
    assert (await service.alice.patch(chat, json={"pinned": True})).json()["title"] == "Leave_2026"

    async def found(**params: Any) -> list[int]:
        listed = (await service.alice.get("/api/chats", params=params)).json()
        assert listed["total"] == len(listed["items"])
        return [item["id"] for item in listed["items"]]

    assert await found(q="NOTICE") == await found(q="three months") == [service.chat]
    assert await found(q="leave_") == [other["id"]]
    # Wildcards are plain characters.
    assert await found(q="100%") == [service.chat]
    assert await found(q="a%e") == await found(q="Leave-2026") == []
    assert await found(pinned=True) == [other["id"]]
    assert await found(pinned=False) == [service.chat]
    assert (await service.alice.patch(chat, json={"pinned": False})).json()["pinned"] is False
    assert await found(pinned=True) == []
    assert (await service.alice.get("/api/chats", params={"q": ""})).status_code == 422


async def test_a_chat_is_exported(service: Service, tmp_path: Path) -> None:
    await service.api.upload(service.alice, factories.handbook(tmp_path), service.namespace)
    await service.answered("How many days of vacation?", "Thirty days [1].")
    export = f"/api/chats/{service.chat}/export"
    markdown = await service.alice.get(export)
    assert markdown.headers["content-type"].startswith("text/markdown")
    assert f"chat-{service.chat}.md" in markdown.headers["content-disposition"]
    assert markdown.text.startswith("# How many days of vacation?\n\n## Question\n")
    assert "\n\n## Answer\n\nThirty days [1].\n\n[1] handbook, page 1: “" in markdown.text
    exported = await service.alice.get(export, params={"format": "json"})
    assert exported.json() == {
        "chat": (await service.alice.get(f"/api/chats/{service.chat}")).json(),
        "messages": await service.messages(),
    }
    assert (await service.alice.get(export, params={"format": "html"})).status_code == 422


async def test_an_exported_chat_loads_no_image(service: Service) -> None:
    await service.answered("Why?", "Because ![a](https://evil.example/?q=secret) <img src=x>.")
    exported = await service.alice.get(f"/api/chats/{service.chat}/export")
    assert "Because ! [a](https://evil.example/?q=secret) < img src=x>." in exported.text
