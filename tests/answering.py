"""Chat services with an answerer of the test's own."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import msgspec

from luma_rag.changes.stream import CHANNEL
from luma_rag.chat.answerer import NO_OPTIONS, Answerer, AnswerOptions, HistoryMessage, RetrievedPassage
from luma_rag.chat.processes import Process
from luma_rag.chat.service import ChatService
from luma_rag.chat.turns import Admission
from luma_rag.db.listener import Listener
from luma_rag.runtime import Runtime


class Dictated:
    """Answers each question with what the test dictates, piece by piece; None ends the answer."""

    name = "dictated"

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[tuple[str, str]]]] = []
        self.passages: list[RetrievedPassage] = []
        self.left: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._pieces: defaultdict[str, asyncio.Queue[str | None]] = defaultdict(asyncio.Queue)

    def say(self, question: str, *pieces: str | None) -> None:
        """Dictate the next pieces of an answer."""
        for piece in pieces:
            self._pieces[question].put_nowait(piece)

    async def answer(
        self,
        question: str,
        passages: Sequence[RetrievedPassage],
        history: Sequence[HistoryMessage],
        options: AnswerOptions = NO_OPTIONS,
    ) -> AsyncGenerator[str]:
        self.asked.append((question, [(each.sender, each.content) for each in history]))
        self.passages = list(passages)
        try:
            while (piece := await self._pieces[question].get()) is not None:
                yield piece
        finally:
            self.left[question].set()

    async def aclose(self) -> None:
        """No resources to release."""


@asynccontextmanager
async def answering(
    runtime: Runtime, answerer: Answerer, *, answers_at_once: int = 4
) -> AsyncGenerator[Runtime]:
    """The runtime as another process would have it, with this answerer."""
    process = Process()
    listener = Listener(partial(process.connect, runtime.url), CHANNEL)
    admission = Admission(process.id, answers_at_once)
    chats = ChatService(runtime.sessions, runtime.retriever, answerer, 3, listener, admission)
    try:
        yield msgspec.structs.replace(runtime, chats=chats)
    finally:
        await chats.aclose()
        await listener.aclose()
