import asyncio
import contextlib
import json
import socket
import time
from contextlib import aclosing

import httpx
import pytest

from luma_rag.errors import ConfigurationError, LLMError
from luma_rag.llm.openai import OpenAIModel
from luma_rag.llm.protocol import PromptMessage
from tests.canned_server import CannedServer, delta, response, streamed

QUESTION = [PromptMessage("system", "Be brief."), PromptMessage("user", "Why?")]
KEY = "sk-secret-1234567890"


async def ask(server: CannedServer | str, **options: object) -> str:
    base_url = server if isinstance(server, str) else server.base_url
    model = OpenAIModel(base_url, **({"model": "m", "api_key": KEY} | options))  # type: ignore[arg-type]
    try:
        pieces = [piece async for piece in model.stream(QUESTION, max_tokens=7)]
        return "".join(piece for piece in pieces if isinstance(piece, str))
    finally:
        await model.aclose()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luma_rag.llm.openai._pause", lambda failures: 0.01)


async def test_request_and_answer(canned_server: CannedServer) -> None:
    canned_server.replies = [streamed("Be", "cause", " so.")]
    assert await ask(canned_server) == "Because so."
    (request,) = canned_server.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 7,
        "temperature": 0.2,
    }


async def test_chunks_arrive_before_the_answer_ends(canned_server: CannedServer) -> None:
    go_on = asyncio.Event()

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(response(f"data: {delta('first')}\n\n", length=False))
        await writer.drain()
        await go_on.wait()
        writer.write(f"data: {delta('second', finish_reason='stop')}\n\n".encode())
        await writer.drain()

    canned_server.replies = [reply]
    model = OpenAIModel(canned_server.base_url, model="m")
    pieces = model.stream(QUESTION, max_tokens=7)
    assert await anext(pieces) == "first"
    go_on.set()
    assert [piece async for piece in pieces] == ["second"]
    await model.aclose()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"data: {delta('a')}\n\ndata: {delta('b')}\n\ndata: [DONE]\n\n", id="plain"),
        pytest.param(f"data:{delta('a')}\n\ndata:{delta('b')}\n\ndata:[DONE]\n\n", id="no space"),
        pytest.param(f"data: {delta('a')}\r\n\r\ndata: {delta('b')}\r\n\r\ndata: [DONE]\r\n\r\n", id="CRLF"),
        pytest.param(f"data: {delta('a')}\r\rdata: {delta('b')}\r\rdata: [DONE]\r\r", id="CR"),
        pytest.param(f"data: {delta('a')}\ndata: {delta('b')}\ndata: [DONE]\n", id="no blank lines"),
        pytest.param(
            f": ping\n\ndata: {delta('a')}\n\n: ping\nid: 7\nevent: x\ndata: {delta('b')}", id="rest"
        ),
        pytest.param(
            'data: {"choices": [{"delta":\ndata:  {"content": "ab"}}]}\n\ndata: [DONE]\n\n', id="two lines"
        ),
        pytest.param(f"\ufeff data: x\ndata: {delta('ab')}\n\n".replace(" data: x\n", ""), id="BOM"),
        pytest.param(
            f"data: {delta(None)}\n\ndata: {delta('ab')}\n\n"
            'data: {"choices": [{"delta": {"reasoning_content": "hm"}}]}\n\n'
            'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
            'data: {"choices": [], "usage": {"total_tokens": 9}}\n\ndata: {"choices": null}\n\n',
            id="null, reasoning, usage",
        ),
        pytest.param(
            'data: {"choices": [{"delta": {"content": [{"type": "thinking", "text": "hm"}, '
            '{"type": "text", "text": "ab"}]}}]}\n\n',
            id="parts",
        ),
        pytest.param(f"data: {delta('ab')}\n\ndata: [DONE]\n\ndata: {delta('cd')}\n\n", id="after the end"),
    ],
)
async def test_server_stream_variants(canned_server: CannedServer, body: str) -> None:
    whole = response(body)
    head = len(whole) - len(body.encode())

    async def byte_by_byte(writer: asyncio.StreamWriter) -> None:
        writer.write(whole[:head])
        for at in range(head, len(whole)):
            writer.write(whole[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0)

    canned_server.replies = [whole, byte_by_byte]
    assert await ask(canned_server) == "ab"
    assert await ask(canned_server) == "ab"


async def test_unicode_line_separators_are_text(canned_server: CannedServer) -> None:
    body = {"choices": [{"delta": {"content": "a\u2028b\u0085c"}}]}
    canned_server.replies = [response(f"data: {json.dumps(body, ensure_ascii=False)}\n\n")]
    assert await ask(canned_server) == "a\u2028b\u0085c"


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_non_streaming_servers(canned_server: CannedServer, kind: str) -> None:
    body = {"choices": [{"message": {"role": "assistant", "content": "whole"}, "finish_reason": "stop"}]}
    canned_server.replies = [response(json.dumps(body, indent=2), kind=kind)]
    assert await ask(canned_server) == "whole"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            response('{"error": {"message": "bad key"}}', status="401 Unauthorized"),
            ["401", "bad key.", "LUMA_LLM_API_KEY"],
        ),
        (
            response("<h1>Nothing here</h1>", status="404 Not Found"),
            ["404", "Nothing here", "LUMA_LLM_MODEL", "/v1"],
        ),
        (response('{"detail": "exceeds context"}', status="400 Bad"), ["400", "LUMA_LLM_CONTEXT_TOKENS"]),
        (response("", status="302 Found", more="Location: http://x/\r\n"), ["302", "LUMA_LLM_BASE_URL"]),
        (response("x" * 100_000, status="500 Oops"), ["500", "xxx…"]),
        (response("[" * 10_000, status="500 Oops"), ["500"]),
        (response('data: {"error": {"message": "out of memory", "code": 500}}\n\n'), ["out of memory"]),
        (response('error: {"code": 500, "message": "boom"}\n\n'), ["failed: boom. Ask again"]),
        (response('data: {"error": "boom"}\n\n'), ["boom"]),
        (response("event: error\ndata: Internal trouble\n\n"), ["Internal trouble", "no chat completion"]),
        (response("data: " + "[" * 100_000 + "\n\n"), ["no chat completion"]),
        (response("data: [DONE]\n\n"), ["empty answer"]),
        (response(f"data: {delta(None)}\n\ndata: [DONE]\n\n"), ["empty answer"]),
        (response("<html>Welcome</html>", kind="text/html"), ["empty answer", "text/html", "/v1"]),
        (response(f"data: {delta('', finish_reason='length')}\n\n"), ["LUMA_LLM_MAX_ANSWER_TOKENS"]),
        (response(f"data: {delta('', finish_reason='content_filter')}\n\n"), ["content filter"]),
        (response("data: " + "x" * (2 << 20)), ["more than an answer can be"]),
        (response("data: x\n" * 600_000), ["more than an answer can be"]),
        (response("{" + " " * (9 << 20)), ["more than an answer can be"]),
    ],
)
async def test_failures_name_the_server_and_the_cause(
    canned_server: CannedServer, reply: bytes, words: list[str]
) -> None:
    canned_server.replies = [reply]
    with pytest.raises(LLMError) as raised:
        await ask(canned_server)
    detail = raised.value.detail
    assert f"The LLM server at 127.0.0.1:{canned_server.port} " in detail
    assert len(detail) < 700
    for word in words:
        assert word in detail
    assert len(canned_server.requests) == 1


