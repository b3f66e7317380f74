"""The branches of a chat. Its turns are a tree, and a branch is the path from a first turn to a last one."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, own_chats
from luma_rag.db.models import Turn
from luma_rag.errors import NotFoundError


class Branches:
    """The turns of one chat, by increasing id."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = turns
        self._by_id = {turn.id: turn for turn in turns}

    def grown(self, turn: Turn) -> "Branches":
        """These turns and a new one."""
        return Branches([*self._turns, turn])

    def is_running(self) -> bool:
        """Whether an answer is being written, as far as the rows say."""
        return any(turn.state == "running" for turn in self._turns)

    def branch(self, through: int | None = None) -> list[Turn]:
        """The branch in use, which is the newest; or the newest through this message.

        Raises:
            NotFoundError: the chat has no such message.
        """
        for leaf in reversed(self._turns):
            path = self.path(leaf.id)
            if through is None or any(through in (turn.question_id, turn.answer_id) for turn in path):
                return path
        if through is None:
            return []
        raise NotFoundError(f"Message {through} not found in this chat.")

    def path(self, turn_id: int | None) -> list[Turn]:
        """The turns up to this one, oldest first; none for None."""
        return [*self._upwards(turn_id)][::-1]

    def question(self, message_id: int) -> Turn:
        """A turn with this question.

        Raises:
            NotFoundError: the chat has no such question.
        """
        found = next((turn for turn in self._turns if turn.question_id == message_id), None)
        if found is None:
            raise NotFoundError("This question is not in the chat.")
        return found

    def questions(self, follows_id: int | None) -> list[int]:
        """The versions of a question: all that follow the same turn."""
        return list(dict.fromkeys(turn.question_id for turn in self._turns if turn.follows_id == follows_id))

    def answers(self, question_id: int) -> list[int]:
        """The versions of the answer to a question."""
        return [
            turn.answer_id
            for turn in self._turns
            if turn.question_id == question_id and turn.answer_id is not None
        ]

    def _upwards(self, turn_id: int | None) -> Iterator[Turn]:
        while turn_id is not None:
            turn = self._by_id[turn_id]
            yield turn
            turn_id = turn.follows_id


async def branches(session: AsyncSession, principal: Principal, chat_id: int) -> Branches:
    """The branches of one of the caller's chats; none of another's."""
    turns = await session.scalars(
        select(Turn)
        .where(Turn.chat_id == chat_id, Turn.chat_id.in_(own_chats(principal)))
        .order_by(Turn.id)
        .execution_options(populate_existing=True)
    )
    return Branches(turns.all())
