"""Documents whose file is no longer in a source."""

from contextlib import suppress

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal
from luma_rag.db.models import Placement, SyncItem, SyncSource
from luma_rag.documents import namespace_documents
from luma_rag.documents import service as documents
from luma_rag.errors import ForbiddenError, NotFoundError


async def leave(
    session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int, *, is_made: bool
) -> str | None:
    """Take a document out of a namespace, unless another file of a source there has it. Requires level 2.

    If it `is_made` by a synchronization and stands nowhere else, it is deleted. Returns the stored file, to
    remove after the commit.
    """
    of_file = select(SyncItem.path).join(SyncSource, SyncSource.id == SyncItem.source_id)
    if await session.scalar(
        select(of_file.where(SyncItem.doc_id == doc_id, SyncSource.namespace_id == namespace_id).exists())
    ):
        return None
    with suppress(NotFoundError):
        await namespace_documents.remove(session, principal, namespace_id, doc_id)
    is_used = exists().where(Placement.doc_id == doc_id) | exists().where(SyncItem.doc_id == doc_id)
    if not is_made or await session.scalar(select(is_used)):
        return None
    # It may belong to somebody else now.
    with suppress(NotFoundError, ForbiddenError):
        return await documents.remove(session, principal, doc_id)
    return None
