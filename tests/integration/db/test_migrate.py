"""What a database must bring along, and what is said where it does not."""

import pytest
from sqlalchemy import text

from luma_rag.db import migrate
from luma_rag.errors import ConfigurationError
from luma_rag.runtime import Store


async def test_a_migrated_database_is_left_alone(store: Store) -> None:
    await migrate.upgrade(store.engine)
    async with store.engine.connect() as connection:
        current, head = await connection.run_sync(migrate.current_and_head)
    assert current == head is not None


async def test_a_database_of_a_newer_version_is_not_touched(store: Store) -> None:
    async with store.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'from-the-future'"))
    with pytest.raises(ConfigurationError, match="newer version of Luma"):
        await migrate.upgrade(store.engine)


async def test_an_old_server_is_named_with_the_fix(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "MIN_POSTGRES", 99)
    with pytest.raises(ConfigurationError, match="Luma needs 99 or newer"):
        await migrate.upgrade(store.engine)


async def test_an_old_pgvector_is_named_with_the_fix(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "MIN_PGVECTOR", (99, 0))
    with pytest.raises(ConfigurationError, match=r"Luma needs 99\.0 or newer"):
        await migrate.upgrade(store.engine)
