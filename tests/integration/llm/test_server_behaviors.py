"""Behaviors of real servers, each over real HTTP."""

import asyncio
import json
from typing import Any

import pytest

from luma_rag.errors import LLMError
from luma_rag.llm.openai import OpenAIModel
from luma_rag.llm.protocol import AllReasoning, CutOff, PromptMessage, Reasoning, Sampling, Written
from luma_rag.llm.server_errors import ContextOverflowError
from tests.canned_server import CannedServer, Reply, response, streamed

MESSAGES = [
    PromptMessage("system", "Be brief."),
    PromptMessage("user", "Who?"),
    PromptMessage("assistant", "Ada."),
    PromptMessage("user", "Why?"),
]
MAX_TOKENS = 1000
DONE = "data: [DONE]\n\n"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luma_rag.llm.openai._pause", lambda failures: 0.01)
    monkeypatch.setattr("luma_rag.llm.answer_stream._COUNTS_SECONDS", 0.05)


async def written(server: CannedServer, *replies: Reply, questions: int = 1) -> list[Written]:
    """What the model has written in its last answer."""
    server.replies = list(replies)
    model = OpenAIModel(server.base_url, model="m", token_timeout=5)
    try:
        for _ in range(questions):
            pieces = [piece async for piece in model.stream(MESSAGES, max_tokens=MAX_TOKENS)]
        return pieces
    finally:
        await model.aclose()


def answer(pieces: list[Written]) -> tuple[str, str]:
    """Reasoning and answer."""
    thought = text = ""
    for piece in pieces:
        match piece:
            case str():
                text += piece
            case Reasoning(more):
                thought += more
            case AllReasoning():
                thought, text = thought + text, ""
    return thought.strip(), text


def event(**body: Any) -> str:
    return f"data: {json.dumps(body)}\n\n"


def refusal(message: str, status: str = "400 Bad Request") -> bytes:
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error"}})
    return response(body, status=status, kind="application/json")


def document(event: str) -> bytes:
    return response(event.removeprefix("data: "), kind="application/json")


def choice(**fields: Any) -> str:
    return event(choices=[{"index": 0, "finish_reason": None} | fields])


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(streamed("<thi", "nk>Hm [2].</th", "ink>\n\nYes."), ("Hm [2].", "Yes."), id="tags"),
        pytest.param(streamed("Hm [2].\n", "</think>\n\nYes."), ("Hm [2].", "Yes."), id="only the end tag"),
        pytest.param(
            streamed(
                "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant",
                "<|channel|>final<|message|>Yes.",
            ),
            ("Hm.", "Yes."),
            id="harmony",
        ),
        pytest.param(streamed("Yes.", "<|im_end|>", "\n<|im_start|>user"), ("", "Yes."), id="end token"),
        pytest.param(
            response(
                choice(delta={"reasoning_content": "Hm."})
                + choice(delta={"content": "Yes."})
                + "data: [DONE]\n\n"
            ),
            ("Hm.", "Yes."),
            id="reasoning_content",
        ),
        pytest.param(
            response(choice(delta={"reasoning": "Hm.", "content": ""}) + choice(delta={"content": "Yes."})),
            ("Hm.", "Yes."),
            id="reasoning",
        ),
        pytest.param(
            response(
                choice(message={"content": "Yes.", "reasoning_content": "Hm."}, finish_reason="stop")[6:]
            ),
            ("Hm.", "Yes."),
            id="reasoning in a document",
        ),
        pytest.param(
            response(choice(delta={"refusal": "I can't help with that."}) + DONE),
            ("", "I can't help with that."),
            id="refusal",
        ),
        pytest.param(
            response(choice(text="Yes.", finish_reason="stop")), ("", "Yes."), id="text instead of a delta"
        ),
    ],
)
async def test_reasoning_and_answer(
    canned_server: CannedServer, reply: bytes, expected: tuple[str, str]
) -> None:
    assert answer(await written(canned_server, reply)) == expected


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("stays_open", [False, True])
async def test_an_answer_with_a_finish_reason_has_ended(
    canned_server: CannedServer, stays_open: bool, is_chunked: bool
) -> None:
    body = (choice(delta={"content": "Yes."}) + choice(delta={}, finish_reason="stop")).encode()

    async def reply(writer: asyncio.StreamWriter) -> None:
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        framing = "Transfer-Encoding: chunked\r\n\r\n" if is_chunked else "Connection: close\r\n\r\n"
        writer.write((head + framing).encode())
        writer.write(f"{len(body):x}\r\n".encode() + body + b"\r\n" if is_chunked else body)
        await writer.drain()
        if stays_open:
            await asyncio.sleep(30)

    async with asyncio.timeout(3):
        assert answer(await written(canned_server, reply)) == ("", "Yes.")


