"""OpenAI's chat completions, as far as Luma takes and gives them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

import msgspec
from litestar.response import ServerSentEventMessage
from msgspec import Meta

from luma_rag.chat.answerer import HistoryMessage
from luma_rag.chat.history import CitationView, MessageView
from luma_rag.chat.prompt import estimate_tokens
from luma_rag.chat.service import Delta, TurnEvent
from luma_rag.errors import FieldError, InvalidInputError, NotFoundError
from luma_rag.http.errors import Problem, log_failure, problem
from luma_rag.http.events import WAITING
from luma_rag.http.input import Question

PREFIX = "luma/"
_MAX_ID = 2**31 - 1
_DONE = ServerSentEventMessage("[DONE]")


class Part(msgspec.Struct, frozen=True):
    """A part of a message; only those of type `text` can be read."""

    type: str
    text: str | None = None


class RequestMessage(msgspec.Struct, frozen=True):
    """A message of the conversation so far."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """`include_usage` adds a chunk with the tokens used at the end of a stream."""

    include_usage: bool | None = None


class CompletionRequest(msgspec.Struct, frozen=True):
    """A request for a chat completion. What is not named here, such as `temperature`, has no effect.

    `model` is `luma/{namespace_id}`. The last message is the question and has to be the user's; those before
    it are what was said so far. Messages of the system are not followed: Luma has rules of its own.
    """

    model: str
    messages: Annotated[list[RequestMessage], Meta(min_length=1, max_length=1000)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None

    def asked(self) -> tuple[int, str, list[HistoryMessage]]:
        """The namespace, the question, and what was said before it.

        Raises:
            InvalidInputError: it asks for something that Luma can't do.
            NotFoundError: the model is none of Luma's.
        """
        self._refuse_what_is_not_done()
        number = self.model.removeprefix(PREFIX)
        if number == self.model or not (number.isascii() and number.isdecimal() and len(number) <= 10):
            raise NotFoundError(
                f"Model not found. GET /v1/models lists the available models, such as {PREFIX}1."
            )
        said = [
            (message.role, _text(message, f"messages[{i}].content"))
            for i, message in enumerate(self.messages)
            if message.role not in ("system", "developer")
        ]
        if not said or said[-1][0] != "user":
            raise _refused("messages", "must end with a message from the user")
        try:
            question = msgspec.convert(said[-1][1], Question)
        except msgspec.ValidationError:
            raise _refused(
                "messages", "must end with a question of 1 to 20000 characters, without NUL"
            ) from None
        history = [HistoryMessage("user" if role == "user" else "LLM", text) for role, text in said[:-1]]
        # No namespace has a number that the database can't hold.
        return min(int(number), _MAX_ID), question, history

    def _refuse_what_is_not_done(self) -> None:
        if self.tools or self.functions:
            raise _refused("tools", "tools are not supported")
        if self.n is not None and self.n != 1:
            raise _refused("n", "must be 1")
        if self.response_format and self.response_format.get("type") != "text":
            raise _refused("response_format", "must be of type text")


class LumaPart(msgspec.Struct, frozen=True):
    """What Luma adds to a message: the chat it was stored in, and what `[n]` in the text stands for."""

    chat_id: int
    message_id: int
    citations: list[CitationView]


class AnswerMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message, or in a stream a piece of one; `luma` comes with the last piece."""

    role: str | None = None
    content: str | None = None
    luma: LumaPart | None = None


class Choice(msgspec.Struct, frozen=True):
    """The answer."""

    message: AnswerMessage
    index: int = 0
    finish_reason: str | None = "stop"


class ChunkChoice(msgspec.Struct, frozen=True):
    """A piece of the answer."""

    delta: AnswerMessage
    index: int = 0
    finish_reason: str | None = None


class Usage(msgspec.Struct, frozen=True):
    """Tokens of the messages that were sent and of the answer, as Luma estimates them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(msgspec.Struct, frozen=True):
    """A whole answer; `created` in seconds since 1970."""

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
    """An error as OpenAI's clients read it."""

    message: str
    type: str
    code: str
    param: str | None


