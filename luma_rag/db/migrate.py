"""Migrates a database to this version's schema."""

import functools
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from luma_rag.errors import ConfigurationError

MIN_POSTGRES = 15
MIN_PGVECTOR = (0, 8, 4)
# An arbitrary constant: two servers that start together must not migrate concurrently.
UPGRADE_LOCK = 0x4C554D41


def config() -> Config:
    """The Alembic configuration, for an installed package and for a checkout."""
    package = Path(__file__).parents[1]
    places = [package / "migrations", package.parent / "migrations"]
    found = next(place for place in places if (place / "env.py").exists())
    configuration = Config()
    configuration.set_main_option("script_location", str(found).replace("%", "%%"))
    return configuration


async def upgrade(engine: AsyncEngine) -> None:
    """Check the server and migrate to the latest revision; fast if there is nothing to do.

    Raises:
        ConfigurationError: Postgres or pgvector is missing, too old or not installable, or the database was
            created by a newer version of Luma.
    """
    await check_server(engine)
    async with engine.connect() as connection:
        await connection.run_sync(upgrade_in_transaction)
        await connection.commit()


async def check_server(engine: AsyncEngine) -> None:
    """Check the server, and create the extension pgvector if it is missing.

    Raises:
        ConfigurationError: see `upgrade`.
    """
    async with engine.connect() as connection:
        await connection.run_sync(_check_server)


def revisions() -> set[str]:
    """All revisions that this version knows."""
    return {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


def current_and_head(connection: Connection) -> tuple[str | None, str | None]:
    """The database's current revision, and the latest one."""
    return MigrationContext.configure(connection).get_current_revision(), head()


@functools.cache
def head() -> str | None:
    """The latest revision. Reading all migrations takes long, and they don't change while a process runs."""
    return ScriptDirectory.from_config(config()).get_current_head()


def recreate(connection: Connection, revision: str) -> None:
    """Recreate all tables, empty, as of a revision, within the caller's transaction. Data is lost."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
    configuration = config()
    configuration.attributes["connection"] = connection
    command.downgrade(configuration, "base")
    command.upgrade(configuration, revision)


def upgrade_in_transaction(connection: Connection) -> None:
    """Migrate to the latest revision within the caller's transaction.

    Raises:
        ConfigurationError: the database was created by a newer version of Luma.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
    current, head = current_and_head(connection)
    if current == head:
        return
    if current is not None and current not in revisions():
        raise ConfigurationError(
            f"This database was made by a newer version of Luma (revision {current}). Use that one, or set "
            "LUMA_DATABASE_URL or LUMA_DATA_DIR to another one."
        )
    configuration = config()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")


def _check_server(connection: Connection) -> None:
    version: int = connection.execute(text("SELECT current_setting('server_version_num')::int")).scalar_one()
    if version // 10_000 < MIN_POSTGRES:
        raise ConfigurationError(
            f"The database is Postgres {version // 10_000}; Luma needs {MIN_POSTGRES} or newer. "
            "Set LUMA_DATABASE_URL to a newer server, or unset it to use the embedded one."
        )
    found: dict[str, tuple[str | None, str | None]] = {
        "vector": (None, None),
        **{
            name: (installed, default)
            for name, installed, default in connection.execute(
                text(
                    "SELECT name, installed_version, default_version FROM pg_available_extensions "
                    "WHERE name = 'vector'"
                )
            )
        },
    }
    installed, available = found["vector"]
    needed = ".".join(map(str, MIN_PGVECTOR))
    if available is None:
        raise ConfigurationError(
            f"The database server has no pgvector. Install pgvector {needed} or newer on it "
            "(https://github.com/pgvector/pgvector#installation), or unset LUMA_DATABASE_URL to use the "
            "embedded server, which brings it."
        )
    if _version(installed or available) < MIN_PGVECTOR:
        fix = (
            "run: ALTER EXTENSION vector UPDATE"
            if _version(available) >= MIN_PGVECTOR
            else "update it on the database server"
        )
        raise ConfigurationError(
            f"The database has pgvector {installed or available}; Luma needs {needed} or newer: {fix}."
        )
    if installed is None:
        try:
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
            connection.commit()
        except DBAPIError:
            raise ConfigurationError(
                "The extension pgvector is not installed in this database and its user may not install it. "
                "As a superuser run there: CREATE EXTENSION vector"
            ) from None


def _version(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
