"""OpenAI's chat completions, as far as Luma supports them."""

import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import Literal

import msgspec

from luma_rag.chat.citations import citation_spans
from luma_rag.chat.messages import CitationView, MessageView
from luma_rag.chat.prompt import estimate_tokens
from luma_rag.chat.running import Delta, TurnEvent
from luma_rag.http.completion_request import CompletionRequest
from luma_rag.http.errors import Problem
from luma_rag.http.errors import problem as problem_of
from luma_rag.http.events import WAITING, server_sent_event
from luma_rag.http.markdown_images import ImageFilter, without_images
from luma_rag.llm import protocol
from luma_rag.llm.protocol import AllReasoning, Reasoning

PREFIX = "luma/"
_END_OF_REASONING = "</think>"
_DONE = server_sent_event(b"[DONE]")


class LumaPart(msgspec.Struct, frozen=True):
    """Luma's addition to a message: the chat that stores it, and the citations behind `[n]` in the text.

    The ids are null if nothing was stored. `ignored` names what of the request has no effect.
    """

    chat_id: int | None
    message_id: int | None
    citations: list[CitationView]
    ignored: list[str]


class URLCitation(msgspec.Struct, frozen=True):
    """A source. `url` opens the cited page in Luma; the text between the indices is the citation."""

    url: str
    title: str
    start_index: int
    end_index: int


class Annotation(msgspec.Struct, frozen=True):
    """A citation in OpenAI's form."""

    url_citation: URLCitation
    type: Literal["url_citation"] = "url_citation"


class AnswerMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message or, in a stream, a delta. The last delta has `luma`.

    `reasoning_content` is what the model thought before it answered, under the name that DeepSeek and vLLM
    have given it.
    """

    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None
    annotations: list[Annotation] | None = None
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
    """Tokens of the prompt and of the answer: those of the LLM, or estimates where it does not tell them."""

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


class Answering:
    """The answer to a request, in OpenAI's form.

    `question` is the first message of `turn`. `base` is the address of Luma, and `path` that of the namespace
    in its page.
    """

    def __init__(
        self,
        request: CompletionRequest,
        question: MessageView,
        turn: AsyncGenerator[TurnEvent],
        *,
        ignored: list[str],
        base: str,
        path: str,
    ) -> None:
        self._request = request
        self._question = question
        self._turn = turn
        self._ignored = ignored
        self._base = base.rstrip("/")
        self._path = path
        self._id = f"chatcmpl-{question.id or secrets.token_hex(12)}"
        self._created = int(question.time_sent.timestamp())
        self._usage: protocol.Usage | None = None
        self._shown, self._thoughts = ImageFilter(), ImageFilter()
        # What was sent so far, and where in it the answer begins.
        self._text, self._begins = "", 0

    async def whole(self) -> Completion:
        """The complete answer, without images.

        Raises:
            LLMError: the LLM failed.
        """
        answer = self._question
        async with aclosing(self._turn):
            async for event in self._turn:
                if isinstance(event.data, protocol.Usage):
                    self._usage = event.data
                if event.event == "llm_message" and isinstance(event.data, MessageView):
                    answer = event.data
        shown = without_images(answer.content)
        message = AnswerMessage(
            "assistant",
            shown,
            None if answer.reasoning is None else without_images(answer.reasoning),
            self._annotations(answer, shown),
            self._luma(answer),
        )
        choice = Choice(message, finish_reason=answer.cut_off or "stop")
        return Completion(
            self._id, self._created, self._request.model, [choice], self._counted(answer.content)
        )

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The answer as OpenAI's events, without images. If it fails, the last event has an `error`."""
        yield self._chunk(AnswerMessage("assistant", ""))
        async with aclosing(self._turn):
            try:
                async for event in self._turn:
                    for piece in self._pieces_of(event.data):
                        yield piece
                yield _DONE
            except Exception as error:
                yield _message(openai_problem(problem_of(error)))

    def _pieces_of(self, data: object) -> Iterator[bytes]:
        match data:
            case None:
                yield WAITING
            case Delta(text):
                yield from self._content(self._shown.feed(text))
            case Reasoning(text):
                yield from self._reasoning(self._thoughts.feed(text))
            case AllReasoning():
                # What was sent can't be taken back: clients that know the mark fold it away.
                yield from self._content(f"{self._shown.end()}\n{_END_OF_REASONING}\n\n")
                self._begins = len(self._text)
            case protocol.Usage():
                self._usage = data
            case MessageView():
                yield from self._content(self._shown.end())
                yield from self._reasoning(self._thoughts.end())
                yield from self._last(data, self._text, self._begins)

    def _content(self, text: str) -> Iterator[bytes]:
        self._text += text
        if text:
            yield self._chunk(AnswerMessage(content=text))

    def _reasoning(self, text: str) -> Iterator[bytes]:
        if text:
            yield self._chunk(AnswerMessage(reasoning_content=text))

    def _last(self, answer: MessageView, shown: str, begins: int) -> Sequence[bytes]:
        annotations = self._annotations(answer, shown[begins:], begins)
        delta = AnswerMessage(annotations=annotations, luma=self._luma(answer))
        chunks = [self._chunk(delta, answer.cut_off or "stop")]
        if self._has_usage:
            chunks.append(self._event([], self._counted(answer.content)))
        return chunks

    @property
    def _has_usage(self) -> bool:
        options = self._request.stream_options
        return options is not None and bool(options.include_usage)

    def _chunk(self, delta: AnswerMessage, finish_reason: str | None = None) -> bytes:
        return self._event([ChunkChoice(delta, finish_reason=finish_reason)], None)

    def _event(self, choices: list[ChunkChoice], usage: Usage | None) -> bytes:
        shown = usage if self._has_usage else msgspec.UNSET
        return _message(CompletionChunk(self._id, self._created, self._request.model, choices, shown))

    def _luma(self, answer: MessageView) -> LumaPart:
        return LumaPart(answer.chat_id or None, answer.id or None, answer.citations, self._ignored)

    def _annotations(self, answer: MessageView, shown: str, begins: int = 0) -> list[Annotation] | None:
        cited = {citation.n: citation for citation in answer.citations}
        annotations = [
            Annotation(URLCitation(self._url(answer, cited[n]), cited[n].title, begins + start, begins + end))
            for start, end, n in citation_spans(shown, cited.keys())
        ]
        return annotations or None

    def _url(self, answer: MessageView, citation: CitationView) -> str:
        if answer.id:
            return f"{self._base}/c/{answer.chat_id}/cite/{answer.id}/{citation.n}"
        page = "" if citation.page is None else f"/page/{citation.page}"
        return f"{self._base}{self._path}/doc/{citation.doc_id}{page}"

    def _counted(self, answer: str) -> Usage:
        if self._usage is not None:
            prompt, completion = self._usage.prompt_tokens, self._usage.completion_tokens
        else:
            prompt = sum(estimate_tokens(message.text) for message in self._request.messages)
            completion = estimate_tokens(answer)
        return Usage(prompt, completion, prompt + completion)


def _message(data: msgspec.Struct) -> bytes:
    return server_sent_event(msgspec.json.encode(data))
