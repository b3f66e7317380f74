"""A database that the read-only and the rolled-back tests of a worker share."""

from collections.abc import AsyncGenerator

import pytest

from luma_rag.db.session import create_engine, create_sessions
from luma_rag.documents.storage import FileStorage
from luma_rag.runtime import Store
from luma_rag.settings import Settings
from tests.conftest import _database, run_on


@pytest.fixture(scope="session")
async def shared_store(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Store]:
    name = f"{template}_shared"
    await run_on(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    url = _database(server_url, name)
    settings = Settings(data_dir=tmp_path_factory.mktemp("shared"), database_url=url)
    engine = create_engine(url)
    storage = FileStorage(settings.data_dir / "files", settings.max_upload_mb * 2**20)
    yield Store(settings, url, engine, create_sessions(engine), storage)
    await engine.dispose()
    await run_on(server_url, f"DROP DATABASE {name} WITH (FORCE)")
