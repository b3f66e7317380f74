"""Queue depth and throughput of ingestion: counts only, for operators."""

from collections.abc import Mapping
from typing import Literal

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal
from luma_rag.db.models import Ingestion, WorkDone
from luma_rag.errors import ForbiddenError

Outcome = Literal["ready", "linked", "failed"]


class Done(msgspec.Struct, frozen=True):
    """Finished documents, and the total seconds from claim to finish."""

    documents: int
    seconds: float


class IngestionStats(msgspec.Struct, frozen=True):
    """Queued ingestions, running ones by stage, and the all-time totals by outcome."""

    queued: int
    running: Mapping[str, int]
    done: Mapping[str, Done]


async def record(session: AsyncSession, outcome: Outcome, seconds: float) -> None:
    """Count a finished document."""
    statement = upsert(WorkDone).values(outcome=outcome, documents=1, seconds=seconds)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[WorkDone.outcome],
            set_={"documents": WorkDone.documents + 1, "seconds": WorkDone.seconds + seconds},
        )
    )


async def measure(session: AsyncSession, principal: Principal) -> IngestionStats:
    """The totals of the whole service. For administrators; a narrowed token is enough, since nothing is
    named.

    Raises:
        ForbiddenError: the caller is not an administrator.
    """
    if principal.role != "admin":
        raise ForbiddenError("Administrators only.")
    active = await session.execute(
        select(Ingestion.state, Ingestion.stage, func.count())
        # A constant, because a generic plan uses a partial index only if the statement implies its condition.
        .where(text("state IN ('queued', 'running')"))
        .group_by(Ingestion.state, Ingestion.stage)
    )
    queued, running = 0, dict.fromkeys(("parsing", "chunking", "embedding", "storing"), 0)
    for state, stage, count in active:
        if state == "queued":
            queued += count
        elif stage is not None:
            running[stage] = count
    done = await session.scalars(select(WorkDone).order_by(WorkDone.outcome))
    return IngestionStats(
        queued, running, {each.outcome: Done(each.documents, each.seconds) for each in done}
    )