@pytest.mark.parametrize(
    ("reason", "cut_off"),
    [
        ("length", "length"),
        ("max_tokens", "length"),
        ("content_filter", "content_filter"),
        ("SAFETY", "content_filter"),
    ],
)
async def test_an_answer_that_is_cut_off_says_so(
    canned_server: CannedServer, reason: str, cut_off: str
) -> None:
    body = choice(delta={"content": "Yes, bec"}) + choice(delta={}, finish_reason=reason)
    assert await written(canned_server, response(body)) == ["Yes, bec", CutOff(cut_off)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        event(error={"message": "The model is loading.", "type": "x"}),
        event(error="The model is loading."),
        event(object="error", message="The model is loading.", code=503),
        event(detail="The model is loading."),
        event(
            choices=[{"error": {"message": "The model is loading.", "code": 502}, "finish_reason": "error"}]
        ),
        "event: error\n" + event(message="The model is loading."),
        json.dumps({"error": {"message": "The model is loading."}}),
        json.dumps({"message": "The model is loading.", "code": "loading"}),
    ],
)
async def test_an_error_in_a_successful_response_keeps_its_words(
    canned_server: CannedServer, body: str
) -> None:
    with pytest.raises(LLMError, match=r"failed: The model is loading\."):
        await written(canned_server, *[response(body)] * 3)


async def test_an_answer_of_reasoning_alone_is_an_error(canned_server: CannedServer) -> None:
    with pytest.raises(LLMError, match="reasoning without an answer"):
        await written(canned_server, streamed("<think>Hm."))


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("System role not supported", "400 Bad Request"),
        ("Jinja Exception: System role not supported", "500 Internal Server Error"),
        ("Conversation roles must alternate user/assistant/user/assistant/...", "400 Bad Request"),
        ("Only user and assistant roles are supported!", "422 Unprocessable Entity"),
        ("Developer instruction is not enabled for models/gemma-3", "400 Bad Request"),
    ],
)
async def test_servers_without_a_system_role(canned_server: CannedServer, message: str, status: str) -> None:
    yes = streamed("Yes.")
    assert answer(await written(canned_server, refusal(message, status), yes, yes, questions=2)) == (
        "",
        "Yes.",
    )
    first, *others = [request.body["messages"] for request in canned_server.requests]
    assert [each["role"] for each in first] == ["system", "user", "assistant", "user"]
    assert len(others) == 2  # It is remembered.
    for messages in others:
        assert [each["role"] for each in messages] == ["user", "assistant", "user"]
        assert messages[0]["content"] == "Be brief.\n\nWho?"


async def test_servers_that_do_not_stream(canned_server: CannedServer) -> None:
    whole = document(choice(message={"content": "Yes."}, finish_reason="stop"))
    refused = refusal("Streaming is not supported for this model")
    assert answer(await written(canned_server, refused, whole)) == ("", "Yes.")
    body = canned_server.requests[-1].body
    assert body["stream"] is False
    assert "stream_options" not in body


