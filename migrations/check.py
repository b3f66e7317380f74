"""Fails if the models differ from the migrated schema, using a temporary embedded database."""

import asyncio
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import Connection

from luma_rag.db import migrate
from luma_rag.db.embedded import running
from luma_rag.db.session import create_engine


async def check(url: str) -> None:
    """Migrate the database to the latest revision, then compare it with the models."""
    engine = create_engine(url)
    await migrate.upgrade(engine)
    async with engine.connect() as connection:
        await connection.run_sync(_compare)
    await engine.dispose()


def _compare(connection: Connection) -> None:
    configuration = migrate.config()
    configuration.attributes["connection"] = connection
    command.check(configuration)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), grace=0) as url:
        asyncio.run(check(url))
