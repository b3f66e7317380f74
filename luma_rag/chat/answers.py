"""Stores answers while and after they are written, and ends their turns."""

import functools
from collections.abc import Collection, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Integer, Select, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, own_chats, readable_documents, readable_namespaces, require_namespace
from luma_rag.access.principal import CallerForm
from luma_rag.chat import messages
from luma_rag.chat.branches import Branches
from luma_rag.chat.failures import TurnProblem
from luma_rag.chat.messages import CitationView, MessageView
from luma_rag.chat.turns import Question
from luma_rag.db.base import utcnow
from luma_rag.db.models import Chat, Citation, Document, Message, Turn
from luma_rag.errors import LumaError, NotFoundError
from luma_rag.llm.protocol import CutOff


class Ending(msgspec.Struct, frozen=True):
    """The final state of an answer, and the reason."""

    state: Literal["complete", "stopped", "failed"]
    error: LumaError | None = None


async def save(
    session: AsyncSession,
    principal: Principal,
    question: Question,
    text: str,
    citations: Sequence[CitationView] | None,
    read_doc_ids: Collection[int] = (),
) -> bool:
    """Store the text so far, with new citations unless they are None. False if the answer is to stop.

    The answer is written from the documents `read_doc_ids`.

    Raises:
        NotFoundError: the chat is gone, or the caller can no longer read the namespace or one of the
            documents. Deleted documents don't count: answers keep their quotes.
    """
    turn, _, is_readable = await _locked(session, principal, question)
    if not is_readable:
        await require_namespace(session, principal, question.namespace_id)
    await require_still_readable(session, principal, read_doc_ids)
    if turn.state != "running":
        await _resume(session, turn, question.process)
    if text:
        await _write(session, turn, text, citations)
    return not turn.is_stopping


async def end(
    session: AsyncSession,
    principal: Principal,
    question: Question,
    text: str,
    citations: Sequence[CitationView],
    ending: Ending,
    *,
    reasoning: str = "",
    cut_off: CutOff | None = None,
) -> MessageView | None:
    """Store the answer and end its turn. Returns the answer; None if it failed before the first word.

    `reasoning` is what the model thought before it, and `cut_off` why it ends early.

    Raises:
        NotFoundError: the chat is gone.
    """
    turn, versions, _ = await _locked(session, principal, question)
    written = None
    if text.strip() or turn.answer_id is not None or ending.error is None:
        written = await _write(session, turn, text, citations)
    turn.state = ending.state
    turn.error = None if ending.error is None else msgspec.to_builtins(TurnProblem.of(ending.error))
    turn.process = None
    turn.reasoning = reasoning.strip() or None
    turn.cut_off = None if cut_off is None else cut_off.reason
    if written is None:
        return None
    message, stored = written
    return messages.view(message, turn, versions, stored)


async def require_still_readable(
    session: AsyncSession, principal: Principal, doc_ids: Collection[int]
) -> None:
    """Require that the caller can read the documents, as far as they exist.

    Raises:
        NotFoundError: one is hidden from them.
    """
    hidden = select(Document.id).where(
        Document.id.in_(doc_ids), Document.id.not_in(readable_documents(principal))
    )
    if doc_ids and (await session.scalars(hidden.limit(1))).first() is not None:
        raise NotFoundError("You can no longer read a document that this answer is written from. Ask again.")


# Building a statement takes longer than running it.
@functools.cache
def _locked_versions(caller: CallerForm) -> Select[Turn, bool]:
    """The turns with a question of the caller's, each with whether they can still read the namespace."""
    # The chat first, as in its deletion: the other order would be a deadlock.
    return (
        select(Turn, Chat.namespace_id.in_(readable_namespaces(caller)))
        .join(Chat, Chat.id == Turn.chat_id)
        .where(
            Turn.question_id == bindparam("question_id", type_=Integer),
            Chat.id.in_(own_chats(caller)),
        )
        .order_by(Turn.id)
        .with_for_update(read=True, key_share=True, of=Chat)
    )


async def _locked(
    session: AsyncSession, principal: Principal, question: Question
) -> tuple[Turn, Branches, bool]:
    """A turn, all turns with its question, and whether the caller can still read the namespace."""
    found = await session.execute(
        _locked_versions(principal.form), principal.parameters | {"question_id": question.message.id}
    )
    rows = found.all()
    turn = next((turn for turn, _ in rows if turn.id == question.turn_id), None)
    if turn is None:
        raise NotFoundError("The chat was deleted while the answer was written.")
    return turn, Branches([turn for turn, _ in rows]), rows[0][1]


async def _resume(session: AsyncSession, turn: Turn, process: int) -> None:
    """Mark a turn as running again, unless another one is running in the chat.

    While the process had no connection to the database, another one took it for dead.
    """
    running_turn = select(Turn.id).where(Turn.chat_id == turn.chat_id, Turn.state == "running")
    if await session.scalar(running_turn) is None:
        turn.state, turn.process, turn.error = "running", process, None


async def _write(
    session: AsyncSession, turn: Turn, text: str, citations: Sequence[CitationView] | None
) -> tuple[Message, list[CitationView]]:
    """Store an answer. Citations replace those that it has, unless they are None."""
    stored = await _without_deleted(session, citations or ())
    if turn.answer_id is None:
        message = Message(chat_id=turn.chat_id, sender_type="LLM", content=text, time_sent=utcnow())
        session.add(message)
        await session.flush()
        turn.answer_id = message.id
    else:
        rewrite = update(Message).where(Message.id == turn.answer_id).values(content=text, time_sent=utcnow())
        if citations is not None:
            former = delete(Citation).where(Citation.message_id == turn.answer_id).cte("former")
            rewrite = rewrite.add_cte(former)
        message = (await session.scalars(rewrite.returning(Message))).one()
    if stored:
        rows = [{"message_id": message.id, **_columns(citation)} for citation in stored]
        await session.execute(insert(Citation), rows)
    return message, stored


def _columns(citation: CitationView) -> dict[str, Any]:
    columns = msgspec.structs.asdict(citation)
    # Whether a newer version has come is asked at each reading.
    del columns["is_of_earlier_version"]
    return columns


async def _without_deleted(session: AsyncSession, citations: Sequence[CitationView]) -> list[CitationView]:
    """Citations without the documents that have been deleted in the meantime; their quotes stay."""
    if not citations:
        return []
    cited = select(Document.id).where(Document.id.in_([citation.doc_id for citation in citations]))
    # Locked, so that none is deleted before the commit.
    still_there = set(await session.scalars(cited.with_for_update(read=True, key_share=True)))
    return [
        citation if citation.doc_id in still_there else msgspec.structs.replace(citation, doc_id=None)
        for citation in citations
    ]
