"""Requests for OpenAI's chat completions, as far as Luma heeds them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from luma_rag.chat.answerer import AnswerOptions, HistoryMessage
from luma_rag.errors import FieldError, InvalidInputError
from luma_rag.http.input import NO_NUL, Question
from luma_rag.llm.protocol import Sampling

# The prompts by which Open WebUI has titles, tags and follow-up questions made.
_TASK = "### Task:"


class Part(msgspec.Struct, frozen=True):
    """A part of a message. Only the types `text` and `refusal` are read."""

    type: str
    text: str | None = None
    refusal: str | None = None


class RequestMessage(msgspec.Struct, frozen=True):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """Its text, without pictures and other parts."""
        if isinstance(self.content, list):
            return "".join(part.text or part.refusal or "" for part in self.content)
        return self.content or ""


class StreamOptions(msgspec.Struct, frozen=True):
    """`include_usage` adds a chunk with the used tokens to the end of a stream."""

    include_usage: bool | None = None


class Asked(msgspec.Struct, frozen=True):
    """What a request asks. `ignored` says what of it has no effect."""

    question: str
    history: list[HistoryMessage]
    options: AnswerOptions
    is_task: bool
    ignored: list[str]


class CompletionRequest(msgspec.Struct, frozen=True):
    """A request for a chat completion.

    `model` is `luma/{namespace_id}`, or the name of a namespace. The last message of the user is the
    question; the earlier ones are the history. System messages reach the LLM after Luma's own, and so do
    `temperature`, `top_p`, `max_tokens`, `stop`, and `seed`. With `store: false`, nothing is stored. What
    Luma does not offer (tools, pictures, other formats, and several answers) has no effect, and is named in
    `luma.ignored`.
    """

    model: Annotated[str, Meta(max_length=300, pattern=NO_NUL)]
    messages: Annotated[list[RequestMessage], Meta(min_length=1, max_length=1000)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    stop: str | Annotated[list[str], Meta(max_length=16)] | None = None
    seed: int | None = None
    store: bool | None = None
    n: int | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None

    def asked(self) -> Asked:
        """The question with all that belongs to it.

        Raises:
            InvalidInputError: there is no question.
        """
        conversation = [message for message in self.messages if message.role in ("user", "assistant")]
        while conversation and conversation[-1].role != "user":
            conversation.pop()
        text = conversation[-1].text if conversation else ""
        is_task = text.lstrip().startswith(_TASK)
        history = [
            # The database knows no NUL.
            HistoryMessage("user" if message.role == "user" else "LLM", message.text.replace("\0", ""))
            for message in conversation[:-1]
        ]
        return Asked(self._question(text), history, self._options(), is_task, self._ignored())

    def _question(self, text: str) -> str:
        try:
            return msgspec.convert(text, Question)
        except msgspec.ValidationError:
            message = "must have a question from the user, of 1 to 20000 characters, without NUL"
            raise InvalidInputError(
                "The request has no question.", errors=[FieldError("messages", message)]
            ) from None

    def _options(self) -> AnswerOptions:
        instructions = [message.text for message in self.messages if message.role in ("system", "developer")]
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return AnswerOptions(
            "\n\n".join(filter(None, instructions)),
            self.max_completion_tokens or self.max_tokens,
            Sampling(self.temperature, self.top_p, self.seed, tuple(stop)),
        )

    def _ignored(self) -> list[str]:
        parts = [part for m in self.messages if isinstance(m.content, list) for part in m.content]
        is_ignored = {
            "tools": bool(self.tools or self.functions),
            "tool messages": any(message.role in ("tool", "function") for message in self.messages),
            "parts that are not text": any(part.type not in ("text", "refusal") for part in parts),
            "response_format": (self.response_format or {}).get("type", "text") != "text",
            "n": self.n not in (None, 1),
        }
        return [name for name, is_so in is_ignored.items() if is_so]
