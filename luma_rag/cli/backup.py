"""`luma backup` and `luma restore`."""

import asyncio
import fcntl
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import DownloadColumn, TextColumn, TimeElapsedColumn, TransferSpeedColumn
from rich.progress import Progress as Bars

from luma_rag import settings
from luma_rag.backup import Backup, Progress, Restored, back_up
from luma_rag.backup import restore as restore_backup
from luma_rag.cli.failures import UsageError
from luma_rag.cli.options import Json
from luma_rag.cli.output import errors, print_json, say
from luma_rag.cli.running import run
from luma_rag.db.connect import database_url
from luma_rag.db.session import create_engine
from luma_rag.documents.storage import FileStorage
from luma_rag.errors import ConflictError
from luma_rag.store import open_store

logger = logging.getLogger(__name__)
_STREAM = Path("-")


def backup(
    file: Annotated[Path, typer.Argument(help="The new archive; - for standard output.")],
    json: Json = False,
) -> None:
    """Back up the database and the files into one archive, while Luma runs.

    The archive is a tar file with checksums. Only you can read it. It contains all data, including password
    hashes: protect it like the store itself.

    Example: luma backup /srv/backups/luma-monday.tar
    """
    if file == _STREAM and json:
        raise UsageError("With -, standard output is the archive. Name a file, or leave out --json.")

    async def back_up_to(output: BinaryIO) -> Backup:
        async with open_store(settings.load()) as store:
            with _bars() as on_progress:
                return await back_up(store, output, on_progress)

    with _created(file) as output:
        made = run(back_up_to(output))
    if json:
        print_json(made)
        return
    if made.damaged:
        say(
            f"{len(made.damaged)} files are missing or have changed since their upload. The backup has "
            "everything else. To list them: luma verify --deep",
            err=True,
        )
    say(f"Backed up {made.rows} rows and {made.files} files.", err=file == _STREAM)


def restore(
    file: Annotated[Path, typer.Argument(help="The archive; - for standard input.")],
    json: Json = False,
) -> None:
    """Restore a backup into an empty store.

    The store is that of the settings: an empty data directory and, if LUMA_DATABASE_URL is set, an empty
    database. Backups of older versions are migrated. If the backup is damaged, nothing is restored.

    Example: luma restore /srv/backups/luma-monday.tar
    """

    async def restore_from(source: BinaryIO) -> Restored:
        configured = settings.load()
        storage = FileStorage(configured.data_dir / "files", configured.max_upload_mb * 2**20)
        database = database_url(configured)
        url = await asyncio.to_thread(database.__enter__)
        try:
            engine = create_engine(url)
            try:
                with _bars() as on_progress:
                    return await restore_backup(engine, storage, source, on_progress)
            finally:
                await engine.dispose()
        finally:
            database.__exit__(None, None, None)

    with sys.stdin.buffer if file == _STREAM else file.open("rb") as source:
        restored = run(restore_from(source))
    if json:
        print_json(restored)
        return
    if restored.missing:
        say(f"{len(restored.missing)} files were already missing when the backup was made.", err=True)
    say(f"Restored {restored.rows} rows and {restored.files} files. Check them: luma verify --deep")


@contextmanager
def _created(path: Path) -> Iterator[BinaryIO]:
    """A new file that appears when it is complete, readable by its owner only."""
    if path == _STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    partial = path.with_name(f"{path.name}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(f"Another backup is being written to {path}. Wait for it.") from None
        except OSError:
            logger.debug("The file system of %s has no locks", path)
        try:
            # Checked under the lock: another backup may just have been completed.
            if path.exists():
                raise ConflictError(f"{path} exists. Choose another name, or delete it.")
            # A backup that was killed has left its part.
            file.truncate()
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def _bars() -> Iterator[Progress]:
    """Bars on standard error, if that is a terminal."""
    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Bars(*columns, console=errors, disable=not errors.is_terminal) as bars:
        tasks = {name: bars.add_task(name, total=None) for name in ("files", "database")}

        def show(name: str, size: int) -> None:
            bars.advance(tasks[name], size)

        yield show
