"""Asks, answers, joins and stops: the turns of this process, and their readers."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, require_chat
from luma_rag.chat import evidence, failures, turns
from luma_rag.chat.answerer import Answerer, AnswerOptions, HistoryMessage
from luma_rag.chat.messages import CitationView
from luma_rag.chat.model_answerer import ModelAnswerer
from luma_rag.chat.running import Delta, Login, RunningTurn, Stopped, TurnEvent
from luma_rag.chat.turns import Admission, Question
from luma_rag.chat.unstored import AtOnce, Unstored, message
from luma_rag.chat.writing import CHECK_SECONDS, AnswerWriter
from luma_rag.db.errors import outage
from luma_rag.db.listener import Listener
from luma_rag.db.session import Sessions
from luma_rag.errors import AnswerInterruptedError, LumaError, NotFoundError, UnavailableError
from luma_rag.llm.protocol import AllReasoning, Written
from luma_rag.retrieval.search import Retriever

logger = logging.getLogger(__name__)

# Seconds without an event after which readers get a heartbeat.
_SILENCE = 15.0
# How often the text that another process writes is read.
_FOLLOW_SECONDS = 0.3
# How often the login of a reader is checked: it is over within a second, even if nothing is written.
_READER_CHECK_SECONDS = CHECK_SECONDS / 2
# How long a request to stop waits for the process that writes.
_STOP_SECONDS = 5.0
# A statement that takes longer than this is tried again, after a pause.
_PATIENCE_SECONDS = 10.0
_RETRY_SECONDS = 0.5
_GIVEN_UP = "The answer could not be written or stored. Regenerate the answer."
Begin = Callable[[AsyncSession], Awaitable[Question]]


class ChatService:
    """Runs turns.

    The listener must hold the lock of the process that `admission` names.
    """

    def __init__(
        self,
        sessions: Sessions,
        retriever: Retriever,
        answerer: Answerer,
        passages: int,
        listener: Listener,
        admission: Admission,
    ) -> None:
        self._sessions = sessions
        self._retriever = retriever
        self._answerer = answerer
        self._passages = passages
        self._listener = listener
        self._admission = admission
        self._writer = AnswerWriter(sessions, retriever, answerer, passages)
        self._running: set[RunningTurn] = set()
        self._by_id: dict[int, RunningTurn] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unstored = AtOnce(admission.answers_at_once)
        self._is_closing = False

    def ask(
        self,
        login: Login,
        chat_id: int,
        content: str,
        *,
        doc_ids: Sequence[int] | None = None,
        replaces: int | None = None,
        follows: int | None = None,
    ) -> AsyncGenerator[TurnEvent]:
        """Store a question and answer it; see `turns.ask`. Closing the iterator does not stop the answer.

        Raises:
            NotFoundError, TurnRunningError, TooManyAnswersError: as for `turns.ask`, before the first event.
            LLMError: the LLM failed. The question and the text so far are stored.
            AnswerInterruptedError: the service is shutting down.
        """
        ask = partial(
            turns.ask, chat_id=chat_id, content=content, doc_ids=doc_ids, replaces=replaces, follows=follows
        )
        return self._turn(login, lambda session: ask(session, login.principal, self._admission))

    def ask_after(
        self,
        login: Login,
        namespace_id: int,
        content: str,
        history: list[HistoryMessage],
        options: AnswerOptions,
        shown: Callable[[str], str],
    ) -> AsyncGenerator[TurnEvent]:
        """Store a question and answer it after a `history`: in the chat that this continues, or in a new one.

        `shown` is how answers were shown to the program. Closing the iterator stops the answer; the text so
        far is stored.

        Raises:
            NotFoundError: the caller can't read the namespace.
            TooManyAnswersError, LLMError, AnswerInterruptedError: as for `ask`.
        """
        return self._turn(
            login,
            lambda session: turns.ask_after(
                session, login.principal, self._admission, namespace_id, content, history, options, shown
            ),
            ends_with_reader=True,
        )

    def ask_unstored(
        self,
        login: Login,
        namespace_id: int,
        content: str,
        history: list[HistoryMessage],
        options: AnswerOptions,
    ) -> AsyncGenerator[TurnEvent]:
        """Answer a question after a `history`; nothing is stored. The messages of the events have the id 0.

        Closing the iterator stops the answer.

        Raises:
            NotFoundError: the caller can't read the namespace, or no longer what the answer is written from.
            TooManyAnswersError, LLMError, AnswerInterruptedError: as for `ask`.
        """

        async def write(turn: RunningTurn) -> None:
            turn.hits = await evidence.find(
                self._retriever,
                login.principal,
                namespace_id,
                content,
                passages=self._passages,
                history=history,
            )
            turn.publish(TurnEvent("citations", evidence.citations(turn.hits, content)))
            answer = self._answerer.answer(content, evidence.numbered(turn.hits), history, options)
            await _write_all(turn, answer)

        return self._unstored_turn(login, namespace_id, content, write)

    def complete_task(
        self, login: Login, namespace_id: int, content: str, options: AnswerOptions
    ) -> AsyncGenerator[TurnEvent]:
        """Let the LLM do a task that needs no documents; nothing is searched or stored.

        Without an LLM, the result is an empty JSON object, which programs take for "nothing".

        Raises:
            NotFoundError, TooManyAnswersError, LLMError, AnswerInterruptedError: as for `ask_unstored`.
        """

        async def write(turn: RunningTurn) -> None:
            if isinstance(self._answerer, ModelAnswerer):
                await _write_all(turn, self._answerer.complete(content, options))
            else:
                turn.write("{}")

        return self._unstored_turn(login, namespace_id, content, write)

    def regenerate(
        self, login: Login, chat_id: int, question_id: int | None = None
    ) -> AsyncGenerator[TurnEvent]:
        """Answer a question again, by default the last one. The older answers stay, as versions.

        Raises:
            ConflictError: the chat has no question yet.
            NotFoundError, TurnRunningError, TooManyAnswersError, LLMError, AnswerInterruptedError: as for
                `ask`.
        """
        return self._turn(
            login,
            lambda session: turns.regenerate(session, login.principal, self._admission, chat_id, question_id),
        )

    async def join(self, login: Login, chat_id: int) -> AsyncGenerator[TurnEvent]:
        """Read the turn that is running in a chat, from its question on; nothing if none is.

        Raises:
            NotFoundError: the chat is not the caller's.
            NotAuthenticatedError: the login has ended.
            LLMError, AnswerInterruptedError: as for `ask`.
        """
        async with self._sessions.begin() as session:
            turn_id = await turns.running(session, login.principal, chat_id)
        if turn_id is None:
            return
        here = self._by_id.get(turn_id)
        events = self._follow(login, turn_id) if here is None else here.read(_READER_CHECK_SECONDS)
        checked = time.monotonic()
        async with aclosing(events):
            async for event in events:
                # The turn itself checks the rights of the login that has asked.
                if time.monotonic() - checked >= _READER_CHECK_SECONDS:
                    principal = await login.authenticate()
                    async with self._sessions.begin() as session:
                        await require_chat(session, principal, chat_id)
                    checked = time.monotonic()
                yield event

    async def stop(self, principal: Principal, chat_id: int) -> None:
        """Stop the turn that is running in a chat, if any, and wait until its process has stored it.

        Raises:
            NotFoundError: the chat is not the caller's.
        """
        async with self._sessions.begin() as session:
            turn_id = await turns.running(session, principal, chat_id)
            if turn_id is None:
                return
            await turns.request_stop(session, principal, turn_id)
        if turn_id in self._by_id:
            self._by_id[turn_id].interrupt(Stopped())
        began = time.monotonic()
        while time.monotonic() - began < _STOP_SECONDS:
            async with self._sessions.begin() as session:
                if await turns.running(session, principal, chat_id) != turn_id:
                    return
            await asyncio.sleep(0.05)

    async def answer_once(
        self, principal: Principal, namespace_id: int, question: str
    ) -> tuple[str, list[CitationView]]:
        """Answer without a chat; nothing is stored."""
        text, citations = "", []
        async for part in self.stream_once(principal, namespace_id, question):
            match part:
                case str():
                    text += part
                case AllReasoning():
                    text = ""
                case _:
                    citations = part
        return text, citations

    async def stream_once(
        self, principal: Principal, namespace_id: int, question: str
    ) -> AsyncGenerator[str | AllReasoning | list[CitationView]]:
        """Answer without a chat, piece by piece; the citations come last. Nothing is stored.

        After `AllReasoning`, the answer begins anew.
        """
        hits = await evidence.find(
            self._retriever, principal, namespace_id, question, passages=self._passages
        )
        text = ""
        async for piece in self._answerer.answer(question, evidence.numbered(hits), []):
            match piece:
                case str():
                    text += piece
                    yield piece
                case AllReasoning():
                    text = ""
                    yield piece
        yield evidence.used(text, hits)

    def close(self) -> None:
        """Stop all answers and refuse new ones, because the service is shutting down."""
        self._is_closing = True
        self._writer.close()
        for turn in self._running:
            turn.interrupt(
                AnswerInterruptedError(
                    "The server was shut down while it wrote this answer. Regenerate the answer."
                )
            )

    async def aclose(self) -> None:
        """`close`, and wait until the text so far of every answer is stored."""
        self.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _unstored_turn(
        self,
        login: Login,
        namespace_id: int,
        content: str,
        write: Callable[[RunningTurn], Coroutine[None, None, None]],
    ) -> AsyncGenerator[TurnEvent]:
        self._require_open()
        unstored = Unstored(self._sessions, login, namespace_id)
        await unstored.check()
        with self._unstored.one_more(login.principal.user_id):
            turn = RunningTurn(login)
            turn.publish(TurnEvent("user_message", message("user", content)))
            task = asyncio.create_task(unstored.run(turn, write(turn)))
            self._running.add(turn)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            try:
                async with aclosing(turn.read(_SILENCE)) as events:
                    async for event in events:
                        yield event
            finally:
                self._running.discard(turn)
                turn.interrupt(Stopped())

    def _require_open(self) -> None:
        if self._is_closing:
            raise UnavailableError("The server is shutting down. Retry in 5 s.", retry_after=5)

    async def _turn(
        self, login: Login, begin: Begin, *, ends_with_reader: bool = False
    ) -> AsyncGenerator[TurnEvent]:
        self._require_open()
        turn = RunningTurn(login)
        task = asyncio.create_task(self._run(turn, begin))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with aclosing(turn.read(_SILENCE)) as events:
                async for event in events:
                    yield event
        finally:
            if ends_with_reader:
                turn.interrupt(Stopped())

    async def _run(self, turn: RunningTurn, begin: Begin) -> None:
        self._running.add(turn)
        question = None
        try:
            # Subscribed first, so that no change of rights is missed.
            async with self._listener.subscribed(turn.notify):
                async with self._sessions.begin() as session:
                    question = await begin(session)
                turn.begin(question)
                self._by_id[question.turn_id] = turn
                try:
                    await self._writer.run(turn, question)
                finally:
                    del self._by_id[question.turn_id]
        except Exception as error:
            if turn.question is not None and not isinstance(error, LumaError):
                logger.exception("An answer could not be stored")
            turn.end(error)
            if question is not None and not isinstance(error, NotFoundError):
                await self._fail(question.turn_id, error)
        finally:
            self._running.discard(turn)

    async def _fail(self, turn_id: int, error: Exception) -> None:
        """End the row of a turn that this process has given up, as soon as the database allows it.

        It may exist even if the connection was lost during the commit of its question. Since this process
        lives, no other one would end it.
        """
        reason = error if isinstance(error, LumaError) else AnswerInterruptedError(_GIVEN_UP)
        while not self._is_closing:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS), self._sessions.begin() as session:
                    await failures.fail(session, turn_id, reason)
                return
            except Exception as failure:
                if outage(failure) is None:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, login: Login, turn_id: int) -> AsyncGenerator[TurnEvent]:
        """The events of a turn that another process writes, from what it has stored."""
        sent = -1
        while True:
            async with self._sessions.begin() as session:
                status = await turns.status(session, login.principal, turn_id)
            if sent < 0:
                yield TurnEvent("user_message", status.question)
                sent = 0
            answer = status.answer
            if answer is not None and len(answer.content) > sent:
                if sent == 0:
                    yield TurnEvent("citations", answer.citations)
                yield TurnEvent("delta", Delta(answer.content[sent:]))
                sent = len(answer.content)
            if status.state != "running":
                if status.question.error is not None:
                    raise status.question.error.error()
                yield TurnEvent("llm_message", answer)
                return
            yield TurnEvent("waiting", None)
            await asyncio.sleep(_FOLLOW_SECONDS)


async def _write_all(turn: RunningTurn, written: AsyncGenerator[Written]) -> None:
    async with aclosing(written) as pieces:
        async for piece in pieces:
            turn.write(piece)
