import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import httpx
from sqlalchemy import text

from luma_rag.chat.answerer import NO_OPTIONS, AnswerOptions, HistoryMessage, RetrievedPassage
from luma_rag.errors import LLMError
from luma_rag.runtime import Runtime
from tests import factories
from tests.answering import answering
from tests.api import Api
from tests.servers import serving


async def chat_about_the_handbook(api: Api, owner: httpx.AsyncClient, folder: Path) -> int:
    namespace = await api.namespace(owner)
    await api.upload(owner, factories.handbook(folder), namespace)
    chat = await owner.post("/api/chats", json={"namespace_id": namespace})
    assert chat.status_code == 201
    assert chat.json()["title"] == "New chat"
    return int(chat.json()["id"])


async def read_events(answer: httpx.Response) -> list[tuple[str, object]]:
    events = []
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            events.append((name, json.loads(line.removeprefix("data: "))))
    return events


async def test_answer_quotes_its_source_and_is_stored(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    chat = await chat_about_the_handbook(api, alice, tmp_path)
    question = {"content": "How many days of paid vacation does an employee have?"}
    answer = await alice.post(f"/api/chats/{chat}/messages", json=question)
    assert answer.status_code == 201
    sent, answered = answer.json()["user_message"], answer.json()["llm_message"]
    assert (sent["sender_type"], answered["sender_type"]) == ("user", "LLM")
    assert "thirty days" in answered["content"]
    # Advice for operators is no part of an answer.
    assert "LUMA_" not in answered["content"]
    citation = answered["citations"][0]
    assert f"[{citation['n']}]" in answered["content"]
    assert (citation["page"], citation["title"]) == (1, "handbook")
    assert "thirty days" in citation["quote"]
    stored = (await alice.get(f"/api/chats/{chat}/messages")).json()
    assert stored["items"] == [sent, answered]
    assert (await alice.get(f"/api/chats/{chat}")).json()["title"] == question["content"]


async def test_question_outside_the_documents_is_not_answered(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    chat = await chat_about_the_handbook(api, alice, tmp_path)
    question = {"content": "Which planets have rings?"}
    answered = (await alice.post(f"/api/chats/{chat}/messages", json=question)).json()["llm_message"]
    assert "Nothing in these documents answers this." in answered["content"]
    assert answered["citations"] == []


async def test_stream_events_are_in_order(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    chat = await chat_about_the_handbook(api, alice, tmp_path)
    async with alice.stream(
        "POST",
        f"/api/chats/{chat}/messages",
        json={"content": "When is travel refunded?"},
        headers={"accept": "text/event-stream"},
    ) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = await read_events(answer)
    names = [name for name, _ in events]
    assert names[:5] == ["user_message", "progress", "citations", "progress", "progress"]
    stages = [data for name, data in events if name == "progress"]
    assert stages == [
        {"stage": "searching", "titles": []},
        {"stage": "reading", "titles": ["handbook"]},
        {"stage": "thinking", "titles": []},
    ]
    assert names[-1] == "llm_message"
    assert set(names[5:-1]) == {"delta"}
    pieces = "".join(data["text"] for name, data in events if name == "delta")  # type: ignore[index]
    assert pieces == events[-1][1]["content"]  # type: ignore[index]
    retrieved = {citation["vec_id"] for citation in events[2][1]}  # type: ignore[index,union-attr]
    assert {citation["vec_id"] for citation in events[-1][1]["citations"]} <= retrieved  # type: ignore[index]


async def test_quotes_survive_document_deletion(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    chat = await chat_about_the_handbook(api, alice, tmp_path)
    await alice.post(f"/api/chats/{chat}/messages", json={"content": "How many days of vacation?"})
    doc_id = (await alice.get("/api/documents")).json()["items"][0]["id"]
    assert (await alice.delete(f"/api/documents/{doc_id}")).status_code == 204
    stored = (await alice.get(f"/api/chats/{chat}/messages")).json()["items"][1]["citations"][0]
    assert stored["doc_id"] is None
    assert "thirty days" in stored["quote"]


async def test_regenerate_shows_the_new_answer_and_keeps_the_old_one(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    chat = await chat_about_the_handbook(api, alice, tmp_path)
    empty = await alice.post(f"/api/chats/{chat}/regenerate")
    assert empty.status_code == 409
    first = (await alice.post(f"/api/chats/{chat}/messages", json={"content": "Who has the code?"})).json()
    again = await alice.post(f"/api/chats/{chat}/regenerate")
    assert again.status_code == 200
    path = f"/api/chats/{chat}/messages"
    question, answer = (await alice.get(path)).json()["items"]
    assert [question, answer] == [first["user_message"], again.json()["llm_message"]]
    assert answer["versions"] == [first["llm_message"]["id"], answer["id"]]
    assert answer["answers"] == question["id"]
    older = (await alice.get(path, params={"branch": first["llm_message"]["id"]})).json()["items"]
    assert [m["id"] for m in older] == [question["id"], first["llm_message"]["id"]]


async def test_chats_are_private(api: Api, tmp_path: Path) -> None:
    alice, admin = await api.user("alice"), await api.admin()
    chat = await chat_about_the_handbook(api, alice, tmp_path)
    for call in (
        admin.get(f"/api/chats/{chat}"),
        admin.get(f"/api/chats/{chat}/messages"),
        admin.post(f"/api/chats/{chat}/messages", json={"content": "What did she ask?"}),
        admin.delete(f"/api/chats/{chat}"),
    ):
        assert (await call).status_code == 404
    assert (await admin.get("/api/chats")).json()["total"] == 0


async def test_revoked_access_keeps_messages_but_prevents_questions(api: Api, tmp_path: Path) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    namespace = await api.namespace(alice)
    await api.upload(alice, factories.handbook(tmp_path), namespace)
    bob_id = (await bob.get("/api/auth/me")).json()["id"]
    member = f"/api/namespaces/{namespace}/members/{bob_id}"
    assert (await alice.put(member, json={"auth_level": 1})).status_code == 200
    chat = (await bob.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
    sent = await bob.post(f"/api/chats/{chat}/messages", json={"content": "How many days of vacation?"})
    assert sent.status_code == 201
    assert (await alice.delete(member)).status_code == 204
    again = await bob.post(f"/api/chats/{chat}/messages", json={"content": "And the door?"})
    assert again.status_code == 404
    assert (await bob.get(f"/api/chats/{chat}/messages")).json()["total"] == 2


async def test_answer_can_be_rated(api: Api, tmp_path: Path) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    chat = await chat_about_the_handbook(api, alice, tmp_path)
    turn = (await alice.post(f"/api/chats/{chat}/messages", json={"content": "Who has the code?"})).json()
    path = f"/api/messages/{turn['llm_message']['id']}/feedback"
    assert (await alice.put(path, json={"rating": -1, "comment": "no"})).status_code == 200
    assert (await alice.put(path, json={"rating": 1})).json()["rating"] == 1
    assert (await alice.put(path, json={"rating": 5})).status_code == 422
    assert (await bob.put(path, json={"rating": 1})).status_code == 404
    question = f"/api/messages/{turn['user_message']['id']}/feedback"
    assert (await alice.put(question, json={"rating": 1})).status_code == 404
    listed = (await alice.get(f"/api/chats/{chat}/messages")).json()["items"]
    given = {"message_id": turn["llm_message"]["id"], "rating": 1, "comment": None}
    assert [message["feedback"] for message in listed] == [None, given]


class SlowAnswerer:
    """Yields one piece, then waits for cancellation or for the signal to fail."""

    name = "slow"

    def __init__(self) -> None:
        self.wrote = asyncio.Event()
        self.fail = asyncio.Event()
        self.stopped = asyncio.Event()

    async def answer(
        self,
        question: str,
        passages: Sequence[RetrievedPassage],
        history: Sequence[HistoryMessage],
        options: AnswerOptions = NO_OPTIONS,
    ) -> AsyncGenerator[str]:
        try:
            yield "It begins well [1] "
            self.wrote.set()
            await self.fail.wait()
            raise LLMError("The LLM at example:1 answered 500.")
        finally:
            self.stopped.set()

    async def aclose(self) -> None:
        """No resources to release."""


async def test_llm_failure_preserves_question_and_text(runtime: Runtime, tmp_path: Path) -> None:
    slow = SlowAnswerer()
    slow.fail.set()
    async with answering(runtime, slow) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        chat = await chat_about_the_handbook(api, alice, tmp_path)
        path = f"/api/chats/{chat}/messages"
        async with alice.stream(
            "POST", path, json={"content": "Vacation?"}, headers={"accept": "text/event-stream"}
        ) as answer:
            events = await read_events(answer)
        assert events[-1][0] == "error"
        assert events[-1][1]["status"] == 502  # type: ignore[index]
        assert events[-1][1]["detail"] == LLMError.public_detail  # type: ignore[index]
        question, answer = (await alice.get(path)).json()["items"]
        assert (answer["content"], answer["state"]) == ("It begins well [1] ", "failed")
        assert [citation["n"] for citation in answer["citations"]] == [1]
        assert question["error"] == answer["error"]
        assert answer["error"].items() <= events[-1][1].items()  # type: ignore[attr-defined]
        plain = await alice.post(f"/api/chats/{chat}/regenerate")
        assert plain.status_code == 502
        assert plain.headers["content-type"] == "application/problem+json"
        _, again = (await alice.get(path)).json()["items"]
        assert again["versions"] == [answer["id"], again["id"]]


async def test_no_database_connection_is_held_during_generation(runtime: Runtime, tmp_path: Path) -> None:
    slow = SlowAnswerer()
    async with answering(runtime, slow) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        chat = await chat_about_the_handbook(api, alice, tmp_path)
        asking = asyncio.create_task(alice.post(f"/api/chats/{chat}/messages", json={"content": "Vacation?"}))
        await asyncio.wait_for(slow.wrote.wait(), timeout=10)
        async with runtime.engine.connect() as connection:
            in_transaction = await connection.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND state LIKE 'idle in transaction%'"
                )
            )
        assert in_transaction == 0
        slow.fail.set()
        assert (await asking).status_code == 502
