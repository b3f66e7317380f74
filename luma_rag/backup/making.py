"""Makes a backup while the service runs."""

import asyncio
import gzip
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, BinaryIO

import asyncpg
import msgspec
from sqlalchemy import Table, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from luma_rag import __version__
from luma_rag.backup.archive import FILES, FORMAT, HEADER, ArchiveWriter, Header, Manifest, Progress
from luma_rag.db import migrate
from luma_rag.db.base import Base, utcnow
from luma_rag.db.errors import reason
from luma_rag.db.models import Document, FileStore, RateLimit
from luma_rag.errors import UnavailableError
from luma_rag.store import Store

# Rate limits are worthless later. The id of the folder of files stays with the folder: a copy gets its own.
_LEFT_OUT = (RateLimit.__table__, FileStore.__table__)
PART_BYTES = 8 * 2**20
# Text shrinks to a third; higher levels gain little and take several times as long.
_GZIP_LEVEL = 1
_LAST_VALUE = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:table, 'id')::regclass)")


class Backup(msgspec.Struct, frozen=True):
    """The contents of a backup. `damaged` lists the paths of stored files that were missing or changed."""

    revision: str
    files: int
    rows: int
    damaged: list[str]


async def back_up(store: Store, output: BinaryIO, on_progress: Progress) -> Backup:
    """Write the database and the files to `output`.

    The archive has the database of one moment and every file that it names. Uploads and deletions don't wait:
    most files are copied before that moment, without a transaction. If a document is deleted before its file
    was copied, a new snapshot of the database is used, which no longer names it.

    Raises:
        OSError: the output can't be written.
    """
    making = _Making(store, await asyncio.to_thread(ArchiveWriter, output), on_progress)
    revision = await making.begin()
    async with _snapshot(store) as connection:
        named = await _named_files(connection)
    missing = await making.copy_files(named)
    while True:
        async with _snapshot(store) as connection:
            named = await _named_files(connection)
            # Documents are deleted before their files. A file that was missing before this snapshot, and
            # still has a document, is lost for good.
            lost = missing & named.keys()
            if gone := await making.copy_files(named.keys() - making.files.keys() - lost):
                missing |= gone
                continue
            rows = {table.name: await making.copy_table(connection, table) for table in _tables()}
            await making.end(rows, await _sequences(connection))
            break
    changed = {path for path in named.keys() - lost if making.files[path] != named[path]}
    return Backup(revision, len(making.files), sum(rows.values()), sorted(lost | changed))


class _Making:
    def __init__(self, store: Store, writer: ArchiveWriter, on_progress: Progress) -> None:
        self.files: dict[str, str] = {}
        """The checksums of the files that were copied, by path."""
        self._store = store
        self._writer = writer
        self._on_progress = on_progress

    async def begin(self) -> str:
        """Write the header; returns the revision of the database."""
        async with self._store.engine.connect() as connection:
            revision, _ = await connection.run_sync(migrate.current_and_head)
        if revision is None:
            raise RuntimeError("an open store is migrated")
        columns = {table.name: [column.name for column in table.columns] for table in _tables()}
        header = Header(FORMAT, __version__, revision, utcnow().isoformat(timespec="seconds"), columns)
        await asyncio.to_thread(self._writer.add_bytes, HEADER, msgspec.json.encode(header))
        return revision

    async def end(self, rows: dict[str, int], sequences: dict[str, int]) -> None:
        """Write the manifest."""
        await asyncio.to_thread(self._writer.close, Manifest(rows, sequences, self._writer.sha256))

    async def copy_files(self, paths: Collection[str]) -> set[str]:
        """Copy stored files; returns those that don't exist."""
        missing = set()
        for path in paths:
            if not await asyncio.to_thread(self._copy_file, path):
                missing.add(path)
        return missing

    def _copy_file(self, path: str) -> bool:
        try:
            file = self._store.storage.path(path).open("rb")
        except FileNotFoundError:
            return False
        with file:
            size = file.seek(0, 2)
            file.seek(0)
            self.files[path] = self._writer.add(FILES + path, file, size)
        self._on_progress("files", size)
        return True

    async def copy_table(self, connection: AsyncConnection, table: Table) -> int:
        """Copy all rows of a table; returns their number."""
        raw: Any = (await connection.get_raw_connection()).driver_connection
        buffer, part = bytearray(), 0

        async def flush() -> None:
            nonlocal part
            part += 1
            await asyncio.to_thread(self._add_part, f"tables/{table.name}/{part:06}.gz", bytes(buffer))
            buffer.clear()

        async def collect(piece: bytes) -> None:
            buffer.extend(piece)
            if len(buffer) >= PART_BYTES:
                await flush()

        columns = [column.name for column in table.columns]
        with database_failures():
            status = await raw.copy_from_table(table.name, columns=columns, output=collect, format="binary")
        await flush()
        return copied_rows(status)

    def _add_part(self, name: str, content: bytes) -> None:
        self._writer.add_bytes(name, gzip.compress(content, _GZIP_LEVEL, mtime=0))
        self._on_progress("database", len(content))


@contextmanager
def database_failures() -> Iterator[None]:
    """Turn errors of asyncpg, which COPY uses directly, into Luma's."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UnavailableError(
            f"The database failed: {reason(error)}. Run luma doctor to see more."
        ) from error


def copied_rows(status: str) -> int:
    """The number of rows in the status of a COPY, such as `COPY 42`."""
    return int(status.removeprefix("COPY "))


def _tables() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if table not in _LEFT_OUT]


@asynccontextmanager
async def _snapshot(store: Store) -> AsyncGenerator[AsyncConnection]:
    async with store.engine.connect() as connection:
        await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield connection


async def _named_files(connection: AsyncConnection) -> Mapping[str, str | None]:
    """The stored files of all documents, with their checksums."""
    found = await connection.execute(
        select(Document.file_path, Document.file_metadata["sha256"].as_string().label("sha256"))
    )
    return {row.file_path: row.sha256 for row in found}


async def _sequences(connection: AsyncConnection) -> dict[str, int]:
    """The last values of the sequences of ids, by table. Restored, they keep ids from being used twice."""
    found = {}
    for table in _tables():
        if "id" not in table.columns:
            continue
        value = await connection.scalar(_LAST_VALUE, {"table": table.name})
        if value is not None:
            found[table.name] = value
    return found
