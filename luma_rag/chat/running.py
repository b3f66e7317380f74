"""A running answer and the events that its readers receive. It continues without readers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Literal

import msgspec

from luma_rag.access import Principal
from luma_rag.changes.stream import Authenticate
from luma_rag.chat.messages import CitationView, MessageView
from luma_rag.chat.turns import Question
from luma_rag.llm.protocol import AllReasoning, CutOff, Reasoning, Usage, Written
from luma_rag.retrieval.hits import ScoredChunk


class Delta(msgspec.Struct, frozen=True):
    """A piece of an answer."""

    text: str


class Progress(msgspec.Struct, frozen=True):
    """A step before the answer begins. `titles` names the documents of the step `reading`."""

    stage: Literal["searching", "reading", "thinking"]
    titles: list[str] = []


class TurnEvent(msgspec.Struct, frozen=True):
    """An event of a turn, in order. `waiting` is a heartbeat."""

    event: Literal[
        "user_message",
        "progress",
        "citations",
        "delta",
        "reasoning",
        "all_reasoning",
        "usage",
        "llm_message",
        "waiting",
    ]
    data: MessageView | Progress | list[CitationView] | Delta | Reasoning | AllReasoning | Usage | None


class Login(msgspec.Struct, frozen=True):
    """The caller, and how to authenticate them again, which fails once the login has ended."""

    principal: Principal
    authenticate: Authenticate


class Stopped(Exception):
    """The user, or the client that alone reads the answer, has stopped it."""


class RunningTurn:
    """A turn of this process."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self.question: Question | None = None
        self.hits: list[ScoredChunk] = []
        # The stored part of the answer.
        self.saved_text = ""
        self.saved_citations: list[int] = []
        self.interruption: Exception | None = None
        self.cut_off: CutOff | None = None
        self._pieces: list[str] = []
        self._thoughts: list[str] = []
        self._events: list[TurnEvent] = []
        self._is_over = False
        self._error: Exception | None = None
        self._woken = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._pieces)

    @property
    def reasoning(self) -> str:
        """What the model has thought so far."""
        return "".join(self._thoughts)

    @property
    def is_over(self) -> bool:
        """Whether `end` was called."""
        return self._is_over

    def begin(self, question: Question) -> None:
        """The question is stored."""
        self.question = question
        self.publish(TurnEvent("user_message", question.message))

    def write(self, written: Written) -> None:
        """Add what the model has written."""
        match written:
            case str():
                self._pieces.append(written)
                self.publish(TurnEvent("delta", Delta(written)))
            case Reasoning(text):
                self._thoughts.append(text)
                self.publish(TurnEvent("reasoning", written))
            case AllReasoning():
                self._thoughts += self._pieces
                self._pieces.clear()
                self.publish(TurnEvent("all_reasoning", written))
            case Usage():
                self.publish(TurnEvent("usage", written))
            case CutOff():
                self.cut_off = written

    def publish(self, event: TurnEvent) -> None:
        """Send an event to all present and future readers."""
        self._events.append(event)
        self._notify_readers()

    def end(self, error: Exception | None = None) -> None:
        """End all readers, with an error if there is one. Only the first call counts."""
        if not self._is_over:
            self._is_over, self._error = True, error
            self._notify_readers()

    async def read(self, silence: float) -> AsyncGenerator[TurnEvent]:
        """All events from the first one on, pieces in a row that are there already as one; then `end`.

        A heartbeat comes after `silence` seconds without an event.
        """
        position = 0
        while True:
            news = self._news
            while position < len(self._events):
                event, position = self._next(position)
                yield event
            if self._is_over:
                if self._error is not None:
                    raise self._error
                return
            if not await _is_set(news, silence):
                yield TurnEvent("waiting", None)

    def interrupt(self, reason: Exception) -> None:
        """Stop the answer."""
        self.interruption = self.interruption or reason
        self.wake()

    def notify(self, payload: str | None) -> None:
        """Check the turn if a notification of the change stream concerns it, or if some were missed."""
        match payload.split() if payload is not None else []:
            case ["turn", turn_id] if self.question and int(turn_id) == self.question.turn_id:
                self.wake()
            case ["namespace", namespace_id] if (
                self.question and int(namespace_id) == self.question.namespace_id
            ):
                self.wake()
            case ["user", user_id] if int(user_id) == self.login.principal.user_id:
                self.wake()
            case []:
                self.wake()

    def wake(self) -> None:
        """Check the turn now."""
        self._woken.set()

    async def woken(self, seconds: float) -> None:
        """Wait for a reason to check the turn, for at most `seconds`."""
        await _is_set(self._woken, seconds)
        self._woken.clear()

    def _next(self, position: int) -> tuple[TurnEvent, int]:
        event, start = self._events[position], position
        kind = type(event.data)
        if not issubclass(kind, Delta | Reasoning):
            return event, position + 1
        texts = []
        while position < len(self._events) and isinstance(data := self._events[position].data, kind):
            texts.append(data.text)
            position += 1
        return TurnEvent(self._events[start].event, kind("".join(texts))), position

    def _notify_readers(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
