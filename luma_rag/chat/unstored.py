"""Answers without a chat: nothing of them is stored."""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Coroutine, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from luma_rag.access import require_namespace
from luma_rag.chat import evidence
from luma_rag.chat.answers import require_still_readable
from luma_rag.chat.messages import CitationView, MessageView
from luma_rag.chat.running import Login, RunningTurn, Stopped, TurnEvent
from luma_rag.db.base import utcnow
from luma_rag.db.session import Sessions
from luma_rag.errors import LumaError, TooManyAnswersError

logger = logging.getLogger(__name__)
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
    """Writes answers to questions of `login` about one namespace, and checks their rights meanwhile."""

    def __init__(self, sessions: Sessions, login: Login, namespace_id: int) -> None:
        self._sessions = sessions
        self._login = login
        self._namespace_id = namespace_id

    async def check(self, doc_ids: Collection[int] = ()) -> None:
        """Check that the caller may read the namespace, and these documents of it.

        Raises:
            NotFoundError, NotAuthenticatedError: they may not, or their login has ended.
        """
        principal = await self._login.authenticate()
        async with self._sessions.begin() as session:
            await require_namespace(session, principal, self._namespace_id)
            await require_still_readable(session, principal, doc_ids)

    async def run(self, turn: RunningTurn, writing: Coroutine[None, None, None]) -> None:
        """Let `writing` write the answer, then end the readers, with its error if there is one."""
        task = asyncio.create_task(writing)
        task.add_done_callback(lambda _: turn.wake())
        try:
            while not task.done():
                await turn.woken(_CHECK_SECONDS)
                if turn.interruption is not None:
                    raise turn.interruption
                # Also once more at the end, for what follows is sent as a whole.
                await self.check({hit.doc_id for hit in turn.hits})
            task.result()
        except Exception as error:
            _log(error)
            turn.end(error)
        else:
            turn.publish(TurnEvent("llm_message", _answer(turn)))
            turn.end()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _log(error: Exception) -> None:
    if isinstance(error, Stopped):
        return
    if not isinstance(error, LumaError):
        logger.error("An answer failed", exc_info=error)
    elif error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("An answer failed: %s", error)


def _answer(turn: RunningTurn) -> MessageView:
    cut_off = None if turn.cut_off is None else turn.cut_off.reason
    return message("LLM", turn.text, evidence.used(turn.text, turn.hits), turn.reasoning or None, cut_off)


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
