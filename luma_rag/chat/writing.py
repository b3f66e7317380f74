"""Writes one answer, in a task that no reader can cancel.

Once a second, and whenever a right may have changed, the text so far is stored and the rights are checked.
"""

import asyncio
import logging
import time
from contextlib import aclosing
from http import HTTPStatus

from luma_rag.chat import answers, evidence
from luma_rag.chat.answerer import Answerer
from luma_rag.chat.answers import Ending
from luma_rag.chat.citations import cited_numbers
from luma_rag.chat.running import Progress, RunningTurn, Stopped, TurnEvent
from luma_rag.chat.turns import Question
from luma_rag.db.errors import OutageLog, outage, reason
from luma_rag.db.session import Sessions
from luma_rag.errors import AnswerInterruptedError, LumaError, UnavailableError
from luma_rag.llm.protocol import Reasoning, Written
from luma_rag.retrieval.search import Retriever

logger = logging.getLogger(__name__)

# How often the text so far is stored, and the rights are checked without a notification.
CHECK_SECONDS = 1.0
# With many answers at once, they are checked less often, so that questions still get processor time.
_CHECKS_PER_SECOND = 50
# A statement that takes longer than this is tried again.
_PATIENCE_SECONDS = 10.0
_RETRY_SECONDS = 0.5
# Readers wait this long for an answer to be stored; the answer itself waits longer.
_READERS_WAIT_SECONDS = 3.0
_KEEP_SECONDS = 600.0
# At shutdown, while uvicorn waits for its requests.
_CLOSING_SECONDS = 3.0

# Text of a model that the database can't store: NUL and halves of surrogate pairs.
_UNSTORABLE = {0: None} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


class AnswerWriter:
    """Writes answers from `passages` passages. No database connection is held while the model works."""

    def __init__(self, sessions: Sessions, retriever: Retriever, answerer: Answerer, passages: int) -> None:
        self._sessions = sessions
        self._retriever = retriever
        self._answerer = answerer
        self._passages = passages
        self._outages = OutageLog(logger)
        self._running = 0
        self._is_closing = False

    async def run(self, turn: RunningTurn, question: Question) -> None:
        """Write the answer until it is complete or has to stop, store it, and end the readers.

        Raises:
            NotFoundError: the chat is gone.
            UnavailableError: the answer could not be stored, so that its turn has not ended. Other errors of
                the database mean the same, and a bug.
        """
        self._running += 1
        try:
            ending = await self._answer(turn, question)
        finally:
            self._running -= 1
        await self._keep(turn, question, ending)

    def close(self) -> None:
        """Spend little time on storing from now on, because the service is shutting down."""
        self._is_closing = True

    async def _answer(self, turn: RunningTurn, question: Question) -> Ending:
        writing = asyncio.create_task(self._write(turn, question))
        writing.add_done_callback(lambda _: turn.wake())
        try:
            while not writing.done():
                await turn.woken(max(CHECK_SECONDS, self._running / _CHECKS_PER_SECOND))
                if writing.done():
                    break
                if turn.interruption is not None:
                    raise turn.interruption
                await self._check(turn, question)
            writing.result()
        except Exception as error:
            return self._ending(error)
        else:
            return Ending("complete")
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _write(self, turn: RunningTurn, question: Question) -> None:
        content, history = question.message.content, question.history
        turn.publish(TurnEvent("progress", Progress("searching")))
        turn.hits = await evidence.find(
            self._retriever,
            turn.login.principal,
            question.namespace_id,
            content,
            passages=self._passages,
            history=history,
            doc_ids=question.doc_ids,
        )
        turn.publish(TurnEvent("citations", evidence.citations(turn.hits, content)))
        titles = list(dict.fromkeys(hit.title for hit in turn.hits))
        turn.publish(TurnEvent("progress", Progress("reading", titles)))
        turn.publish(TurnEvent("progress", Progress("thinking")))
        answer = self._answerer.answer(content, evidence.numbered(turn.hits), history, question.options)
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                turn.write(_storable(piece))

    async def _check(self, turn: RunningTurn, question: Question) -> None:
        """Store the text so far, and check that it may continue. An unavailable database changes nothing.

        Raises:
            Stopped: the user has stopped the answer, possibly in another process.
            NotFoundError, NotAuthenticatedError, ForbiddenError: the caller has lost a right.
        """
        text = turn.text
        numbers = cited_numbers(text, {hit.rank for hit in turn.hits})
        # Quotes are chosen once more at the end, for the whole text.
        citations = None if numbers == turn.saved_citations else evidence.used(text, turn.hits)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                principal = await turn.login.authenticate()
                async with self._sessions.begin() as session:
                    unsaved = text if text != turn.saved_text else ""
                    may_continue = await answers.save(
                        session, principal, question, unsaved, citations, {hit.doc_id for hit in turn.hits}
                    )
        except LumaError as error:
            if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return
        except Exception as error:
            if outage(error) is None:
                raise
            self._outages.add("Storing the text so far of an answer", error)
            return
        turn.saved_text, turn.saved_citations = text, numbers
        if not may_continue:
            raise Stopped

    async def _keep(self, turn: RunningTurn, question: Question, ending: Ending) -> None:
        """Store the answer and end its readers. It waits in memory while the database is unavailable."""
        text, used = turn.text, evidence.used(turn.text, turn.hits)
        began = time.monotonic()
        while True:
            patience = _CLOSING_SECONDS if self._is_closing else _PATIENCE_SECONDS
            try:
                async with asyncio.timeout(patience), self._sessions.begin() as session:
                    answer = await answers.end(
                        session,
                        turn.login.principal,
                        question,
                        text,
                        used,
                        ending,
                        reasoning=turn.reasoning,
                        cut_off=turn.cut_off,
                    )
                break
            except Exception as error:
                if outage(error) is None:
                    raise
                waited = time.monotonic() - began
                if waited > (_CLOSING_SECONDS if self._is_closing else _KEEP_SECONDS):
                    logger.error("An answer is lost, because the database is unavailable: %s", reason(error))
                    raise _unstored("It could not be stored. Regenerate it later.") from error
                if waited > _READERS_WAIT_SECONDS and not turn.is_over:
                    self._outages.add("Storing an answer, which waits in memory,", error)
                    minutes = int(_KEEP_SECONDS / 60)
                    turn.end(_unstored(f"It is stored if the database is back within {minutes} minutes."))
                await asyncio.sleep(_RETRY_SECONDS)
        if ending.error is None and answer is not None:
            turn.publish(TurnEvent("llm_message", answer))
        turn.end(ending.error)

    def _ending(self, error: Exception) -> Ending:
        """The ending of an answer that failed, with the error that its readers get."""
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
        if failed := outage(error):
            self._outages.add("An answer", error)
            return Ending("failed", UnavailableError(f"{failed}. Regenerate the answer."))
        logger.error("An answer failed", exc_info=error)
        return Ending("failed", LumaError("Internal error. Regenerate the answer."))


def _storable(written: Written) -> Written:
    match written:
        case str():
            return written.translate(_UNSTORABLE)
        case Reasoning(text):
            return Reasoning(text.translate(_UNSTORABLE))
    return written


def _unstored(consequence: str) -> UnavailableError:
    return UnavailableError(f"The answer is written, but the database is unavailable. {consequence}")
