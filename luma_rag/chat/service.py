"""Answers questions: store the question, retrieve, write, store the answer with its citations.

An answer is written in a task of its own, which no reader can cancel. Once a second, and whenever a right may
have changed, the task stores the text so far and checks that it may go on.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from http import HTTPStatus

import asyncpg
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, require_chat
from luma_rag.chat import turns
from luma_rag.chat.answerer import Answerer, HistoryMessage, RetrievedPassage
from luma_rag.chat.citations import cited_numbers, quote
from luma_rag.chat.messages import CitationView
from luma_rag.chat.running import Delta, Login, Progress, RunningTurn, Stopped, TurnEvent
from luma_rag.chat.turns import Ending, Question, Writer
from luma_rag.db.listener import Listener
from luma_rag.db.session import Sessions
from luma_rag.errors import AnswerInterruptedError, LumaError, UnavailableError
from luma_rag.retrieval.hits import ScoredChunk
from luma_rag.retrieval.search import Retriever

logger = logging.getLogger(__name__)

# Seconds without an event after which readers get a heartbeat.
_SILENCE = 15.0
# How often the text so far is stored, and the rights are checked without a notification.
_CHECK_SECONDS = 1.0
# How often the text that another process writes is read.
_FOLLOW_SECONDS = 0.3
# A statement that takes longer than this is tried again.
_PATIENCE_SECONDS = 10.0
# Readers wait this long for an answer to be stored, the answer itself longer.
_READERS_WAIT_SECONDS = 3.0
_KEEP_SECONDS = 600.0
# At shutdown, while uvicorn waits for its requests.
_CLOSING_SECONDS = 3.0
_STOP_SECONDS = 5.0
# Passages that come with their context. On 87 questions over 36 documents, these contained .549 of the
# evidence in 1,451 words; ten passages without context contained .522 in as many words, and six .467 in 890.
_SURROUNDED = 3

_DATABASE_ERRORS = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
# Text of a model that the database can't store: NUL and halves of surrogate pairs.
_UNSTORABLE = {0: None} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")

Begin = Callable[[AsyncSession], Awaitable[Question]]


class ChatService:
    """Runs turns. No database connection is held while the model works.

    The listener must hold the lock of the process that `writer` names.
    """

    def __init__(
        self,
        sessions: Sessions,
        retriever: Retriever,
        answerer: Answerer,
        passages: int,
        listener: Listener,
        writer: Writer,
    ) -> None:
        self._sessions = sessions
        self._retriever = retriever
        self._answerer = answerer
        self._passages = passages
        self._listener = listener
        self._writer = writer
        self._running: set[RunningTurn] = set()
        self._by_id: dict[int, RunningTurn] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    def ask(
        self,
        login: Login,
        chat_id: int,
        content: str,
        *,
        doc_ids: Sequence[int] | None = None,
        replaces: int | None = None,
    ) -> AsyncGenerator[TurnEvent]:
        """Store a question and answer it; see `turns.ask`. Closing the iterator does not stop the answer.

        Raises:
            NotFoundError, TurnRunningError, TooManyAnswersError: as for `turns.ask`, before the first event.
            LLMError: the LLM failed. The question and the text so far are stored.
            AnswerInterruptedError: the service is shutting down.
        """
        ask = partial(turns.ask, chat_id=chat_id, content=content, doc_ids=doc_ids, replaces=replaces)
        return self._turn(login, lambda session: ask(session, login.principal, self._writer))

    def ask_in_new_chat(
        self, login: Login, namespace_id: int, content: str, history: list[HistoryMessage]
    ) -> AsyncGenerator[TurnEvent]:
        """Store a question as the first of a new chat and answer it, after a `history` that is not stored.

        Closing the iterator stops the answer; the text so far is stored.

        Raises:
            NotFoundError: the caller can't read the namespace.
            TooManyAnswersError, LLMError, AnswerInterruptedError: as for `ask`.
        """
        return self._turn(
            login,
            lambda session: turns.ask_first(
                session, login.principal, self._writer, namespace_id, content, history
            ),
            ends_with_reader=True,
        )

    def regenerate(self, login: Login, chat_id: int) -> AsyncGenerator[TurnEvent]:
        """Answer the last question again. The older answers stay, as versions.

        Raises:
            ConflictError: the chat has no question yet.
            NotFoundError, TurnRunningError, TooManyAnswersError, LLMError, AnswerInterruptedError: as for
                `ask`.
        """
        return self._turn(
            login, lambda session: turns.regenerate(session, login.principal, self._writer, chat_id)
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
        events = self._follow(login, turn_id) if here is None else here.read(_CHECK_SECONDS)
        checked = time.monotonic()
        async with aclosing(events):
            async for event in events:
                # The turn itself checks the rights of the login that has asked.
                if time.monotonic() - checked >= _CHECK_SECONDS:
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
            if isinstance(part, str):
                text += part
            else:
                citations = part
        return text, citations

    async def stream_once(
        self, principal: Principal, namespace_id: int, question: str
    ) -> AsyncGenerator[str | list[CitationView]]:
        """Answer without a chat, piece by piece; the citations come last. Nothing is stored."""
        hits = await self._retrieve(principal, namespace_id, question, [], None)
        text = ""
        async for piece in self._answerer.answer(question, _numbered(hits), []):
            text += piece
            yield piece
        yield _used(text, hits)

    def close(self) -> None:
        """Stop all answers and refuse new ones, because the service is shutting down."""
        self._closing.set()
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

    async def _turn(
        self, login: Login, begin: Begin, *, ends_with_reader: bool = False
    ) -> AsyncGenerator[TurnEvent]:
        if self._closing.is_set():
            raise UnavailableError("The server is shutting down. Retry in 5 s.", retry_after=5)
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
        try:
            # Subscribed first, so that no change of rights is missed.
            async with self._listener.subscribed(turn.notify):
                async with self._sessions.begin() as session:
                    question = await begin(session)
                turn.begin(question)
                self._by_id[question.turn_id] = turn
                try:
                    ending = await self._answer(turn, question)
                    await self._keep(turn, question, ending)
                finally:
                    del self._by_id[question.turn_id]
        except Exception as error:
            if turn.question is not None and not isinstance(error, LumaError):
                logger.exception("An answer could not be stored")
            turn.end(error)
        finally:
            self._running.discard(turn)

    async def _answer(self, turn: RunningTurn, question: Question) -> Ending:
        """Have the answer written, until it is complete or must not go on."""
        writing = asyncio.create_task(self._write(turn, question))
        writing.add_done_callback(lambda _: turn.wake())
        try:
            while not writing.done():
                if turn.interruption is not None:
                    raise turn.interruption
                await turn.woken(_CHECK_SECONDS)
                if not writing.done():
                    await self._check(turn, question)
            writing.result()
        except Exception as error:
            return _ending(error)
        else:
            return Ending("complete")
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _write(self, turn: RunningTurn, question: Question) -> None:
        content, history = question.message.content, question.history
        turn.publish(TurnEvent("progress", Progress("searching")))
        turn.hits = await self._retrieve(
            turn.login.principal, question.namespace_id, content, history, question.doc_ids
        )
        turn.publish(TurnEvent("citations", _citations(turn.hits, content)))
        titles = list(dict.fromkeys(hit.title for hit in turn.hits))
        turn.publish(TurnEvent("progress", Progress("reading", titles)))
        turn.publish(TurnEvent("progress", Progress("thinking")))
        async with aclosing(self._answerer.answer(content, _numbered(turn.hits), history)) as pieces:
            async for piece in pieces:
                turn.write(piece.translate(_UNSTORABLE))

    async def _check(self, turn: RunningTurn, question: Question) -> None:
        """Store the text so far, and check that it may go on. An unavailable database changes nothing.

        Raises:
            Stopped: the user has stopped the answer, perhaps by another process.
            NotFoundError, NotAuthenticatedError, ForbiddenError: the caller has lost a right.
        """
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                principal = await turn.login.authenticate()
                async with self._sessions.begin() as session:
                    may_continue = await turns.require_continuing(session, principal, question)
                    text = turn.text
                    if text != turn.saved:
                        used = _used(text, turn.hits)
                        await turns.save(session, principal, question.turn_id, text, used)
            turn.saved = text
        except LumaError as error:
            if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return
        except _DATABASE_ERRORS as error:
            logger.warning("The text so far of an answer could not be stored: %s", error)
            return
        if not may_continue:
            raise Stopped

    async def _keep(self, turn: RunningTurn, question: Question, ending: Ending) -> None:
        """Store the answer and end its readers. It waits in memory while the database is unavailable."""
        text, used = turn.text, _used(turn.text, turn.hits)
        began = time.monotonic()
        while True:
            patience = _CLOSING_SECONDS if self._closing.is_set() else _PATIENCE_SECONDS
            try:
                async with asyncio.timeout(patience), self._sessions.begin() as session:
                    answer = await turns.end(
                        session, turn.login.principal, question.turn_id, text, used, ending
                    )
                break
            except DataError:
                raise
            except _DATABASE_ERRORS as error:
                waited = time.monotonic() - began
                if waited > (_CLOSING_SECONDS if self._closing.is_set() else _KEEP_SECONDS):
                    logger.error("An answer is lost, because the database is unavailable: %s", error)
                    turn.end(_unstored("It could not be stored. Regenerate it later."))
                    return
                if waited > _READERS_WAIT_SECONDS and not turn.is_over:
                    logger.warning("An answer waits in memory for the database: %s", error)
                    minutes = int(_KEEP_SECONDS / 60)
                    turn.end(_unstored(f"It is stored if the database is back within {minutes} minutes."))
                await asyncio.sleep(0.2)
        if ending.error is None and answer is not None:
            turn.publish(TurnEvent("llm_message", answer))
        turn.end(ending.error)

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

    async def _retrieve(
        self,
        principal: Principal,
        namespace_id: int,
        question: str,
        history: Sequence[HistoryMessage],
        doc_ids: Sequence[int] | None,
    ) -> list[ScoredChunk]:
        """Passages for the question. If none is relevant, passages for the previous question with it.

        "And on Sundays?" is incomplete alone. A complete question gets better passages alone.
        """
        retrieve = partial(
            self._retriever.retrieve,
            principal,
            namespace_id,
            k=self._passages,
            doc_ids=doc_ids,
            surrounded=_SURROUNDED,
        )
        retrieved = await retrieve(question)
        before = next((message.content for message in reversed(history) if message.sender == "user"), None)
        if retrieved.is_relevant is False and before is not None:
            both = await retrieve(f"{before}\n{question}")
            retrieved = both if both.is_relevant else retrieved
        return retrieved.found


def _ending(error: Exception) -> Ending:
    """How an answer ends that could not be completed, for the reason that the reader learns."""
    match error:
        case Stopped():
            return Ending("stopped")
        case LumaError() if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            # The caller has lost a right.
            return Ending("stopped", error)
        case AnswerInterruptedError():
            return Ending("stopped", error)
        case LumaError():
            logger.error("An answer failed: %s", error)
            return Ending("failed", error)
    logger.error("An answer failed", exc_info=error)
    if isinstance(error, _DATABASE_ERRORS):
        return Ending("failed", UnavailableError("The database was unavailable. Regenerate the answer."))
    return Ending("failed", LumaError("Internal error. Regenerate the answer."))


def _unstored(consequence: str) -> UnavailableError:
    return UnavailableError(f"The answer is written, but the database is unavailable. {consequence}")


def _numbered(hits: Sequence[ScoredChunk]) -> list[RetrievedPassage]:
    return [
        RetrievedPassage(
            hit.rank, hit.title, hit.text, hit.page, hit.heading, hit.similarity, hit.before, hit.after
        )
        for hit in hits
    ]


def _citations(hits: Sequence[ScoredChunk], support: str) -> list[CitationView]:
    return [
        CitationView(
            hit.rank,
            hit.vec_id,
            hit.doc_id,
            hit.title,
            hit.page,
            hit.heading,
            # The LLM has read the context too.
            quote(f"{hit.before}{hit.text}{hit.after}", support),
            hit.score,
        )
        for hit in hits
    ]


def _used(text: str, hits: Sequence[ScoredChunk]) -> list[CitationView]:
    numbers = cited_numbers(text, {hit.rank for hit in hits})
    return _citations([hit for hit in hits if hit.rank in numbers], text)
