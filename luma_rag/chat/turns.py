"""The rows of turns: a question is stored with a running turn, which ends when its answer does.

Only the process that writes an answer ends its turn, unless it dies. Others ask it to stop.
"""

import functools
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import (
    ARRAY,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningInsert

from luma_rag.access import (
    Principal,
    own_chats,
    readable_documents,
    readable_namespaces,
    require_chat,
    require_namespace,
)
from luma_rag.access.principal import CallerForm
from luma_rag.chat import history, messages
from luma_rag.chat.answerer import NO_OPTIONS, AnswerOptions, HistoryMessage
from luma_rag.chat.branches import Branches
from luma_rag.chat.continuing import continued
from luma_rag.chat.failures import recover
from luma_rag.chat.messages import MessageView
from luma_rag.db.base import utcnow
from luma_rag.db.models import Chat, Document, Message, Turn
from luma_rag.errors import (
    ConflictError,
    NotFoundError,
    TooManyAnswersError,
    TurnRunningError,
)

# More earlier turns than fit into any prompt.
_HISTORY_TURNS = 20
_LOCK_CLASS = 0x4C55_4D51


class Admission(msgspec.Struct, frozen=True):
    """The process that writes the answers, and how many may be written for a user at once (0: any number)."""

    process: int
    answers_at_once: int


class Question(msgspec.Struct, frozen=True):
    """A question that `process` answers. `doc_ids` narrows it to these documents."""

    turn_id: int
    process: int
    chat_id: int
    namespace_id: int
    message: MessageView
    history: list[HistoryMessage]
    doc_ids: list[int] | None
    options: AnswerOptions = NO_OPTIONS


class Status(msgspec.Struct, frozen=True):
    """A turn with as much of its answer as is stored."""

    state: str
    question: MessageView
    answer: MessageView | None


async def ask(
    session: AsyncSession,
    principal: Principal,
    admission: Admission,
    chat_id: int,
    content: str,
    *,
    doc_ids: Sequence[int] | None = None,
    replaces: int | None = None,
    follows: int | None = None,
) -> Question:
    """Store a question and its turn, at the end of the branch in use or as a new version of another question.

    `follows` is a message: the question is added to the newest branch through it.

    Raises:
        NotFoundError: the chat is not the caller's or has no question `replaces` or message `follows`, or the
            caller can't read the namespace or one of the documents.
        TurnRunningError: an answer is being written in this chat.
        TooManyAnswersError: too many are in the user's chats.
    """
    chat, tree = await _open_chat(session, principal, admission, chat_id)
    await _require_documents(session, principal, doc_ids or ())
    before = tree.branch(follows) if replaces is None else tree.path(tree.question(replaces).follows_id)
    message = Message(chat_id=chat_id, sender_type="user", content=content, time_sent=utcnow())
    turn = Turn(
        chat_id=chat_id,
        follows_id=before[-1].id if before else None,
        doc_ids=None if doc_ids is None else list(doc_ids),
        state="running",
        process=admission.process,
    )
    turn.id, turn.question_id = (
        await session.execute(
            _insert_question(),
            {
                "chat_id": chat_id,
                "content": content,
                "time_sent": message.time_sent,
                "follows_id": turn.follows_id,
                "doc_ids": turn.doc_ids,
                "process": turn.process,
            },
        )
    ).one()
    message.id = turn.question_id
    return await _question(session, principal, admission, chat, turn, message, tree)


async def ask_after(
    session: AsyncSession,
    principal: Principal,
    admission: Admission,
    namespace_id: int,
    content: str,
    earlier: list[HistoryMessage],
    options: AnswerOptions,
    shown: Callable[[str], str],
) -> Question:
    """Store a question after a history: in the chat that this continues, or in a new one.

    See `continuing.continued` for `shown`.
    """
    found = await continued(session, principal, namespace_id, earlier, shown)
    if found is None:
        chat = await history.start(session, principal, namespace_id)
        question = await ask(session, principal, admission, chat.id, content)
    else:
        question = await ask(session, principal, admission, found.chat_id, content, follows=found.answer_id)
    return msgspec.structs.replace(question, history=earlier[-2 * _HISTORY_TURNS :], options=options)


async def regenerate(
    session: AsyncSession,
    principal: Principal,
    admission: Admission,
    chat_id: int,
    question_id: int | None = None,
) -> Question:
    """A new turn with a question, by default the last one of the branch in use.

    Raises:
        ConflictError: the chat has no question yet.
        NotFoundError, TurnRunningError, TooManyAnswersError: as for `ask`.
    """
    chat, tree = await _open_chat(session, principal, admission, chat_id)
    path = tree.branch()
    if not path:
        raise ConflictError("This chat has no question yet.")
    last = path[-1] if question_id is None else tree.question(question_id)
    message = await session.get_one(Message, last.question_id)
    turn = Turn(
        chat_id=chat_id,
        follows_id=last.follows_id,
        question_id=last.question_id,
        doc_ids=last.doc_ids,
        state="running",
        process=admission.process,
    )
    session.add(turn)
    await session.flush()
    return await _question(session, principal, admission, chat, turn, message, tree)


async def running(session: AsyncSession, principal: Principal, chat_id: int) -> int | None:
    """The id of the turn that is running in one of the caller's chats, if any.

    Raises:
        NotFoundError: the chat is not the caller's.
    """
    await require_chat(session, principal, chat_id)
    await recover(session)
    return await session.scalar(select(Turn.id).where(Turn.chat_id == chat_id, Turn.state == "running"))


async def request_stop(session: AsyncSession, principal: Principal, turn_id: int) -> None:
    """Ask the process that writes an answer of the caller's to stop."""
    await session.execute(
        update(Turn)
        .where(Turn.id == turn_id, Turn.chat_id.in_(own_chats(principal)), Turn.state == "running")
        .values(is_stopping=True)
        .execution_options(synchronize_session=False)
    )


async def status(session: AsyncSession, principal: Principal, turn_id: int) -> Status:
    """A turn of the caller's as it is stored now.

    Raises:
        NotFoundError: the chat is gone, or not the caller's.
    """
    await recover(session)
    turn = await session.scalar(
        select(Turn).where(Turn.id == turn_id, Turn.chat_id.in_(own_chats(principal)))
    )
    if turn is None:
        raise NotFoundError("The chat was deleted while the answer was written.")
    question, *answer = await messages.of_turn(session, principal, turn)
    return Status(turn.state, question, answer[0] if answer else None)


async def _open_chat(
    session: AsyncSession, principal: Principal, admission: Admission, chat_id: int
) -> tuple[Chat, Branches]:
    """A chat in which the caller may ask now, and its turns."""
    found = await session.execute(_locked_chat(principal.form), principal.parameters | {"chat_id": chat_id})
    row = found.one_or_none()
    if row is None:
        raise NotFoundError("This chat does not exist.")
    chat, is_readable, _ = row
    if not is_readable:
        # Users who have lost access to the namespace can read old messages but not ask.
        await require_namespace(session, principal, chat.namespace_id)
    tree, busy = await _turns(session, principal, chat_id)
    limit = admission.answers_at_once
    if chat_id in busy or 0 < limit <= len(busy):
        await recover(session)
        tree, busy = await _turns(session, principal, chat_id)
    if chat_id in busy:
        raise TurnRunningError("An answer is being written in this chat. Wait for it, or stop it.")
    if 0 < limit <= len(busy):
        raise TooManyAnswersError(
            f"{len(busy)} answers are being written for you, which is the limit. Wait for one, or stop one.",
            retry_after=5,
        )
    return chat, tree


async def _turns(session: AsyncSession, principal: Principal, chat_id: int) -> tuple[Branches, set[int]]:
    """The turns of one of the caller's chats; and all chats of the user in which an answer is being written,
    whatever the limits of the token.
    """
    found = await session.execute(_turns_of(principal.form), principal.parameters | {"chat_id": chat_id})
    rows = found.all()
    return Branches([turn for _, turn in rows if turn is not None]), set(rows[0].chat_ids)


async def _require_documents(session: AsyncSession, principal: Principal, doc_ids: Sequence[int]) -> None:
    if not doc_ids:
        return
    readable = set(
        await session.scalars(
            select(Document.id).where(
                Document.id.in_(doc_ids), Document.id.in_(readable_documents(principal))
            )
        )
    )
    if unknown := sorted(set(doc_ids) - readable):
        raise NotFoundError(f"Document {unknown[0]} not found, or you have no access to it.")


# Building a statement takes longer than running it.
@functools.cache
def _locked_chat(caller: CallerForm) -> Select[Chat, bool, None]:
    """A chat of the caller's, whether they can read its namespace, and a lock until the commit.

    One question of a user at a time: each sees the turns that the others have begun.
    """
    return select(
        Chat,
        Chat.namespace_id.in_(readable_namespaces(caller)),
        func.pg_advisory_xact_lock(_LOCK_CLASS, bindparam("caller_id", type_=Integer)),
    ).where(Chat.id == bindparam("chat_id", type_=Integer), Chat.id.in_(own_chats(caller)))


@functools.cache
def _turns_of(caller: CallerForm) -> Select[list[int], Turn | None]:
    """The turns of a chat of the caller's, each with the ids of the user's chats in which one is running; one
    row without a turn if there is none.
    """
    running = (
        select(Turn.chat_id)
        .join(Chat, Chat.id == Turn.chat_id)
        .where(Turn.state == "running", Chat.user_id == bindparam("caller_id", type_=Integer))
    )
    busy = select(func.array(running.scalar_subquery(), type_=ARRAY(Integer)).label("chat_ids")).subquery()
    of_chat = Turn.chat_id == bindparam("chat_id", type_=Integer)
    return (
        select(busy.c.chat_ids, Turn)
        .select_from(busy)
        .outerjoin(Turn, and_(of_chat, Turn.chat_id.in_(own_chats(caller))))
        .order_by(Turn.id)
        .execution_options(populate_existing=True)
    )


@functools.cache
def _insert_question() -> ReturningInsert[int, int]:
    """Inserts a question and its turn, and returns the ids of the turn and of the question."""
    of_chat = bindparam("chat_id", type_=Integer)
    message = (
        insert(Message.metadata.tables["message"])
        .values(
            chat_id=of_chat,
            sender_type="user",
            content=bindparam("content"),
            time_sent=bindparam("time_sent"),
        )
        .returning(Message.id)
        .cte("message")
    )
    values = {
        "chat_id": of_chat,
        "follows_id": bindparam("follows_id", type_=Integer),
        "question_id": message.c.id,
        "doc_ids": bindparam("doc_ids", type_=ARRAY(Integer)),
        "state": literal("running"),
        "process": bindparam("process", type_=Integer),
    }
    return (
        insert(Turn.metadata.tables["turn"])
        .from_select([*values], select(*values.values()))
        .returning(Turn.id, Turn.question_id)
    )


async def _question(
    session: AsyncSession,
    principal: Principal,
    admission: Admission,
    chat: Chat,
    turn: Turn,
    message: Message,
    tree: Branches,
) -> Question:
    """The question of a turn that has just begun. `tree` holds the turns before it."""
    before = tree.path(turn.follows_id)
    return Question(
        turn.id,
        admission.process,
        chat.id,
        chat.namespace_id,
        messages.view(message, turn, tree.grown(turn)),
        await _history(session, principal, before[-_HISTORY_TURNS:]),
        turn.doc_ids,
    )


async def _history(
    session: AsyncSession, principal: Principal, turns: Sequence[Turn]
) -> list[HistoryMessage]:
    """The questions of turns, each followed by its answer if there is one."""
    ids = [message_id for turn in turns for message_id in (turn.question_id, turn.answer_id) if message_id]
    if not ids:
        return []
    found = await session.scalars(
        select(Message).where(Message.id.in_(ids), Message.chat_id.in_(own_chats(principal)))
    )
    by_id = {message.id: message for message in found}
    return [
        HistoryMessage("user" if by_id[i].sender_type == "user" else "LLM", by_id[i].content) for i in ids
    ]
