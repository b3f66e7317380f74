"""Answers without a chat: nothing of them is stored."""

import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager

from luma_rag.access import require_namespace
from luma_rag.chat import evidence
from luma_rag.chat.answerer import Answerer, AnswerOptions, HistoryMessage
from luma_rag.chat.messages import CitationView, MessageView
from luma_rag.chat.running import Login, RunningTurn, TurnEvent
from luma_rag.db.base import utcnow
from luma_rag.db.session import Sessions
from luma_rag.errors import TooManyAnswersError
from luma_rag.llm.protocol import Written
from luma_rag.retrieval.hits import ScoredChunk

_CHECK_SECONDS = 1.0
"""How often the caller's rights are checked while an answer is written."""


class AtOnce:
    """Counts the answers that are written for each user, of which at most `limit` may be (0: any number)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._running: Counter[int] = Counter()

    @contextmanager
    def one_more(self, user_id: int) -> Iterator[None]:
        """Count one answer.

        Raises:
            TooManyAnswersError: too many are being written.
        """
        if 0 < self._limit <= self._running[user_id]:
            raise TooManyAnswersError(
                f"{self._limit} answers are being written for you, which is the limit. Wait for one.",
                retry_after=5,
            )
        self._running[user_id] += 1
        try:
            yield
        finally:
            self._running[user_id] -= 1


class Unstored:
    """Answers questions of `login` to one namespace."""

    def __init__(self, sessions: Sessions, login: Login, namespace_id: int) -> None:
        self._sessions = sessions
        self._login = login
        self._namespace_id = namespace_id

    async def check(self) -> None:
        """Check that the caller may still read the namespace.

        Raises:
            NotFoundError, NotAuthenticatedError: they may not, or their login has ended.
        """
        principal = await self._login.authenticate()
        async with self._sessions.begin() as session:
            await require_namespace(session, principal, self._namespace_id)

    async def answer(
        self,
        answerer: Answerer,
        question: str,
        hits: Sequence[ScoredChunk],
        history: Sequence[HistoryMessage],
        options: AnswerOptions,
    ) -> AsyncGenerator[TurnEvent]:
        """The events of a turn. Messages have the id 0.

        Raises:
            NotFoundError, NotAuthenticatedError: the caller has lost a right.
            LLMError: the LLM failed.
        """
        yield TurnEvent("citations", evidence.citations(hits, question))
        written = answerer.answer(question, evidence.numbered(hits), history, options)
        async for event in self._events(question, hits, written):
            yield event

    async def write(self, question: str, written: AsyncGenerator[Written]) -> AsyncGenerator[TurnEvent]:
        """The events of a turn whose answer needs no passages."""
        async for event in self._events(question, (), written):
            yield event

    async def _events(
        self, question: str, hits: Sequence[ScoredChunk], written: AsyncGenerator[Written]
    ) -> AsyncGenerator[TurnEvent]:
        turn = RunningTurn(self._login)
        checked = time.monotonic()
        async with aclosing(written) as pieces:
            async for piece in pieces:
                if time.monotonic() - checked >= _CHECK_SECONDS:
                    await self.check()
                    checked = time.monotonic()
                if (event := turn.write(piece)) is not None:
                    yield event
        citations = evidence.used(turn.text, hits)
        cut_off = None if turn.cut_off is None else turn.cut_off.reason
        yield TurnEvent("llm_message", message("LLM", turn.text, citations, turn.reasoning or None, cut_off))


def message(
    sender: str,
    content: str,
    citations: list[CitationView] | None = None,
    reasoning: str | None = None,
    cut_off: str | None = None,
) -> MessageView:
    """A message that is not stored."""
    return MessageView(
        id=0,
        chat_id=0,
        sender_type=sender,
        content=content,
        time_sent=utcnow(),
        citations=citations or [],
        state="complete",
        error=None,
        answers=None,
        versions=[],
        feedback=None,
        reasoning=reasoning,
        cut_off=cut_off,
    )