async def test_key_and_credentials_are_not_shown(canned_server: CannedServer) -> None:
    body = f'{{"error": {{"message": "{"x" * 290} wrong key {KEY}"}}}}'
    canned_server.replies = [response(body, status="401 Unauthorized")]
    with pytest.raises(LLMError) as raised:
        await ask(f"http://me:pass@127.0.0.1:{canned_server.port}/v1?token=hush")
    for secret in ("sk-secret", "pass", "hush", "me:"):
        assert secret not in raised.value.detail


@pytest.mark.parametrize("status", ["429 Too Many", "502 Bad", "503 Busy", "504 Late"])
async def test_retries_before_the_first_token(canned_server: CannedServer, status: str) -> None:
    # b"": the server closes the connection
    canned_server.replies = [response("", status=status), b"", streamed("yes")]
    assert await ask(canned_server) == "yes"
    assert len(canned_server.requests) == 3


async def test_stops_after_two_retries(canned_server: CannedServer) -> None:
    canned_server.replies = [response("busy", status="503 Busy")] * 4
    with pytest.raises(LLMError, match="503: busy"):
        await ask(canned_server)
    assert len(canned_server.requests) == 3


async def test_honors_retry_after(canned_server: CannedServer) -> None:
    canned_server.replies = [response("", status="429 Slow", more="Retry-After: 1\r\n"), streamed("yes")]
    began = time.monotonic()
    assert await ask(canned_server) == "yes"
    assert 1.0 <= time.monotonic() - began < 3.0


