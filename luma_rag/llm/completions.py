"""Parses the body of a chat completion: a stream of events, or one JSON document."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from typing import Any

import msgspec

from luma_rag.llm import sse
from luma_rag.llm.protocol import Usage

BODY_LIMIT = 8 * 1024 * 1024
"""Maximum bytes of a JSON document; far more than any model writes."""

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Errors of decoding untrusted JSON; the last one occurs if it is nested thousands deep."""


class NotACompletionError(Exception):
    """`body` is not part of a chat completion."""

    def __init__(self, body: bytes) -> None:
        super().__init__("not a chat completion")
        self.body = body


class ReportedError(Exception):
    """The server reported an error in `body`; `status` is its numeric code, or 0."""

    def __init__(self, body: bytes, status: int) -> None:
        super().__init__("the server reported an error")
        self.body = body
        self.status = status


class Part(msgspec.Struct, frozen=True):
    """A piece of the answer. `finish_reason` is in the last one ("stop", "length", …).

    `reasoning` is what the server itself has separated from the text, which it precedes.
    """

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    whole: bool = False
    """The server says that nothing follows."""
    usage: Usage | None = None


class _Message(msgspec.Struct):
    content: Any = None
    refusal: Any = None
    # The names that DeepSeek and vLLM, OpenRouter and Ollama, and others have for it.
    reasoning_content: Any = None
    reasoning: Any = None
    thinking: Any = None


class _Choice(msgspec.Struct):
    delta: _Message | None = None
    message: _Message | None = None
    text: Any = None
    finish_reason: str | None = None
    error: Any = None


class _Completion(msgspec.Struct):
    choices: list[_Choice] | None = None
    error: Any = None
    usage: Any = None
    # Of errors without a frame.
    object: Any = None
    message: Any = None
    detail: Any = None
    code: Any = None


async def parts(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Part, None]:
    """Yield the parts of the answer in a body, those of a chunk as one. Everything else is skipped.

    Servers that ignore `stream` are recognized by the first character, because their Content-Type is
    unreliable.

    Raises:
        NotACompletionError: the body is something other than a completion.
        ReportedError: the body is an error.
        sse.EventTooLongError: it is longer than any answer can be.
    """
    head = b""
    async for chunk in chunks:
        head = (head + chunk).lstrip(b"\xef\xbb\xbf \t\r\n")
        if head:
            break
    if head.startswith(b"{"):
        async for chunk in chunks:
            head += chunk
            if len(head) > BODY_LIMIT:
                raise sse.EventTooLongError
        yield _part(head)
        yield Part(whole=True)
        return
    parser = sse.EventParser()
    async for chunk in _after(head, chunks):
        for part in _merged(parser.feed(chunk)):
            yield part
            if part.whole:
                return
    for part in _merged(parser.close()):
        yield part


def _merged(events: Iterable[bytes]) -> Iterator[Part]:
    """The parts of these events as one, also before an error: passing on each by itself is expensive."""
    merged = Part()
    for event in events:
        if event == sse.DONE:
            merged = msgspec.structs.replace(merged, whole=True)
            break
        try:
            part = _part(event)
        except (NotACompletionError, ReportedError):
            yield merged
            raise
        if merged.text and part.reasoning:
            # They would change places.
            yield merged
            merged = Part()
        merged = Part(
            text=merged.text + part.text,
            reasoning=merged.reasoning + part.reasoning,
            finish_reason=part.finish_reason or merged.finish_reason,
            usage=part.usage or merged.usage,
        )
    yield merged


def _part(event: bytes) -> Part:
    try:
        completion = msgspec.json.decode(event, type=_Completion)
    except NOT_JSON:
        raise NotACompletionError(event) from None
    if error := _error(completion):
        code = error.get("code", completion.code) if isinstance(error, dict) else completion.code
        raise ReportedError(event, _status(code))
    usage = _usage(completion.usage)
    if not completion.choices:  # such as the usage at the end of a stream
        return Part(usage=usage)
    choice = completion.choices[0]
    message = choice.delta or choice.message
    return Part(
        text=_text(message) or _string(choice.text),
        reasoning=_reasoning(message),
        finish_reason=choice.finish_reason,
        usage=usage,
    )


def _error(completion: _Completion) -> Any:
    """The error in what should be a completion, or None."""
    if completion.error:
        return completion.error
    if not completion.choices:
        return completion.message or completion.detail or (completion.object == "error") or None
    return completion.choices[0].error


def _status(code: Any) -> int:
    if isinstance(code, str) and code.isascii() and code.isdecimal():
        code = int(code)
    return code if isinstance(code, int) and 100 <= code <= 599 else 0


def _usage(sent: Any) -> Usage | None:
    """The token counts if the server reports them; unknown formats are ignored."""
    try:
        return msgspec.convert(sent, Usage)
    except msgspec.ValidationError:
        return None


def _text(message: _Message | None) -> str:
    """The text of a message, or the words in which the model refuses to answer."""
    if message is None:
        return ""
    return _string(message.content) or _string(message.refusal)


def _reasoning(message: _Message | None) -> str:
    if message is None:
        return ""
    return _string(message.reasoning_content) or _string(message.reasoning) or _string(message.thinking)


def _string(content: Any) -> str:
    """A text; some servers send a list of typed parts, of which only text counts."""
    if isinstance(content, list):
        texts = (
            item.get("text") for item in content if isinstance(item, dict) and item.get("type") == "text"
        )
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


async def _after(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk
