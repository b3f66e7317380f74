"""Finds the chat that a conversation continues, for programs that send the whole conversation each time."""

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from luma_rag.access import Principal, own_chats
from luma_rag.chat.answerer import HistoryMessage
from luma_rag.db.models import Chat, Message, Turn
from luma_rag.llm.reasoning import without_reasoning

_RECENT = 50
"""The newest exchanges of the caller's among which the last one of the conversation is looked for."""


class Continued(msgspec.Struct, frozen=True):
    """The chat, and the answer in it after which the conversation goes on."""

    chat_id: int
    answer_id: int


async def continued(
    session: AsyncSession,
    principal: Principal,
    namespace_id: int,
    history: Sequence[HistoryMessage],
    shown: Callable[[str], str],
) -> Continued | None:
    """The caller's chat with this namespace whose last exchange is that of `history`.

    `shown` is how an answer was shown to the program. A chat in which an answer is being written is not
    continued.
    """
    if len(history) < 2 or (history[-2].sender, history[-1].sender) != ("user", "LLM"):
        return None
    question, answer, running = aliased(Message), aliased(Message), aliased(Turn)
    is_running = exists().where(running.chat_id == Turn.chat_id, running.state == "running")
    recent = await session.execute(
        select(Turn.chat_id, answer.id, answer.content)
        .join(Chat, Chat.id == Turn.chat_id)
        .join(question, question.id == Turn.question_id)
        .join(answer, answer.id == Turn.answer_id)
        .where(
            Chat.id.in_(own_chats(principal)),
            Chat.namespace_id == namespace_id,
            question.content == history[-2].content,
            ~is_running,
        )
        .order_by(Turn.id.desc())
        .limit(_RECENT)
    )
    said = without_reasoning(history[-1].content).strip()
    for chat_id, answer_id, content in recent:
        if shown(content).strip() == said:
            return Continued(chat_id, answer_id)
    return None
