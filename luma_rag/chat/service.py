"""One turn of a chat: store the question, retrieve, answer, store the answer with its citations."""

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

# Seconds without an event after which readers get a heartbeat.
_SILENCE = 15.0
# Passages that come with their context. On 87 questions over 36 documents, these contained .549 of the
# evidence in 1,451 words; ten passages without context contained .522 in as many words, and six .467 in 890.
_SURROUNDED = 3
# More earlier messages than any prompt has room for.
_HISTORY_MESSAGES = 40


class Delta(msgspec.Struct, frozen=True):
    """A piece of an answer."""

    text: str


class TurnEvent(msgspec.Struct, frozen=True):
    """An event of a turn, in order. `waiting` is a heartbeat."""

    event: Literal["user_message", "citations", "delta", "llm_message", "waiting"]
    data: MessageView | list[CitationView] | Delta | None


class _Question(msgspec.Struct, frozen=True):
    """A question to answer. `replaces` are the messages that the new answer replaces."""

    chat_id: int
    namespace_id: int
    message: MessageView
    history: list[HistoryMessage]
    replaces: list[int]


class ChatService:
    """Runs turns. No database connection is held while the model works."""

    def __init__(self, sessions: Sessions, retriever: Retriever, answerer: Answerer, passages: int) -> None:
        self._sessions = sessions
        self._retriever = retriever
        self._answerer = answerer
        self._passages = passages
        self._turns: set[asyncio.Task[None]] = set()

    def ask(self, principal: Principal, chat_id: int, content: str) -> AsyncGenerator[TurnEvent]:
        """Store a question and answer it.

        Closing the iterator stops the LLM; the text so far is stored.

        Raises:
            NotFoundError: the chat is not the caller's, or they can no longer read its namespace.
            LLMError: the LLM failed. The question is stored, and `regenerate` answers it.
        """
        return self._turn(principal, lambda session: _new_question(session, principal, chat_id, content))

    def ask_in_new_chat(
        self, principal: Principal, namespace_id: int, content: str, history: list[HistoryMessage]
    ) -> AsyncGenerator[TurnEvent]:
        """Store a question as the first of a new chat and answer it, after a `history` that is not stored.

        Raises:
            NotFoundError: the caller can't read the namespace.
            LLMError: as for `ask`.
        """
        return self._turn(
            principal, lambda session: _first_question(session, principal, namespace_id, content, history)
        )

    def regenerate(self, principal: Principal, chat_id: int) -> AsyncGenerator[TurnEvent]:
        """Answer the last question again. The new answer replaces the old one when it is complete.

        Raises:
            ConflictError: the chat has no question yet.
            NotFoundError, LLMError: as for `ask`.
        """
        return self._turn(principal, lambda session: _last_question(session, principal, chat_id))

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
        hits = await self._retrieve(principal, namespace_id, question, [])
        text = ""
        async for piece in self._answerer.answer(question, _numbered(hits), []):
            text += piece
            yield piece
        yield _used(text, hits)

    async def aclose(self) -> None:
        """Stop the running turns; each stores its text so far."""
        for turn in self._turns:
            turn.cancel()
        await asyncio.gather(*self._turns, return_exceptions=True)

    async def _turn(
        self, principal: Principal, ask: Callable[[AsyncSession], Awaitable[_Question]]
    ) -> AsyncGenerator[TurnEvent]:
        async with self._sessions.begin() as session:
            question = await ask(session)
        yield TurnEvent("user_message", question.message)
        # In a separate task, so that the answer can be stored after its reader has left.
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
            answer = await self._store(question, "".join(written), hits)
            events.put_nowait(TurnEvent("llm_message", answer))
            events.put_nowait(None)
        except asyncio.CancelledError:
            if any(piece.strip() for piece in written):
                await self._store(question, "".join(written), hits)
            raise
        except Exception as error:
            events.put_nowait(error)

    async def _retrieve(
        self, principal: Principal, namespace_id: int, question: str, history: Sequence[HistoryMessage]
    ) -> list[ScoredChunk]:
        """Passages for the question. If none is relevant, passages for the previous question with it.

        "And on Sundays?" is incomplete alone. A complete question gets better passages alone.
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

    async def _store(self, question: _Question, text: str, hits: Sequence[ScoredChunk]) -> MessageView:
        used = _used(text, hits)
        async with self._sessions.begin() as session:
            await session.execute(delete(Message).where(Message.id.in_(question.replaces)))
            message = Message(chat_id=question.chat_id, sender_type="LLM", content=text, time_sent=utcnow())
            session.add(message)
            await session.flush()
            # A document may have been deleted in the meantime: its quote is stored without it.
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
    # Users who have lost access to the namespace can read old messages but not ask.
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
            # The LLM has read the context too.
            quote(f"{hit.before}{hit.text}{hit.after}", support),
            hit.score,
        )
        for hit in hits
    ]


def _used(text: str, hits: Sequence[ScoredChunk]) -> list[CitationView]:
    numbers = cited_numbers(text, {hit.rank for hit in hits})
    return _citations([hit for hit in hits if hit.rank in numbers], text)
