"""OpenAI's chat completions, as far as Luma supports them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from luma_rag.chat.answerer import HistoryMessage
from luma_rag.chat.messages import CitationView, MessageView
from luma_rag.chat.prompt import estimate_tokens
from luma_rag.chat.running import Delta, TurnEvent
from luma_rag.errors import FieldError, InvalidInputError, NotFoundError
from luma_rag.http.errors import Problem
from luma_rag.http.errors import problem as problem_of
from luma_rag.http.events import WAITING, server_sent_event
from luma_rag.http.input import Question
from luma_rag.http.markdown_images import ImageFilter, without_images
from luma_rag.llm.protocol import Reasoning

PREFIX = "luma/"
_MAX_ID = 2**31 - 1
_DONE = server_sent_event(b"[DONE]")


class Part(msgspec.Struct, frozen=True):
    """A part of a message. Only the type `text` is supported."""

    type: str
    text: str | None = None


class RequestMessage(msgspec.Struct, frozen=True):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """`include_usage` adds a chunk with the used tokens to the end of a stream."""

    include_usage: bool | None = None


class CompletionRequest(msgspec.Struct, frozen=True):
    """A request for a chat completion. Other options, such as `temperature`, have no effect.

    `model` is `luma/{namespace_id}`. The last message is the question and must be from the user; the earlier
    ones are the history. System messages are ignored, since Luma has its own.
    """

    model: str
    messages: Annotated[list[RequestMessage], Meta(min_length=1, max_length=1000)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None

    def parsed(self) -> tuple[int, str, list[HistoryMessage]]:
        """The namespace id, the question and the history.

        Raises:
            InvalidInputError: the request needs an unsupported feature.
            NotFoundError: the model is unknown.
        """
        self._reject_unsupported()
        number = self.model.removeprefix(PREFIX)
        if number == self.model or not (number.isascii() and number.isdecimal() and len(number) <= 10):
            raise NotFoundError(
                f"Model not found. GET /v1/models lists the available models, such as {PREFIX}1."
            )
        messages = [
            (message.role, _text(message, f"messages[{i}].content"))
            for i, message in enumerate(self.messages)
            if message.role not in ("system", "developer")
        ]
        if not messages or messages[-1][0] != "user":
            raise _unsupported("messages", "must end with a message from the user")
        try:
            question = msgspec.convert(messages[-1][1], Question)
        except msgspec.ValidationError:
            raise _unsupported(
                "messages", "must end with a question of 1 to 20000 characters, without NUL"
            ) from None
        history = [HistoryMessage("user" if role == "user" else "LLM", text) for role, text in messages[:-1]]
        # The database has no larger ids.
        return min(int(number), _MAX_ID), question, history

    def _reject_unsupported(self) -> None:
        if self.tools or self.functions:
            raise _unsupported("tools", "tools are not supported")
        if self.n is not None and self.n != 1:
            raise _unsupported("n", "must be 1")
        if self.response_format and self.response_format.get("type") != "text":
            raise _unsupported("response_format", "must be of type text")


class LumaPart(msgspec.Struct, frozen=True):
    """Luma's addition to a message: the chat that stores it, and the citations behind `[n]` in the text."""

    chat_id: int
    message_id: int
    citations: list[CitationView]


class AnswerMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message or, in a stream, a delta. The last delta has `luma`.

    `reasoning_content` is what the model thought before it answered, under the name that DeepSeek and vLLM
    have given it.
    """

    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None
    luma: LumaPart | None = None


class Choice(msgspec.Struct, frozen=True):
    """The answer. `finish_reason` is `stop`, or why it ends early: `length` or `content_filter`."""

    message: AnswerMessage
    index: int = 0
    finish_reason: str | None = "stop"


class ChunkChoice(msgspec.Struct, frozen=True):
    """A delta of the answer."""

    delta: AnswerMessage
    index: int = 0
    finish_reason: str | None = None


class Usage(msgspec.Struct, frozen=True):
    """Estimated tokens of the sent messages and of the answer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(msgspec.Struct, frozen=True):
    """A complete answer. `created` is in seconds since 1970."""

    id: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    object: Literal["chat.completion"] = "chat.completion"


class CompletionChunk(msgspec.Struct, frozen=True):
    """One event of a streamed answer."""

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | msgspec.UnsetType | None = msgspec.UNSET
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"


