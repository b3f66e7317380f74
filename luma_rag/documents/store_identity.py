"""The id that a database and the folder of its files share.

Two hosts on one database must see the same files. Without the id, a host with a folder of its own would lose
half of the files without a word, and a folder of another database would be swept.
"""

import uuid

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db.models import Document, FileStore
from luma_rag.db.session import Sessions
from luma_rag.documents.storage import FileStorage
from luma_rag.errors import WrongFilesError

_LOCK = 0x4C55_4D49
# A store of an earlier release has no id. It is recognized by some of its files.
_SAMPLE = 100


async def check(sessions: Sessions, storage: FileStorage) -> None:
    """Check that the folder holds this database's files. A new store, or one without an id, gets one.

    Raises:
        WrongFilesError: the folder belongs to another database, or is not the one with the files.
    """
    async with sessions.begin() as session:
        recorded = await session.scalar(select(FileStore.store_id))
        if recorded is not None and recorded == storage.read_id():
            return
        # Of two servers that start together, the second sees the id of the first.
        await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        recorded = await session.scalar(select(FileStore.store_id))
        found = storage.read_id()
        if recorded is None and await _belongs(session, storage, found):
            await _record(session, storage, found or _new_id())
        elif recorded is None or recorded != found:
            raise WrongFilesError(_advice(recorded, found))


async def adopt(sessions: Sessions, storage: FileStorage) -> None:
    """Give the database and the folder a new id. Hosts with another folder refuse to start from now on."""
    async with sessions.begin() as session:
        await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        await _record(session, storage, _new_id())


async def _belongs(session: AsyncSession, storage: FileStorage, found: str | None) -> bool:
    """Whether a database without an id may take the folder."""
    paths = await session.scalars(select(Document.file_path).order_by(Document.id.desc()).limit(_SAMPLE))
    known = paths.all()
    if known:
        return any(storage.path(path).is_file() for path in known)
    # An interrupted first start may have left an id, but no files.
    return found is None or next(storage.files(), None) is None


async def _record(session: AsyncSession, storage: FileStorage, store_id: str) -> None:
    inserting = upsert(FileStore).values(id=1, store_id=store_id)
    await session.execute(
        inserting.on_conflict_do_update(index_elements=[FileStore.id], set_={"store_id": store_id})
    )
    # Before the commit: without the file, the next start would refuse the folder.
    storage.write_id(store_id)


def _new_id() -> str:
    return str(uuid.uuid4())


def _advice(recorded: str | None, found: str | None) -> str:
    if found is not None:
        problem = "The folder `files` of the data directory belongs to another database."
    elif recorded is not None:
        problem = "The folder `files` of the data directory is not the one with the files of this database."
    else:
        problem = "The folder `files` of the data directory has none of the files of this database."
    return (
        f"{problem} Mount the shared folder there, or set LUMA_DATA_DIR to the directory that holds it, or "
        "LUMA_DATABASE_URL to its database. After a restore, or if this folder is right: luma db adopt-files"
    )
