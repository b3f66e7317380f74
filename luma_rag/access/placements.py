"""Placements: documents in namespaces, each by the right of the user who added it.

A placement is valid while that user may add the document to a namespace: the owner, users with write
permission, and administrators, or any user if the document is public. The SQL function `placement_stands`
defines this rule. Triggers apply it whenever a right ends.
"""

from sqlalchemy import Integer, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access.principal import Principal
from luma_rag.db.base import utcnow
from luma_rag.db.models import Document, DocUser, Placement, User
from luma_rag.errors import ForbiddenError


async def lock_right(session: AsyncSession, principal: Principal, doc_id: int) -> None:
    """Lock the rows that give the caller a right to the document. Changes of them wait for this transaction.

    The order, users before documents, is the same everywhere and prevents deadlocks.
    """
    for rows in (
        select(User.id).where(User.id == principal.user_id),
        select(Document.id).where(Document.id == doc_id),
        select(DocUser.id).where(DocUser.doc_id == doc_id, DocUser.user_id == principal.user_id),
    ):
        await session.execute(rows.with_for_update(read=True))


async def place(session: AsyncSession, principal: Principal, doc_id: int, namespace_id: int) -> None:
    """Record that the caller adds a document to a namespace. Call `lock_right` first.

    Raises:
        ForbiddenError: the right has ended since the request was checked.
    """
    placed = {
        Placement.doc_id: literal(doc_id, Integer),
        Placement.namespace_id: literal(namespace_id, Integer),
        Placement.user_id: literal(principal.user_id, Integer),
        Placement.placed_at: literal(utcnow(), Placement.placed_at.type),
    }
    valid = select(*placed.values()).where(func.placement_stands(doc_id, principal.user_id))
    row = insert(Placement).from_select([column.key for column in placed], valid)
    recorded = await session.scalar(
        row.on_conflict_do_update(
            index_elements=[Placement.doc_id, Placement.namespace_id],
            set_={"user_id": row.excluded.user_id, "placed_at": row.excluded.placed_at},
        ).returning(Placement.doc_id)
    )
    if recorded is None:
        raise ForbiddenError("Your permission on the document has just ended.")


async def hand_over(session: AsyncSession, user_id: int, to: int) -> None:
    """Transfer a user's placements, before their documents. Afterwards call `end_without_right`."""
    await session.execute(update(Placement).where(Placement.user_id == user_id).values(user_id=to))


async def end_without_right(session: AsyncSession, user_id: int) -> None:
    """End the placements for which a user has no right."""
    await session.execute(
        delete(Placement).where(
            Placement.user_id == user_id, ~func.placement_stands(Placement.doc_id, Placement.user_id)
        )
    )