class APIError(msgspec.Struct, frozen=True):
    """An error in OpenAI's format."""

    message: str
    type: str
    code: str
    param: str | None


class OpenAIProblem(Problem, frozen=True, kw_only=True):
    """A problem with an additional member `error` for OpenAI's clients."""

    error: APIError


def openai_problem(problem: Problem) -> OpenAIProblem:
    """The problem with `error`."""
    fields = problem.errors or []
    error = APIError(
        message=" ".join([problem.detail, *(f"{field['field']}: {field['message']}." for field in fields)]),
        type="invalid_request_error" if problem.status < 500 else "server_error",
        code=_CODES.get(problem.status, problem.code),
        param=fields[0]["field"] if fields else None,
    )
    return OpenAIProblem(**msgspec.structs.asdict(problem), error=error)


# OpenAI's own codes, where its clients check for them.
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


async def whole(
    request: CompletionRequest, question: MessageView, turn: AsyncGenerator[TurnEvent]
) -> Completion:
    """The complete answer, without images.

    Raises:
        LLMError: the LLM failed.
    """
    answer = question
    async with aclosing(turn):
        async for event in turn:
            if event.event == "llm_message" and isinstance(event.data, MessageView):
                answer = event.data
    return Completion(
        _id(question),
        _created(question),
        request.model,
        [
            Choice(
                AnswerMessage("assistant", without_images(answer.content), answer.reasoning, _luma(answer)),
                finish_reason=answer.cut_off or "stop",
            )
        ],
        _usage(request, answer.content),
    )


async def pieces(
    request: CompletionRequest, question: MessageView, turn: AsyncGenerator[TurnEvent]
) -> AsyncGenerator[bytes]:
    """The answer as OpenAI's events, without images. If it fails, the last event has an `error`."""
    with_usage = request.stream_options is not None and bool(request.stream_options.include_usage)

    def chunk(choices: list[ChunkChoice], usage: Usage | None = None) -> bytes:
        return _message(
            CompletionChunk(
                _id(question),
                _created(question),
                request.model,
                choices,
                usage if with_usage else msgspec.UNSET,
            )
        )

    shown = ImageFilter()
    yield chunk([ChunkChoice(AnswerMessage("assistant", ""))])
    async with aclosing(turn):
        try:
            async for event in turn:
                match event.data:
                    case None:
                        yield WAITING
                    case Delta(text):
                        if piece := shown.feed(text):
                            yield chunk([ChunkChoice(AnswerMessage(content=piece))])
                    case Reasoning(text):
                        yield chunk([ChunkChoice(AnswerMessage(reasoning_content=text))])
                    case MessageView() as answer:
                        if rest := shown.end():
                            yield chunk([ChunkChoice(AnswerMessage(content=rest))])
                        reason = answer.cut_off or "stop"
                        yield chunk([ChunkChoice(AnswerMessage(luma=_luma(answer)), finish_reason=reason)])
                        if with_usage:
                            yield chunk([], _usage(request, answer.content))
            yield _DONE
        except Exception as error:
            yield _message(openai_problem(problem_of(error)))


def _message(data: msgspec.Struct) -> bytes:
    return server_sent_event(msgspec.json.encode(data))


def _text(message: RequestMessage, field: str) -> str:
    if message.role in ("tool", "function"):
        raise _unsupported(field, "tools are not supported")
    if isinstance(message.content, list):
        for part in message.content:
            if part.type not in ("text", "refusal"):
                raise _unsupported(field, "must be text; upload files as documents instead")
        return "".join(part.text or "" for part in message.content)
    return message.content or ""


def _unsupported(field: str, message: str) -> InvalidInputError:
    return InvalidInputError("The request is not supported.", errors=[FieldError(field, message)])


def _luma(answer: MessageView) -> LumaPart:
    return LumaPart(answer.chat_id, answer.id, answer.citations)


def _id(question: MessageView) -> str:
    return f"chatcmpl-{question.id}"


def _created(question: MessageView) -> int:
    return int(question.time_sent.timestamp())


def _usage(request: CompletionRequest, answer: str) -> Usage:
    sent = [part.text or "" for m in request.messages if isinstance(m.content, list) for part in m.content]
    sent += [m.content for m in request.messages if isinstance(m.content, str)]
    prompt, completion = sum(map(estimate_tokens, sent)), estimate_tokens(answer)
    return Usage(prompt, completion, prompt + completion)
