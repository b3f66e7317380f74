"""The database and the folder of files: what commands need that neither search nor answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import msgspec
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from luma_rag.db import migrate
from luma_rag.db.connect import database_url
from luma_rag.db.errors import reason
from luma_rag.db.session import POOL_SIZE, Sessions, create_engine, create_sessions
from luma_rag.documents import pending_files, store_identity
from luma_rag.documents.storage import FileStorage
from luma_rag.errors import ConfigurationError
from luma_rag.settings import Settings


class Store(msgspec.Struct, frozen=True):
    """A migrated database and the folder of stored files."""

    settings: Settings
    url: str
    engine: AsyncEngine
    sessions: Sessions
    storage: FileStorage


@asynccontextmanager
async def open_store(
    settings: Settings, *, pool_size: int = POOL_SIZE, adopts_files: bool = False
) -> AsyncGenerator[Store]:
    """Start or reach the database, migrate it, and open the storage folder.

    With `adopts_files`, the database takes whatever folder the settings name.

    Raises:
        ConfigurationError: the message names the setting and the fix.
        WrongFilesError: the folder does not hold the files of this database.
    """
    async with AsyncExitStack() as stack:
        database = database_url(settings)
        url = await asyncio.to_thread(database.__enter__)
        # Leaving the context blocks only briefly; in a thread, a cancellation could leave it behind.
        stack.push(database)
        engine = create_engine(url, pool_size=pool_size)
        stack.push_async_callback(engine.dispose)
        try:
            await migrate.upgrade(engine)
        except (DBAPIError, asyncpg.PostgresError, OSError) as error:
            raise ConfigurationError(_unreachable(settings, error)) from error
        storage = FileStorage(settings.data_dir / "files", settings.max_upload_mb * 2**20)
        sessions = create_sessions(engine)
        if adopts_files:
            await store_identity.adopt(sessions, storage)
        else:
            await store_identity.check(sessions, storage)
        await pending_files.sweep(sessions, storage)
        yield Store(settings, url, engine, sessions, storage)


def _unreachable(settings: Settings, error: Exception) -> str:
    why = reason(error)
    if settings.database_url is None:
        return f"The embedded database does not answer: {why}. Run luma doctor to see more."
    return (
        f"The database of LUMA_DATABASE_URL can't be used: {why}. Check the address, that the server "
        "runs, and that user and password are right; or unset it to use the embedded database."
    )
