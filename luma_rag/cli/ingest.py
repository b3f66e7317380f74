"""`luma ingest`: many files into a namespace, with a bar to watch and a table of what failed."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.embedder import Embedder
from luma_rag import namespaces, settings
from luma_rag.access import Principal
from luma_rag.cli.caller import caller
from luma_rag.cli.output import console, errors, print_json
from luma_rag.db.models import Document, Ingestion
from luma_rag.documents import uploads
from luma_rag.errors import LumaError, NotFoundError
from luma_rag.runtime import Store, check_model, load_embedder, open_store
from luma_rag.worker import drain

_SUFFIXES = frozenset({".pdf", ".docx"})
_PIECE = 2**20
_LOOK_SECONDS = 0.3


class File(msgspec.Struct):
    """What became of one file. `pages` is null for a docx; `error` says why it failed."""

    path: str
    state: str
    doc_id: int | None = None
    pages: int | None = None
    chunks: int = 0
    error: str | None = None
    progress: float = 0.0


class Report(msgspec.Struct, frozen=True):
    """What became of all files, and how long it took."""

    namespace_id: int
    files: list[File]
    seconds: float

    @property
    def failed(self) -> list[File]:
        """Those that did not get in."""
        return [file for file in self.files if file.state == "failed"]


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files, and folders to be searched for PDF and DOCX files.", exists=True),
    ],
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Its name or its id; a new name makes a new namespace.")
    ],
    user: Annotated[
        str | None, typer.Option("--user", help="Who owns the documents. [default: the first administrator]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read PDF and DOCX files into a namespace. A bad file does not stop the others.

    What was begun survives an interruption: run the same command again, or start luma serve. Files that are
    there already are not read twice.

    Example: luma ingest ~/contracts offer.docx --namespace contracts
    """
    report = asyncio.run(_run(list(_files(paths)), namespace, user, is_quiet=json))
    if json:
        print_json(report)
    else:
        _print(report)
    if report.failed:
        raise typer.Exit(1)


async def _run(paths: Sequence[Path], namespace: str, user: str | None, *, is_quiet: bool) -> Report:
    if not paths:
        raise NotFoundError("There are no PDF or DOCX files there. Name files, or folders that hold some.")
    configured = settings.load()
    loading = asyncio.create_task(
        asyncio.to_thread(
            load_embedder, batch_size=configured.ingest.batch_size, profile=configured.ingest.profile
        )
    )
    try:
        async with open_store(configured) as store:
            async with store.sessions.begin() as session:
                principal = await caller(session, user)
                namespace_id = await _namespace(session, principal, namespace)
            embedder = await check_model(store.sessions, await loading)
            started = time.monotonic()
            files = [File(str(path), "waiting") for path in paths]
            with _Bar(is_quiet) as show:
                for file in files:
                    await _upload(store, principal, namespace_id, file)
                    show(files)
                await _work(store, embedder, namespace_id, files, show)
            return Report(namespace_id, files, round(time.monotonic() - started, 3))
    finally:
        loading.cancel()


async def _namespace(session: AsyncSession, principal: Principal, name: str) -> int:
    try:
        return (await namespaces.by_name(session, principal, name)).id
    except NotFoundError:
        if name.isdecimal():
            raise
    return (await namespaces.create(session, principal, name, None, is_public=False)).id


async def _upload(store: Store, principal: Principal, namespace_id: int, file: File) -> None:
    path = Path(file.path)
    try:
        with await asyncio.to_thread(path.open, "rb") as opened:
            stored, kind = await uploads.store_file(store.storage, _pieces(opened))
    except (LumaError, OSError) as error:
        file.state = "failed"
        file.error = error.detail if isinstance(error, LumaError) else error.strerror
        return
    is_file_kept = False
    try:
        async with store.sessions.begin() as session:
            added = await uploads.add(
                session,
                store.storage,
                principal,
                stored,
                kind,
                path.name,
                title=None,
                is_public=False,
                namespace_ids=[namespace_id],
            )
            is_file_kept = added.is_file_kept
    finally:
        if not is_file_kept:
            store.storage.remove(stored.path)
    file.doc_id = added.document.id
    file.state = "queued"


async def _work(
    store: Store,
    embedder: Embedder,
    namespace_id: int,
    files: Sequence[File],
    show: Callable[[Sequence[File]], None],
) -> None:
    """Read what is queued, here and in other workers, until every file is ready or has failed."""
    doc_ids = [file.doc_id for file in files if file.doc_id is not None]
    working: asyncio.Task[None] | None = None
    try:
        while True:
            await _look(store, namespace_id, files)
            show(files)
            if all(file.state in ("ready", "failed") for file in files):
                break
            if working is None or working.done():
                if working is not None:
                    working.result()
                working = asyncio.create_task(drain(store, embedder, doc_ids))
            await asyncio.wait({working}, timeout=_LOOK_SECONDS)
            await asyncio.sleep(_LOOK_SECONDS if working.done() else 0)
    finally:
        if working is not None:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def _look(store: Store, namespace_id: int, files: Sequence[File]) -> None:
    by_document = {file.doc_id: file for file in files if file.doc_id is not None}
    async with store.sessions.begin() as session:
        rows = await session.execute(
            select(
                Ingestion.doc_id,
                Ingestion.state,
                Ingestion.progress,
                Ingestion.chunks,
                Ingestion.error,
                Document.file_metadata["pages"].as_integer(),
            )
            .join(Document, Document.id == Ingestion.doc_id)
            .where(Ingestion.namespace_id == namespace_id, Ingestion.doc_id.in_(by_document))
            .order_by(Ingestion.id)
        )
        for doc_id, state, progress, chunks, error, pages in rows:
            file = by_document[doc_id]
            file.state, file.progress, file.chunks, file.error = state, progress, chunks, error
            file.pages = pages


class _Bar:
    """A bar over all files: documents, and what of them is done a second."""

    def __init__(self, is_quiet: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[done]}/{task.total} documents"),
            BarColumn(),
            TextColumn("{task.fields[rates]}"),
            TimeElapsedColumn(),
            console=errors,
            disable=is_quiet or not errors.is_terminal,
        )
        self._task = self._progress.add_task("", total=0, done=0, rates="")
        self._started = time.monotonic()

    def __enter__(self) -> Callable[[Sequence[File]], None]:
        self._progress.start()
        return self.show

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, files: Sequence[File]) -> None:
        done = [file for file in files if file.state in ("ready", "failed")]
        seconds = max(time.monotonic() - self._started, 1e-3)
        pages, chunks = _totals(done)
        self._progress.update(
            self._task,
            total=len(files),
            completed=len(done) + sum(file.progress for file in files if file.state == "running"),
            done=len(done),
            rates=f"{pages / seconds:.1f} pages/s, {chunks / seconds:.1f} chunks/s",
        )


def _totals(files: Sequence[File]) -> tuple[int, int]:
    return sum(file.pages or 0 for file in files), sum(file.chunks for file in files)


def _print(report: Report) -> None:
    pages, chunks = _totals(report.files)
    ready = len(report.files) - len(report.failed)
    seconds = report.seconds
    console.print(
        f"{ready} of {len(report.files)} documents are ready: {pages} pages, {chunks} chunks in "
        f"{seconds:.1f} s ({pages / seconds:.1f} pages/s, {chunks / seconds:.1f} chunks/s)."
    )
    if report.failed:
        table = Table("failed", "why", show_lines=True)
        for file in report.failed:
            table.add_row(file.path, file.error)
        console.print(table)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                if Path(name).suffix.lower() in _SUFFIXES and not name.startswith("~$"):
                    yield Path(folder) / name


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE):
        yield piece
