"""Restores a backup into an empty store: everything, or nothing."""

import asyncio
import os
import shutil
import zlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, BinaryIO

import asyncpg
import msgspec
from sqlalchemy import Connection, func, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from luma_rag.backup.archive import FILES, ArchiveReader, Header, Manifest, Member, Progress
from luma_rag.backup.making import copied_rows, database_failures
from luma_rag.db import migrate
from luma_rag.db.models import Document
from luma_rag.documents import ingestion
from luma_rag.documents.storage import FileStorage
from luma_rag.errors import ConflictError, InvalidInputError

_PARTIAL = "restore.partial"
"""The folder of unpacked files: inside `files`, so that moving them is a rename even if that is a mount."""
# Errors of Postgres that the rows of an intact backup don't cause.
_DAMAGE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.UndefinedColumnError)


class Restored(msgspec.Struct, frozen=True):
    """The result of a restore. `missing` lists the paths of files that the backup lacks."""

    version: str
    files: int
    rows: int
    missing: list[str]


async def restore(
    engine: AsyncEngine, storage: FileStorage, source: BinaryIO, on_progress: Progress
) -> Restored:
    """Restore the database and the files, and migrate them to this version.

    The files are unpacked beside their place. One transaction creates the tables as they were in the backup,
    fills them, and migrates them. Just before the commit, after all checksums have been compared, the files
    are moved to their place.

    Raises:
        ConflictError: the store is not empty or in use.
        InvalidInputError: the backup is damaged, or from a newer version of Luma.
    """
    partial = storage.path(_PARTIAL)
    await migrate.check_server(engine)
    async with engine.connect() as connection:
        await _require_empty(connection, storage)
    await asyncio.to_thread(_make_empty, partial)
    try:
        reader = await asyncio.to_thread(ArchiveReader, source)
        _require_known(reader.header)
        restoring = _Restoring(reader, on_progress)
        unpacked = await asyncio.to_thread(restoring.unpack_files, partial)
        async with engine.begin() as connection:
            await _require_empty(connection, storage)
            await connection.run_sync(migrate.recreate, reader.header.revision)
            await connection.run_sync(_require_tables, reader.header)
            rows = [await restoring.fill(connection, table) for table in reader.header.tables]
            manifest = await asyncio.to_thread(reader.check)
            if rows != [manifest.rows[table] for table in reader.header.tables]:
                raise InvalidInputError(
                    "The backup has other rows than its manifest says. Use another copy of it."
                )
            await _set_sequences(connection, manifest)
            await connection.run_sync(migrate.upgrade_in_transaction)
            # The workers of the original are not here.
            async with AsyncSession(connection, join_transaction_mode="create_savepoint") as session:
                await ingestion.recover(session)
                await session.commit()
            named = set(await connection.scalars(select(Document.file_path)))
            await asyncio.to_thread(_place, partial, storage, unpacked - named)
    finally:
        await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
    await _vacuum(engine)
    return Restored(reader.header.version, len(unpacked & named), sum(rows), sorted(named - unpacked))


class _Restoring:
    def __init__(self, reader: ArchiveReader, on_progress: Progress) -> None:
        self._reader = reader
        self._on_progress = on_progress

    def unpack_files(self, folder: Path) -> set[str]:
        """Write the files of the archive to a folder; returns their paths."""
        paths = set()
        while (member := self._reader.take_if(FILES)) is not None:
            path = member.path.removeprefix(FILES)
            target = folder / path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with target.open("xb") as file:
                for piece in member.pieces():
                    file.write(piece)
                    self._on_progress("files", len(piece))
            paths.add(path)
        return paths

    async def fill(self, connection: AsyncConnection, table: str) -> int:
        """Copy the rows of the archive into a table; returns their number."""
        raw: Any = (await connection.get_raw_connection()).driver_connection
        columns = self._reader.header.tables[table]
        with database_failures():
            try:
                status = await raw.copy_to_table(
                    table, source=self._parts(table), columns=columns, format="binary"
                )
            except _DAMAGE as error:
                raise InvalidInputError(
                    f"The rows of {table} are damaged. Use another copy of it."
                ) from error
        return copied_rows(status)

    async def _parts(self, table: str) -> AsyncGenerator[bytes]:
        while (member := await asyncio.to_thread(self._reader.take_if, f"tables/{table}/")) is not None:
            part = await asyncio.to_thread(_unzipped, member)
            self._on_progress("database", len(part))
            yield part


def _unzipped(member: Member) -> bytes:
    try:
        return zlib.decompress(member.read(), wbits=31)
    except zlib.error as error:
        raise InvalidInputError(f"The backup is damaged at {member.path}. Use another copy of it.") from error


def _require_known(header: Header) -> None:
    if header.revision not in migrate.revisions():
        raise InvalidInputError(
            f"This backup was made by a newer version of Luma ({header.version}). Install that version to "
            "restore it."
        )


def _require_tables(connection: Connection, header: Header) -> None:
    if header.tables.keys() - set(inspect(connection).get_table_names()):
        raise InvalidInputError(
            "The backup has tables that its version of Luma did not. Use another copy of it."
        )


async def _require_empty(connection: AsyncConnection, storage: FileStorage) -> None:
    # Everything belongs to a user, except for the audit trail.
    for table in ("users", "audit_event"):
        exists = await connection.scalar(select(func.to_regclass(table)))
        if exists is not None and await connection.scalar(text(f"SELECT EXISTS (SELECT FROM {table})")):  # noqa: S608
            raise ConflictError(
                "The database is not empty. Set LUMA_DATABASE_URL to an empty database, or LUMA_DATA_DIR to "
                "an empty directory, and restore there."
            )
    others = await connection.scalar(
        text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name LIKE 'luma%' AND pid <> pg_backend_pid()"
        )
    )
    if others:
        raise ConflictError("Another process of Luma uses the database. Stop it, and restore again.")
    if await asyncio.to_thread(_has_files, storage):
        raise ConflictError(
            f"The folder {storage.path('')} contains files. Set LUMA_DATA_DIR to an empty directory, or move "
            "the folder away."
        )


def _has_files(storage: FileStorage) -> bool:
    return any(not file.path.startswith(f"{_PARTIAL}/") for file in storage.files())


async def _set_sequences(connection: AsyncConnection, manifest: Manifest) -> None:
    for table, value in manifest.sequences.items():
        # Every table with a sequence has it at its column `id`.
        await connection.execute(select(func.setval(func.pg_get_serial_sequence(table, "id"), value)))


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)


def _place(partial: Path, storage: FileStorage, unused: set[str]) -> None:
    """Move the unpacked files to their place, except for those of no document."""
    for path in unused:
        (partial / path).unlink()
    for entry in list(partial.iterdir()):
        target = storage.path(entry.name)
        if target.is_dir():
            target.rmdir()
        entry.rename(target)
    # One call for all files, before the commit makes them count.
    os.sync()


async def _vacuum(engine: AsyncEngine) -> None:
    # Without statistics and visibility maps, searches are slow until autovacuum has run.
    async with engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text("VACUUM (ANALYZE)"))
