"""One turn of a chat: keep the question, retrieve, answer, keep the answer with what it cites."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from typing import Literal

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, require_chat, require_namespace
from luma_rag.chat.answerer import Answerer, HistoryMessage, RetrievedPassage
from luma_rag.chat.citations import cited_numbers, quote
from luma_rag.chat.history import CitationView, MessageView, message_view, start
from luma_rag.db.base import utcnow
from luma_rag.db.models import Chat, Citation, Document, Message
from luma_rag.db.session import Sessions
from luma_rag.errors import ConflictError
from luma_rag.retrieval.hits import ScoredChunk
from luma_rag.retrieval.search import Retriever

# After so many seconds of silence, readers are told that the answer is still on its way.
_SILENCE = 15.0
# So many passages are read with what stands round them. On 87 questions over 36 documents, that held
# .549 of the evidence in 1,451 words; ten passages without it held .522 in as many, and six .467 in 890.
_SURROUNDED = 3
# As many earlier messages as any prompt could hold.
_HISTORY_MESSAGES = 40


class Delta(msgspec.Struct, frozen=True):
    """A piece of an answer."""

    text: str


class TurnEvent(msgspec.Struct, frozen=True):
    """What happens in a turn, in the order in which it happens; `waiting` comes where nothing else does."""

    event: Literal["user_message", "citations", "delta", "llm_message", "waiting"]
    data: MessageView | list[CitationView] | Delta | None


class _Question(msgspec.Struct, frozen=True):
    """What is to be answered; `replaces` are the messages that the new answer takes the place of."""

    chat_id: int
    namespace_id: int
    message: MessageView
    history: list[HistoryMessage]
    replaces: list[int]


class ChatService:
    """Asks and answers. No database connection is held while the model thinks."""

    def __init__(self, sessions: Sessions, retriever: Retriever, answerer: Answerer, passages: int) -> None:
        self._sessions = sessions
        self._retriever = retriever
        self._answerer = answerer
        self._passages = passages
        self._turns: set[asyncio.Task[None]] = set()

    def ask(self, principal: Principal, chat_id: int, content: str) -> AsyncGenerator[TurnEvent]:
        """Keep a question and answer it.

        Closing the iterator stops the LLM; what it has written by then is kept.

        Raises:
            NotFoundError: the chat is not the caller's, or its namespace no longer readable for them.
            LLMError: the LLM failed; the question stays, and `regenerate` answers it.
        """
        return self._turn(principal, lambda session: _new_question(session, principal, chat_id, content))

    def ask_in_new_chat(
        self, principal: Principal, namespace_id: int, content: str, history: list[HistoryMessage]
    ) -> AsyncGenerator[TurnEvent]:
        """Keep a question as the first of a new chat and answer it, after a `history` that is not kept.

        Raises:
            NotFoundError: the namespace is not readable for the caller.
            LLMError: as for `ask`.
        """
        return self._turn(
            principal, lambda session: _first_question(session, principal, namespace_id, content, history)
        )

    def regenerate(self, principal: Principal, chat_id: int) -> AsyncGenerator[TurnEvent]:
        """Answer the last question again; the old answer goes when the new one is there.

        Raises:
            ConflictError: nothing was asked yet.
            NotFoundError, LLMError: as for `ask`.
        """
        return self._turn(principal, lambda session: _last_question(session, principal, chat_id))

    async def answer_once(
        self, principal: Principal, namespace_id: int, question: str
    ) -> tuple[str, list[CitationView]]:
        """Answer without a chat; nothing is kept."""
        hits = await self._retrieve(principal, namespace_id, question, [])
        pieces = [piece async for piece in self._answerer.answer(question, _numbered(hits), [])]
        text = "".join(pieces)
        return text, _used(text, hits)

    async def aclose(self) -> None:
        """Stop the turns that are under way; each keeps what it has."""
        for turn in self._turns:
            turn.cancel()
        await asyncio.gather(*self._turns, return_exceptions=True)

    async def _turn(
        self, principal: Principal, ask: Callable[[AsyncSession], Awaitable[_Question]]
    ) -> AsyncGenerator[TurnEvent]:
        async with self._sessions.begin() as session:
            question = await ask(session)
        yield TurnEvent("user_message", question.message)
        # In a task of its own, so that an answer can still be kept when its reader is gone.
        events: asyncio.Queue[TurnEvent | Exception | None] = asyncio.Queue()
        task = asyncio.create_task(self._run(principal, question, events))
        self._turns.add(task)
        task.add_done_callback(self._turns.discard)
        try:
            while True:
                try:
                    async with asyncio.timeout(_SILENCE):
                        event = await events.get()
                except TimeoutError:
                    yield TurnEvent("waiting", None)
                    continue
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            task.cancel()

    async def _run(
        self,
        principal: Principal,
        question: _Question,
        events: "asyncio.Queue[TurnEvent | Exception | None]",
    ) -> None:
        written: list[str] = []
        hits: list[ScoredChunk] = []
        try:
            hits = await self._retrieve(
                principal, question.namespace_id, question.message.content, question.history
            )
            events.put_nowait(TurnEvent("citations", _citations(hits, question.message.content)))
            pieces = self._answerer.answer(question.message.content, _numbered(hits), question.history)
            async for piece in pieces:
                written.append(piece)
                events.put_nowait(TurnEvent("delta", Delta(piece)))
            answer = await self._keep(question, "".join(written), hits)
            events.put_nowait(TurnEvent("llm_message", answer))
            events.put_nowait(None)
        except asyncio.CancelledError:
            if any(piece.strip() for piece in written):
                await self._keep(question, "".join(written), hits)
            raise
        except Exception as error:
            events.put_nowait(error)

    async def _retrieve(
        self, principal: Principal, namespace_id: int, question: str, history: Sequence[HistoryMessage]
    ) -> list[ScoredChunk]:
        """What fits the question; where nothing does, what fits it together with the one before.

        "And on Sundays?" is about nothing in particular. A question that stands alone is better asked alone.
        """
        retrieve = partial(
            self._retriever.retrieve, principal, namespace_id, k=self._passages, surrounded=_SURROUNDED
        )
        retrieved = await retrieve(question)
        before = next((message.content for message in reversed(history) if message.sender == "user"), None)
        if retrieved.is_relevant is False and before is not None:
            both = await retrieve(f"{before}\n{question}")
            retrieved = both if both.is_relevant else retrieved
        return retrieved.found

    async def _keep(self, question: _Question, text: str, hits: Sequence[ScoredChunk]) -> MessageView:
        used = _used(text, hits)
        async with self._sessions.begin() as session:
            await session.execute(delete(Message).where(Message.id.in_(question.replaces)))
            message = Message(chat_id=question.chat_id, sender_type="LLM", content=text, time_sent=utcnow())
            session.add(message)
            await session.flush()
            # A document may have been deleted while the answer was written: its quote is kept without it.
            still_there = set(
                await session.scalars(
                    select(Document.id).where(Document.id.in_([citation.doc_id for citation in used]))
                )
            )
            used = [
                citation if citation.doc_id in still_there else msgspec.structs.replace(citation, doc_id=None)
                for citation in used
            ]
            session.add_all(
                Citation(message_id=message.id, **msgspec.structs.asdict(citation)) for citation in used
            )
        return message_view(message, used)


async def _new_question(session: AsyncSession, principal: Principal, chat_id: int, content: str) -> _Question:
    chat = await _open_chat(session, principal, chat_id)
    history = await _history(session, chat_id, before=None)
    message = Message(chat_id=chat_id, sender_type="user", content=content, time_sent=utcnow())
    session.add(message)
    await session.flush()
    return _Question(chat_id, chat.namespace_id, message_view(message, []), history, [])


async def _first_question(
    session: AsyncSession,
    principal: Principal,
    namespace_id: int,
    content: str,
    history: list[HistoryMessage],
) -> _Question:
    chat = await start(session, principal, namespace_id)
    question = await _new_question(session, principal, chat.id, content)
    return msgspec.structs.replace(question, history=history[-_HISTORY_MESSAGES:])


async def _last_question(session: AsyncSession, principal: Principal, chat_id: int) -> _Question:
    chat = await _open_chat(session, principal, chat_id)
    message = await session.scalar(
        select(Message)
        .where(Message.chat_id == chat_id, Message.sender_type == "user")
        .order_by(Message.id.desc())
        .limit(1)
    )
    if message is None:
        raise ConflictError("This chat has no question yet.")
    later = await session.scalars(
        select(Message.id).where(Message.chat_id == chat_id, Message.id > message.id)
    )
    history = await _history(session, chat_id, before=message.id)
    return _Question(chat_id, chat.namespace_id, message_view(message, []), history, list(later))


async def _open_chat(session: AsyncSession, principal: Principal, chat_id: int) -> Chat:
    chat = await require_chat(session, principal, chat_id)
    # Old messages may be read by who has lost the namespace since; asking there needs it still.
    await require_namespace(session, principal, chat.namespace_id)
    return chat


async def _history(session: AsyncSession, chat_id: int, *, before: int | None) -> list[HistoryMessage]:
    earlier = select(Message).where(Message.chat_id == chat_id)
    if before is not None:
        earlier = earlier.where(Message.id < before)
    newest = await session.scalars(earlier.order_by(Message.id.desc()).limit(_HISTORY_MESSAGES))
    return [
        HistoryMessage("user" if message.sender_type == "user" else "LLM", message.content)
        for message in reversed(newest.all())
    ]


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
            # The LLM read what stands round it too.
            quote(f"{hit.before}{hit.text}{hit.after}", support),
            hit.score,
        )
        for hit in hits
    ]


def _used(text: str, hits: Sequence[ScoredChunk]) -> list[CitationView]:
    numbers = cited_numbers(text, {hit.rank for hit in hits})
    return _citations([hit for hit in hits if hit.rank in numbers], text)
