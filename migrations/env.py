"""Runs migrations on the connection passed by `luma_rag.db.migrate`, or on the configured database."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text

from luma_rag import settings
from luma_rag.db import models  # noqa: F401 - fills the metadata
from luma_rag.db.base import Base, UTCTimestamp
from luma_rag.db.connect import database_url
from luma_rag.db.session import create_engine


def render_type(kind: str, item: object, _autogen: object) -> str | bool:
    """Render plain types, so that migrations keep working when the custom types change."""
    return "sa.TIMESTAMP()" if kind == "type" and isinstance(item, UTCTimestamp) else False


def run(connection: Connection) -> None:
    """Migrate on `connection` in one transaction. Fail rather than wait behind a long lock."""
    connection.execute(text("SET LOCAL lock_timeout = '10s'"))
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=True,
        render_item=render_type,
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run() -> None:
    """Entry point for the `alembic` command line: use Luma's configured database."""
    with database_url(settings.load()) as url:
        engine = create_engine(url)
        async with engine.connect() as connection:
            await connection.run_sync(run)
            await connection.commit()
        await engine.dispose()


handed_over: Connection | None = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    asyncio.run(connect_and_run())