@pytest.mark.parametrize(
    ("message", "allowed"),
    [
        ("max_tokens is too large: 1000. This model supports at most 512 completion tokens.", 512),
        (
            "`max_tokens` must be less than or equal to `512`, the maximum value for `max_tokens` is less "
            "than the `context_window` for this model",
            512,
        ),
        ("max_tokens: 1000 > 512, which is the maximum allowed number of output tokens", 512),
        ("max_tokens is too large", 500),
    ],
)
async def test_servers_that_allow_shorter_answers(
    canned_server: CannedServer, message: str, allowed: int
) -> None:
    assert answer(await written(canned_server, refusal(message), streamed("Yes."))) == ("", "Yes.")
    assert canned_server.requests[-1].body["max_tokens"] == allowed


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        ("This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.", 4096),
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 1000. This model's maximum context length "
            "is 1024 tokens and your request has 300 input tokens.",
            1024,
        ),
        ("the request exceeds the available context size (2048 tokens), try increasing it", 2048),
        ("prompt is too long: 210000 tokens > 200000 maximum", 200_000),
        ("Input is too long for requested model.", None),
        ("Please reduce the length of the messages.", None),
    ],
)
async def test_prompts_that_are_too_long(
    canned_server: CannedServer, message: str, tokens: int | None
) -> None:
    with pytest.raises(ContextOverflowError) as raised:
        await written(canned_server, refusal(message))
    assert raised.value.tokens == tokens
    assert message[:20] in raised.value.detail
    assert len(canned_server.requests) == 1


async def test_the_name_of_the_first_model_is_asked_for_again(
    canned_server: CannedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luma_rag.llm.openai.NAME_SECONDS", 0)
    names = [response(json.dumps({"data": [{"id": name}]}), kind="application/json") for name in "ab"]
    canned_server.replies = [names[0], streamed("Yes."), names[1], streamed("Yes.")]
    model = OpenAIModel(canned_server.base_url)
    for name in "ab":
        assert [piece async for piece in model.stream(MESSAGES, max_tokens=MAX_TOKENS)] == ["Yes."]
        assert model.name == canned_server.requests[-1].body["model"] == name
    await model.aclose()


async def test_a_proxy_is_not_asked_for_a_server_on_this_machine(
    canned_server: CannedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert answer(await written(canned_server, streamed("Yes."))) == ("", "Yes.")


@pytest.mark.parametrize(
    ("message", "status", "option"),
    [
        ("temperature must be between 0 and 1", "400 Bad Request", Sampling(temperature=2)),
        ("unknown field: seed", "422 Unprocessable", Sampling(seed=7)),
    ],
)
async def test_what_one_caller_asks_for_changes_no_other_request(
    canned_server: CannedServer, message: str, status: str, option: Sampling
) -> None:
    canned_server.replies = [refusal(message, status), streamed("Yes."), streamed("Yes.")]
    model = OpenAIModel(canned_server.base_url, model="m")
    asked = [
        [piece async for piece in model.stream(MESSAGES, max_tokens=MAX_TOKENS, sampling=sampling)]
        for sampling in (option, Sampling())
    ]
    await model.aclose()
    assert asked == [["Yes."], ["Yes."]]
    _, again, other = [request.body for request in canned_server.requests]
    assert again == other
    assert other["temperature"] == 0.2


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("upstream request failed", "500 Oops"),
        ("max_tokens must be at least 64", "400 Bad Request"),
    ],
)
async def test_other_errors_teach_nothing(canned_server: CannedServer, message: str, status: str) -> None:
    with pytest.raises(LLMError, match=message):
        await written(canned_server, refusal(message, status))
    assert len(canned_server.requests) == 1


async def test_an_answer_about_the_tag_spoils_no_later_answer(canned_server: CannedServer) -> None:
    tag = streamed("Reasoning ends with </think>.")
    assert answer(await written(canned_server, tag, streamed("28 days [1]."), questions=2)) == (
        "",
        "28 days [1].",
    )
