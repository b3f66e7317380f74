import asyncio
from contextlib import aclosing

import pytest

from luma_rag.chat.answerer import HistoryMessage, RetrievedPassage
from luma_rag.chat.model_answerer import ModelAnswerer
from luma_rag.errors import LLMError
from luma_rag.llm.openai import OpenAIModel
from luma_rag.settings import LLMSettings
from tests.canned_server import CannedServer, delta, response, streamed

PASSAGES = [
    RetrievedPassage(1, "Handbook", "28 days of leave.", page=3),
    RetrievedPassage(2, "Contract", "Notice."),
]


def answerer(server: CannedServer) -> ModelAnswerer:
    settings = LLMSettings(base_url=server.base_url, context_tokens=1500, max_answer_tokens=4000)
    return ModelAnswerer(OpenAIModel(server.base_url, model="m"), settings)


async def test_prompt_goes_out_and_unknown_citations_stay_out(canned_server: CannedServer) -> None:
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
    assert request.body["max_tokens"] == 750  # never more than half of the context
    assert model.name == "m"
    await model.aclose()


async def test_failure_is_passed_on(canned_server: CannedServer) -> None:
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
