import itertools
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from luma_rag.db.session import create_engine, create_sessions
from luma_rag.documents.storage import FileStorage
from luma_rag.runtime import Store
from luma_rag.settings import Settings
from tests.databases import database_at, drop, run_on

EmptyStore = Callable[[], Awaitable[Store]]
_numbers = itertools.count(1)


@pytest.fixture
async def empty_store(server_url: str, template: str, tmp_path: Path) -> AsyncGenerator[EmptyStore]:
    """Makes stores with a new database, without tables. Making the template has permitted the role to."""
    async with AsyncExitStack() as stack:

        async def make() -> Store:
            number = next(_numbers)
            name = f"restored_{os.getpid()}_{number}"
            await run_on(server_url, f"CREATE DATABASE {name} STRATEGY file_copy")
            stack.push_async_callback(drop, server_url, name)
            url = database_at(server_url, name)
            engine = create_engine(url)
            stack.push_async_callback(engine.dispose)
            folder = tmp_path / name
            storage = FileStorage(folder / "files", 2**30)
            settings = Settings(data_dir=folder, database_url=url)
            return Store(settings, url, engine, create_sessions(engine), storage)

        yield make


@pytest.fixture
async def target(empty_store: EmptyStore) -> Store:
    """A store to restore into."""
    return await empty_store()