async def test_does_not_wait_for_minutes(canned_server: CannedServer) -> None:
    canned_server.replies = [response("", status="429 Slow", more="Retry-After: 600\r\n"), streamed("yes")]
    with pytest.raises(LLMError, match="429") as raised:
        await ask(canned_server)
    assert raised.value.retry_after == 600
    assert len(canned_server.requests) == 1


async def test_no_retry_after_the_first_token(canned_server: CannedServer) -> None:
    cut = response(f"data: {delta('half')}\n\n", more="Content-Length: 5000\r\n", length=False)
    canned_server.replies = [cut, streamed("other")]
    model = OpenAIModel(canned_server.base_url, model="m")
    pieces = model.stream(QUESTION, max_tokens=7)
    assert await anext(pieces) == "half"
    with pytest.raises(LLMError, match="broke off"):
        await anext(pieces)
    assert len(canned_server.requests) == 1
    await model.aclose()


async def test_stream_without_end_marker_is_an_error(canned_server: CannedServer) -> None:
    canned_server.replies = [response(f"data: {delta('half')}\n\n", length=False)]
    with pytest.raises(LLMError, match="before the answer did"):
        await ask(canned_server)


async def test_refused_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(LLMError, match=f"127.0.0.1:{port} can't be reached: .*LUMA_LLM_BASE_URL"):
            await ask(f"http://127.0.0.1:{port}/v1")


async def test_timeout_between_tokens(canned_server: CannedServer) -> None:
    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(response(f"data: {delta('a')}\n\n", length=False))
        await asyncio.sleep(60)

    canned_server.replies = [reply]
    with pytest.raises(LLMError, match=r"sent nothing for 0.2 s\..*LUMA_LLM_TOKEN_TIMEOUT"):
        await ask(canned_server, token_timeout=0.2)


async def test_closing_the_stream_closes_the_connection(canned_server: CannedServer) -> None:
    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(response("", length=False))
        while True:
            writer.write(f"data: {delta('and so on ')}\n\n".encode())
            await writer.drain()
            await asyncio.sleep(0.01)

    canned_server.replies = [reply]
    model = OpenAIModel(canned_server.base_url, model="m")
    async with aclosing(model.stream(QUESTION, max_tokens=7)) as pieces:
        assert await anext(pieces) == "and so on "
        assert not canned_server.client_left.is_set()
    async with asyncio.timeout(2):
        await canned_server.client_left.wait()
    await model.aclose()


async def test_cancelling_closes_the_connection(canned_server: CannedServer) -> None:
    requested = asyncio.Event()

    async def reply(writer: asyncio.StreamWriter) -> None:
        requested.set()
        writer.write(response("", length=False))
        await asyncio.sleep(60)

    canned_server.replies = [reply]
    task = asyncio.create_task(ask(canned_server))
    async with asyncio.timeout(5):
        await requested.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(2):
        await canned_server.client_left.wait()


async def test_model_list_is_requested_once(canned_server: CannedServer) -> None:
    models = response('{"data": [{"id": "first"}, {"id": "second"}]}', kind="application/json")
    canned_server.replies = [models, streamed("a"), streamed("b")]
    model = OpenAIModel(canned_server.base_url)
    assert model.name == f"127.0.0.1:{canned_server.port}"
    for _ in range(2):
        assert [piece async for piece in model.stream(QUESTION, max_tokens=7)]
    assert [request.path for request in canned_server.requests] == [
        "/v1/models",
        "/v1/chat/completions",
        "/v1/chat/completions",
    ]
    assert canned_server.requests[2].body["model"] == model.name == "first"
    await model.aclose()


@pytest.mark.parametrize("body", ['{"data": []}', "[]", "nonsense", "[" * 100_000])
async def test_missing_model_list(canned_server: CannedServer, body: str) -> None:
    canned_server.replies = [response(body)]
    with pytest.raises(LLMError, match="LUMA_LLM_MODEL"):
        await ask(canned_server, model=None)


async def test_omits_options_the_server_rejects(canned_server: CannedServer) -> None:
    canned_server.replies = [
        response(
            '{"error": {"message": "Unsupported parameter: \'max_tokens\'. Use \'max_completion_tokens\'."}}',
            status="400 Bad",
        ),
        response('{"error": {"message": "Unsupported value: \'temperature\'"}}', status="400 Bad"),
        streamed("yes"),
    ]
    assert await ask(canned_server) == "yes"
    body = canned_server.requests[-1].body
    assert body["max_completion_tokens"] == 7
    assert not {"max_tokens", "temperature"} & body.keys()


