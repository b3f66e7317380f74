"""Decides whether pending files stay, by asking the database whether a document has them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from sqlalchemy import ARRAY, Text, func, literal, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db.models import Document
from luma_rag.db.session import Sessions
from luma_rag.documents.storage import FileStorage, PendingFile, discard_all

logger = logging.getLogger(__name__)
_LOCK_CLASS = 0x4C55_4D46
# Each takes an advisory lock, and locks are limited.
_BATCH = 100


async def lock_file(session: AsyncSession, path: str) -> None:
    """Make the resolution of a new file wait for the end of this transaction.

    After a lost connection, the transaction may still be committing.
    """
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK_CLASS, func.hashtext(path))))


async def resolve(sessions: Sessions, files: Sequence[PendingFile]) -> None:
    """Keep the files that a document has, and delete the others.

    Files are left to the next start of Luma if the database can't be asked.
    """
    for start in range(0, len(files), _BATCH):
        batch = files[start : start + _BATCH]
        try:
            kept = await _with_document(sessions, [file.path for file in batch])
        except (SQLAlchemyError, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            logger.warning("The next start of Luma decides about %s pending files: %s", len(batch), reason)
            for file in batch:
                file.release()
            continue
        for file in batch:
            if file.path in kept:
                file.keep()
        await asyncio.to_thread(discard_all, batch)


async def sweep(sessions: Sessions, storage: FileStorage) -> None:
    """Resolve the files of uploads and deletions whose process has died."""
    await resolve(sessions, [*storage.abandoned()])
    storage.remove_former_uploads()


@asynccontextmanager
async def removing_files(
    sessions: Sessions, storage: FileStorage
) -> AsyncGenerator[tuple[AsyncSession, Callable[..., None]]]:
    """A transaction that deletes documents, and a function that takes the paths of their files.

    The files are deleted after the commit: a rollback would leave documents without their files.
    """
    files: list[PendingFile] = []

    def remove(*paths: str) -> None:
        files.extend(storage.pend(path, is_new=False) for path in paths)

    try:
        async with sessions.begin() as session:
            yield session, remove
            if files:
                with suppress(OSError):
                    await asyncio.to_thread(storage.sync_markers)
    except BaseException:
        await asyncio.shield(resolve(sessions, files))
        raise
    await asyncio.to_thread(discard_all, files)


async def _with_document(sessions: Sessions, paths: list[str]) -> set[str]:
    async with sessions.begin() as session:
        await session.execute(text("SET LOCAL lock_timeout = '30s'"))
        path = func.unnest(literal(paths, ARRAY(Text))).column_valued("path")
        await session.execute(select(func.pg_advisory_xact_lock(_LOCK_CLASS, func.hashtext(path))))
        # The row lock waits for a deletion that has not ended.
        found = await session.scalars(
            select(Document.file_path)
            .where(Document.file_path.in_(paths))
            .with_for_update(read=True, key_share=True)
        )
        return set(found)