class OpenAIProblem(Problem, frozen=True, kw_only=True):
    """A problem that also says in `error` what OpenAI's clients look for."""

    error: APIError


def openai_problem(shown: Problem) -> OpenAIProblem:
    """The same problem with `error`."""
    fields = shown.errors or []
    error = APIError(
        message=" ".join([shown.detail, *(f"{each['field']}: {each['message']}." for each in fields)]),
        type="invalid_request_error" if shown.status < 500 else "server_error",
        code=_CODES.get(shown.status, shown.code),
        param=fields[0]["field"] if fields else None,
    )
    return OpenAIProblem(**msgspec.structs.asdict(shown), error=error)


# OpenAI's own codes, where its clients check for them.
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


async def whole(
    request: CompletionRequest, asked: MessageView, turn: AsyncGenerator[TurnEvent]
) -> Completion:
    """The answer in one piece.

    Raises:
        LLMError: the LLM failed.
    """
    answer = asked
    async with aclosing(turn):
        async for event in turn:
            if event.event == "llm_message" and isinstance(event.data, MessageView):
                answer = event.data
    return Completion(
        _id(asked),
        _created(asked),
        request.model,
        [Choice(AnswerMessage("assistant", answer.content, _luma(answer)))],
        _usage(request, answer.content),
    )


async def pieces(
    request: CompletionRequest, asked: MessageView, turn: AsyncGenerator[TurnEvent]
) -> AsyncGenerator[ServerSentEventMessage]:
    """The answer as OpenAI's events. If it fails, the last event has an `error`."""
    counts = request.stream_options is not None and bool(request.stream_options.include_usage)

    def chunk(choices: list[ChunkChoice], usage: Usage | None = None) -> ServerSentEventMessage:
        return _message(
            CompletionChunk(
                _id(asked), _created(asked), request.model, choices, usage if counts else msgspec.UNSET
            )
        )

    yield chunk([ChunkChoice(AnswerMessage("assistant", ""))])
    async with aclosing(turn):
        try:
            async for event in turn:
                match event.data:
                    case None:
                        yield WAITING
                    case Delta(text):
                        yield chunk([ChunkChoice(AnswerMessage(content=text))])
                    case MessageView() as answer:
                        yield chunk([ChunkChoice(AnswerMessage(luma=_luma(answer)), finish_reason="stop")])
                        if counts:
                            yield chunk([], _usage(request, answer.content))
            yield _DONE
        except Exception as error:
            log_failure("An answer", error)
            yield _message(openai_problem(problem(error)))


def _message(data: msgspec.Struct) -> ServerSentEventMessage:
    return ServerSentEventMessage(msgspec.json.encode(data))


def _text(message: RequestMessage, field: str) -> str:
    if message.role in ("tool", "function"):
        raise _refused(field, "tools are not supported")
    if isinstance(message.content, list):
        for part in message.content:
            if part.type not in ("text", "refusal"):
                raise _refused(field, "must be text; upload files as documents instead")
        return "".join(part.text or "" for part in message.content)
    return message.content or ""


def _refused(field: str, why: str) -> InvalidInputError:
    return InvalidInputError("The request is not supported.", errors=[FieldError(field, why)])


def _luma(answer: MessageView) -> LumaPart:
    return LumaPart(answer.chat_id, answer.id, answer.citations)


def _id(asked: MessageView) -> str:
    return f"chatcmpl-{asked.id}"


def _created(asked: MessageView) -> int:
    return int(asked.time_sent.timestamp())


def _usage(request: CompletionRequest, answer: str) -> Usage:
    sent = [part.text or "" for m in request.messages if isinstance(m.content, list) for part in m.content]
    sent += [m.content for m in request.messages if isinstance(m.content, str)]
    prompt, completion = sum(map(estimate_tokens, sent)), estimate_tokens(answer)
    return Usage(prompt, completion, prompt + completion)