def _subclasses(kind: type[BaseException]) -> set[type[BaseException]]:
    return {kind}.union(*map(_subclasses, kind.__subclasses__()))


HTTPX_ERRORS = sorted(
    (
        kind
        for kind in set().union(
            *map(_subclasses, (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError))
        )
        if kind.__module__ == "httpx"
    ),
    key=lambda kind: kind.__name__,
)


def _made(kind: type[BaseException]) -> BaseException:
    request = httpx.Request("POST", "http://x")
    if kind is httpx.HTTPStatusError:
        return kind("text", request=request, response=httpx.Response(500))  # type: ignore[call-arg]
    for arguments in (("text",), ()):
        try:
            return kind(*arguments)
        except TypeError:
            continue
    raise AssertionError(kind)


def test_list_of_httpx_errors_is_complete() -> None:
    public = {
        value
        for name in httpx.__all__
        if isinstance(value := getattr(httpx, name), type) and issubclass(value, Exception)
    }
    assert public == set(HTTPX_ERRORS)


@pytest.mark.parametrize("where", ["asking", "reading"])
@pytest.mark.parametrize("kind", HTTPX_ERRORS, ids=lambda kind: kind.__name__)
async def test_httpx_errors_are_translated(kind: type[BaseException], where: str) -> None:
    class Body(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            yield f"data: {delta('a')}\n\n".encode()
            raise _made(kind)

    class Transport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if where == "asking":
                raise _made(kind)
            return httpx.Response(200, stream=Body())

    async with httpx.AsyncClient(transport=Transport()) as client:
        with pytest.raises(LLMError, match=r"The LLM server at host\.example:80 ") as raised:
            await ask("http://host.example/v1", client=client)
        assert not client.is_closed
    assert isinstance(raised.value.__cause__, kind)


@pytest.mark.parametrize(
    "base_url", ["", "localhost:8080/v1", "ftp://host/v1", "http://", "http://[::1/v1", "http://a b/v1\x00"]
)
def test_invalid_address(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="LUMA_LLM_BASE_URL"):
        OpenAIModel(base_url)


@pytest.mark.parametrize("api_key", ["schlüssel", "two\nlines"])
def test_invalid_key(api_key: str) -> None:
    with pytest.raises(ConfigurationError, match="LUMA_LLM_API_KEY") as raised:
        OpenAIModel("http://host/v1", api_key=api_key)
    assert api_key not in raised.value.detail


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "plain"])
async def test_pieces_in_quick_succession_are_passed_on_together(
    canned_server: CannedServer, chunked: bool
) -> None:
    count = 300

    def framed(event: str) -> bytes:
        data = f"data: {event}\n\n"
        return f"{len(data):x}\r\n{data}\r\n".encode() if chunked else data.encode()

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(response("", length=False, more="Transfer-Encoding: chunked\r\n" if chunked else ""))
        for number in range(count):
            writer.write(framed(delta(f"{number} ")))
            await writer.drain()
            await asyncio.sleep(0.001)
        writer.write(framed("[DONE]") + (b"0\r\n\r\n" if chunked else b""))
        await writer.drain()

    canned_server.replies = [reply]
    model = OpenAIModel(canned_server.base_url, model="m")
    pieces = [piece async for piece in model.stream(QUESTION, max_tokens=7)]
    assert "".join(map(str, pieces)) == "".join(f"{number} " for number in range(count))
    # The first token is not held back.
    assert pieces[0] == "0 "
    assert len(pieces) < count / 4
    await model.aclose()


@pytest.mark.parametrize("ends", [True, False], ids=["body ends", "body stays open"])
async def test_a_connection_serves_the_next_question(ends: bool) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := (await reader.readuntil(b"\r\n\r\n")).lower():
                await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                events = f"data: {delta('yes')}\n\ndata: [DONE]\n\n".encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n" + f"{len(events):x}\r\n".encode() + events + b"\r\n"
                )
                await writer.drain()
                # A moment later, as from a server that flushes each event.
                await asyncio.sleep(0.01)
                writer.write(b"0\r\n\r\n" if ends else b"")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        model = OpenAIModel(f"http://127.0.0.1:{port}/v1", model="m")
        for _ in range(3):
            assert [piece async for piece in model.stream(QUESTION, max_tokens=7)] == ["yes"]
        await model.aclose()
    assert connections == (1 if ends else 3)
