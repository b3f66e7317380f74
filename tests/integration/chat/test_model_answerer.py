import asyncio
import json
from contextlib import aclosing

import pytest

from luma_rag.chat.answerer import HistoryMessage, RetrievedPassage
from luma_rag.chat.model_answerer import ModelAnswerer
from luma_rag.errors import LLMError
from luma_rag.llm.openai import OpenAIModel
from luma_rag.llm.protocol import AllReasoning
from luma_rag.settings import LLMSettings
from tests.canned_server import CannedServer, delta, response, streamed

PASSAGES = [
    RetrievedPassage(1, "Handbook", "28 days of leave.", page=3),
    RetrievedPassage(2, "Contract", "Notice."),
]


def answerer(server: CannedServer) -> ModelAnswerer:
    settings = LLMSettings(base_url=server.base_url, context_tokens=1500, max_answer_tokens=4000)
    return ModelAnswerer(OpenAIModel(server.base_url, model="m"), settings)


async def test_prompt_is_sent_and_unknown_citations_are_removed(canned_server: CannedServer) -> None:
    canned_server.replies = [
        streamed("Leave is 28 days ", "[", "1", "]", " and more [", "3].", " See [2, 9", "]")
    ]
    model = answerer(canned_server)
    history = [HistoryMessage("user", "Hi"), HistoryMessage("LLM", "Hello")]
    pieces = [piece async for piece in model.answer("How much leave?", PASSAGES, history)]
    assert "".join(pieces) == "Leave is 28 days [1] and more. See [2]"
    assert "" not in pieces
    (request,) = canned_server.requests
    assert [m["role"] for m in request.body["messages"]] == ["system", "user", "assistant", "user"]
    assert "28 days of leave." in request.body["messages"][-1]["content"]
    assert request.body["max_tokens"] == 750  # at most half of the context
    assert model.name == "m"
    await model.aclose()


@pytest.mark.parametrize(
    "message", ["maximum context length is 700 tokens. You requested 1200.", "The input is too long."]
)
async def test_a_prompt_that_is_too_long_is_shortened(canned_server: CannedServer, message: str) -> None:
    refusal = response(json.dumps({"error": {"message": message}}), status="400 Bad Request")
    canned_server.replies = [refusal, streamed("28 days [1]."), streamed("28 days [1].")]
    model = answerer(canned_server)
    history = [HistoryMessage("user", "word " * 50), HistoryMessage("LLM", "word " * 50)]
    for _ in range(2):
        pieces = [piece async for piece in model.answer("How much leave?", PASSAGES, history)]
        assert "".join(map(str, pieces)) == "28 days [1]."
    tried, sent, remembered = [request.body for request in canned_server.requests]
    assert len(json.dumps(sent["messages"])) < len(json.dumps(tried["messages"]))
    assert "28 days of leave." in sent["messages"][-1]["content"]
    assert sent["max_tokens"] < tried["max_tokens"]
    assert remembered == sent
    await model.aclose()


async def test_the_server_decides_when_nothing_fits(canned_server: CannedServer) -> None:
    refusal = response('{"error": {"message": "The input is too long."}}', status="400 Bad Request")
    canned_server.replies = [refusal] * 10
    model = answerer(canned_server)
    with pytest.raises(LLMError, match=r"The input is too long\. Set LUMA_LLM_CONTEXT_TOKENS"):
        await anext(model.answer("How much leave?", PASSAGES, []))
    assert len(canned_server.requests) < 6
    await model.aclose()


async def test_citations_in_reasoning_do_not_count(canned_server: CannedServer) -> None:
    canned_server.replies = [streamed("Perhaps [9", "] or [1].\n</think>", "28 days [2].")]
    model = answerer(canned_server)
    pieces = [piece async for piece in model.answer("How much leave?", PASSAGES, [])]
    end = pieces.index(AllReasoning())
    assert pieces[end + 1 :] == ["28 days [2]."]
    await model.aclose()


async def test_failure_propagates(canned_server: CannedServer) -> None:
    canned_server.replies = [response("no", status="401 Unauthorized")]
    model = answerer(canned_server)
    with pytest.raises(LLMError, match="LUMA_LLM_API_KEY"):
        await anext(model.answer("How much leave?", PASSAGES, []))
    await model.aclose()


async def test_closing_the_answer_ends_the_call(canned_server: CannedServer) -> None:
    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(response(f"data: {delta('words ')}\n\n", length=False))
        await asyncio.sleep(60)

    canned_server.replies = [reply]
    model = answerer(canned_server)
    async with aclosing(model.answer("How much leave?", PASSAGES, [])) as pieces:
        assert await anext(pieces) == "words"
    async with asyncio.timeout(2):
        await canned_server.client_left.wait()
    await model.aclose()
