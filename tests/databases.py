"""Migrated databases, shared by consecutive tests.

Creating a database takes about a second, deleting a test's rows a few milliseconds. A worker therefore has
one database, which is emptied after each test and replaced if a test changed more than rows.
"""

import asyncio
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from luma_rag.db import migrate
from luma_rag.db.embedded import as_superuser
from luma_rag.db.session import create_engine
from luma_rag.db.supervisor.roles import OWNER

# Deleted rows stay in the files until vacuum. Beyond this size a copy of the template is cheaper.
_MAX_BYTES = 32 * 2**20

_IS_OURS = "relnamespace = 'public'::regnamespace"

# Sessions left by a test would keep locks: on tables, or a worker's advisory lock.
_END_LEFT_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity a
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
AND (state <> 'idle' OR EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory'))
"""

# Triggers and foreign keys do not apply to a replica. Sequences restart, as in a new database.
_DELETE_ROWS = f"""
BEGIN;
SET LOCAL session_replication_role = replica;
SET LOCAL lock_timeout = '5s';
DO $$
DECLARE name regclass;
BEGIN
    FOR name IN SELECT oid FROM pg_class WHERE {_IS_OURS} AND relkind = 'r'
        AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0
    LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename), start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL;
END $$;
COMMIT;
"""

# Everything that migrations create.
_SCHEMA = f"""
SELECT md5(concat_ws(' ',
    (SELECT string_agg(concat_ws(' ', oid, relname, relkind, reloptions), ',' ORDER BY oid)
     FROM pg_class WHERE {_IS_OURS}),
    (SELECT string_agg(concat_ws(' ', attrelid, attname, atttypid, attnotnull, attisdropped), ','
                       ORDER BY attrelid, attnum)
     FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE {_IS_OURS}),
    (SELECT string_agg(concat_ws(' ', indexrelid, indisvalid, indisready), ',' ORDER BY indexrelid)
     FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE {_IS_OURS}),
    (SELECT string_agg(concat_ws(' ', oid, tgname, tgenabled), ',' ORDER BY oid) FROM pg_trigger),
    (SELECT string_agg(concat_ws(' ', oid, conname, convalidated), ',' ORDER BY oid) FROM pg_constraint),
    (SELECT string_agg(concat_ws(' ', oid, proname, md5(prosrc)), ',' ORDER BY oid)
     FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
    (SELECT string_agg(concat_ws(' ', setrole, setconfig), ',' ORDER BY setrole)
     FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase AND datname = current_database()),
    (SELECT string_agg(version_num, ',') FROM alembic_version)))
"""

_own_numbers = itertools.count(1)

_SIZE = f"SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE {_IS_OURS}"


class Database:
    """A copy of a template; `engine` serves consecutive tests."""

    def __init__(self, url: str, template: str, engine: AsyncEngine, schema: str) -> None:
        self.url = url
        self.template = template
        self.engine = engine
        self._schema = schema

    async def empty(self) -> bool:
        """Delete all rows. Returns whether the database is as new."""
        try:
            async with asyncio.timeout(15), self.engine.connect() as connection:
                raw = (await connection.get_raw_connection()).driver_connection
                await raw.execute(_END_LEFT_SESSIONS)
                await raw.execute(_DELETE_ROWS)
                return await _is_small_and_has(raw, self._schema)
        except (SQLAlchemyError, asyncpg.PostgresError, OSError):
            # This includes a timeout: a failed test may hold all connections of the pool.
            return False


async def create_template(server_url: str, name: str) -> None:
    """Create a migrated database without rows."""
    for statement in (
        # Copying a database mostly waits for the disk, and nothing has to be durable.
        "ALTER SYSTEM SET fsync = off",
        "SELECT pg_reload_conf()",
        # What tests do and Luma does not.
        f"ALTER ROLE {OWNER} CREATEDB",
        f"GRANT SET ON PARAMETER session_replication_role TO {OWNER}",
    ):
        await run_on(as_superuser(server_url), statement)
    await run_on(server_url, f"CREATE DATABASE {name}")
    engine = create_engine(database_at(server_url, name))
    await migrate.upgrade(engine)
    async with engine.connect() as connection:
        tables = await connection.scalars(
            text(f"SELECT relname FROM pg_class WHERE {_IS_OURS} AND relkind = 'r'")
        )
        for table in tables.all():
            # Rows written by migrations would have to be restored after each test.
            holds_rows = await connection.scalar(text(f"SELECT EXISTS (SELECT FROM {table})"))
            assert holds_rows is (table == "alembic_version"), table
    await engine.dispose()


class Databases:
    """The databases of one worker. Copies of the template without rows are reused."""

    def __init__(self, server_url: str, without_rows: str) -> None:
        self._server_url = server_url
        self._without_rows = without_rows
        self._numbers = itertools.count(1)
        self._free: list[Database] = []

    async def take(self, template: str) -> Database:
        """A copy of the template, for one test."""
        if template == self._without_rows and self._free:
            return self._free.pop()
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        await run_on(self._server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        url = database_at(self._server_url, name)
        engine = create_engine(url)
        async with engine.connect() as connection:
            schema = await connection.scalar(text(_SCHEMA))
        return Database(url, template, engine, str(schema))

    async def give_back(self, database: Database) -> None:
        """Empty the database for another test, or drop it if it would not be as new."""
        if database.template == self._without_rows and await database.empty():
            self._free.append(database)
        else:
            await self._drop(database)

    async def close(self) -> None:
        """Drop all databases, because the server may outlive this worker."""
        for database in self._free:
            await self._drop(database)

    async def _drop(self, database: Database) -> None:
        await database.engine.dispose()
        name = make_url(database.url).database
        await drop(self._server_url, name)


@contextmanager
def own_database(server_url: str, template: str) -> Iterator[str]:
    """The URL of a copy of the template, for a process that several tests use."""
    name = f"own_{os.getpid()}_{next(_own_numbers)}"
    asyncio.run(run_on(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
    try:
        yield database_at(server_url, name)
    finally:
        asyncio.run(drop(server_url, name))


def database_at(server_url: str, name: str) -> str:
    """The URL of a database on a server."""
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


async def run_on(url: str, statement: str) -> None:
    """Execute a statement outside a transaction."""
    engine = create_engine(url, pool_size=1)
    try:
        async with engine.connect() as connection:
            autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await autocommit.execute(text(statement))
    finally:
        await engine.dispose()


async def drop(server_url: str, name: str) -> None:
    """Drop a database that may be in use. Only the superuser can end autovacuum in it."""
    await run_on(as_superuser(server_url), f"DROP DATABASE {name} WITH (FORCE)")


async def _is_small_and_has(connection: Any, schema: str) -> bool:
    return await connection.fetchval(_SIZE) <= _MAX_BYTES and await connection.fetchval(_SCHEMA) == schema
