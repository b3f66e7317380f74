"""Turns that have failed, and why."""

import msgspec
from sqlalchemy import ColumnElement, update
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.chat.processes import connected_processes
from luma_rag.db.models import Turn
from luma_rag.errors import AnswerInterruptedError, LumaError, error_classes


class TurnProblem(msgspec.Struct, frozen=True):
    """Why an answer is incomplete or missing: a problem as in RFC 9457."""

    type: str
    code: str
    title: str
    status: int
    detail: str

    @classmethod
    def of(cls, error: LumaError) -> "TurnProblem":
        """The problem that is stored for an error."""
        detail = error.public_detail or error.detail
        return cls(f"/problems#{error.code}", error.code, error.title, error.status, detail)

    def error(self) -> LumaError:
        """The error that was stored."""
        known = {error_class.code: error_class for error_class in error_classes()}
        return known.get(self.code, LumaError)(self.detail)  # type: ignore[call-overload, no-any-return]


async def fail(session: AsyncSession, turn_id: int, error: LumaError) -> None:
    """End a turn that its process no longer writes. The stored part of its answer stays."""
    await _fail(session, Turn.id == turn_id, error)


async def recover(session: AsyncSession) -> None:
    """End the turns of processes that have died. The stored parts of their answers stay."""
    error = AnswerInterruptedError(
        "The server ended unexpectedly while it wrote this answer. Regenerate the answer."
    )
    await _fail(session, Turn.process.not_in(connected_processes()), error)


async def _fail(session: AsyncSession, which: ColumnElement[bool], error: LumaError) -> None:
    await session.execute(
        update(Turn)
        .where(Turn.state == "running", which)
        .values(state="failed", process=None, error=msgspec.to_builtins(TurnProblem.of(error)))
        .execution_options(synchronize_session=False)
    )
