"""A database that the rolled-back tests of a worker share."""

from collections.abc import AsyncGenerator

import pytest

from luma_rag.db.session import create_sessions
from luma_rag.documents.storage import FileStorage
from luma_rag.runtime import Store
from luma_rag.settings import Settings
from tests.databases import Databases


@pytest.fixture(scope="module")
async def shared_store(
    databases: Databases, template_without_rows: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Store]:
    """A store for all tests of a module."""
    database = await databases.take(template_without_rows)
    settings = Settings(data_dir=tmp_path_factory.mktemp("shared"), database_url=database.url)
    storage = FileStorage(settings.data_dir / "files", settings.max_upload_mb * 2**20)
    yield Store(settings, database.url, database.engine, create_sessions(database.engine), storage)
    await databases.give_back(database)
