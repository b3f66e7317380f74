"""Backfills: changes of many existing rows, in batches beside the service. See ADR 18.

A migration starts one by inserting its name into `backfill`. Workers then run its batches between documents,
one transaction each, so that no lock lasts longer than a batch.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db.base import utcnow
from luma_rag.db.models import Backfill
from luma_rag.db.session import Sessions

logger = logging.getLogger(__name__)

Batch = Callable[[AsyncSession, int], Awaitable[int | None]]
"""Changes the next rows, those with a key above the given one, and returns the last key; None after the last
row. Must be idempotent.
"""
BATCHES: dict[str, Batch] = {}
"""The backfills of this version, by name."""


class Unfinished(msgspec.Struct, frozen=True):
    """A backfill that is not finished; all rows with keys up to `position` are done."""

    name: str
    position: int


async def run_batch(sessions: Sessions, batches: Mapping[str, Batch] = BATCHES) -> bool:
    """Run the next batch, unless another worker does. Returns whether there was one."""
    async with sessions.begin() as session:
        backfill = await session.scalar(
            select(Backfill)
            .where(Backfill.finished_at.is_(None), Backfill.name.in_(batches))
            .order_by(Backfill.name)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if backfill is None:
            return False
        last = await batches[backfill.name](session, backfill.position)
        if last is None:
            backfill.finished_at = utcnow()
            logger.info("The backfill %s is finished", backfill.name)
        else:
            backfill.position = last
    return True


async def unfinished(session: AsyncSession) -> list[Unfinished]:
    """The backfills that are not finished."""
    found = await session.scalars(
        select(Backfill).where(Backfill.finished_at.is_(None)).order_by(Backfill.name)
    )
    return [Unfinished(backfill.name, backfill.position) for backfill in found]
