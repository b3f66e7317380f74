"""`luma ingest`: many files into a namespace, with their progress and a table of what failed."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text
from sqlalchemy import ARRAY, Integer, any_, case, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.embedding import Embedder
from ingest.engines import jobs, local
from ingest.parsers.formats import READABLE
from luma_rag import namespaces, settings
from luma_rag.access import Principal
from luma_rag.cli.caller import caller
from luma_rag.cli.engine import Where, chosen, opened
from luma_rag.cli.failures import InterruptedByUser
from luma_rag.cli.files import Skipped, find_files
from luma_rag.cli.ingest_progress import File, progress, totals
from luma_rag.cli.options import Address, As, Engine, Json
from luma_rag.cli.output import console, print_json, say
from luma_rag.cli.running import run
from luma_rag.cli.upload import upload
from luma_rag.db.base import utcnow
from luma_rag.db.models import Document, Ingestion
from luma_rag.documents.reading_warnings import stored_warnings
from luma_rag.errors import LumaError, NotFoundError
from luma_rag.runtime import check_model, configured_model, load_embedder
from luma_rag.store import Store, open_store
from luma_rag.worker import drain

_POLL_SECONDS = 0.3
# A document that waits longer for its next attempt is left to `luma serve`.
_PATIENCE = timedelta(seconds=30)


class Report(msgspec.Struct, frozen=True):
    """The result for all files, how long it took, and what was not taken from folders."""

    namespace_id: int
    files: list[File]
    seconds: float
    skipped: list[Skipped] = []

    @property
    def failed(self) -> list[File]:
        """The files that are not in the namespace."""
        return [file for file in self.files if file.state == "failed"]

    @property
    def deferred(self) -> list[File]:
        """The files that wait for another attempt."""
        return [file for file in self.files if not file.is_finished]


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files, and folders to be searched for files that can be read.", exists=True),
    ],
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Name or id; a new name creates a namespace.")
    ],
    engine: Engine = "local",
    address: Address = None,
    acting: As = None,
    json: Json = False,
) -> None:
    """Ingest files into a namespace. A bad file does not stop the others.

    Files in folders are taken by their content, whatever their names; those that can't be read are skipped
    and listed. The work survives an interruption: run the same command again, or start `luma serve`. Files
    that the namespace holds already are unchanged. The exit code is 1 if a file failed, or can't be read
    although it was named itself.

    Example: luma ingest ~/contracts offer.docx --namespace contracts
    """
    where = chosen(engine, address)
    files, skipped = find_files(paths)
    if not files:
        raise NotFoundError(
            f"No files that can be read were found; {len(skipped)} were skipped. {READABLE} Name files, or "
            "folders that contain some."
        )
    try:
        report = run(_run(files, namespace, acting, where, is_quiet=json))
        report = msgspec.structs.replace(report, skipped=skipped)
    except KeyboardInterrupt:
        raise InterruptedByUser(interruption(files)) from None
    if json:
        print_json(report)
    else:
        _print(report)
    if report.failed or report.deferred:
        raise typer.Exit(1)


def interruption(files: Sequence[File]) -> str:
    """What an interrupted run has done, what waits, and how to go on."""
    read = sum(file.state in ("ready", "failed") for file in files)
    queued = sum(file.state in ("queued", "running") for file in files)
    parts = [f"{read} of {len(files)} documents are read"]
    if queued:
        parts.append(f"{queued} stay queued and will be read by `luma serve` or the next `luma ingest`")
    if missing := len(files) - read - queued:
        parts.append(f"{missing} are not stored yet: run the same command again")
    return "; ".join(parts) + "."


async def _run(
    files: list[File],
    namespace: str,
    username: str | None,
    where: Where,
    *,
    is_quiet: bool,
) -> Report:
    configured = settings.load()
    loading = asyncio.create_task(
        asyncio.to_thread(
            load_embedder,
            configured_model(configured),
            batch_size=configured.ingest.batch_size,
            api_key=configured.embedding.api_key,
        )
    )
    try:
        async with open_store(configured) as store:
            async with store.sessions.begin() as session:
                principal = await caller(session, username)
                namespace_id = await find_or_create(session, principal, namespace)
            embedder = await check_model(store.sessions, await loading, api_key=configured.embedding.api_key)
            async with opened(where) as engine:
                started = time.monotonic()
                with progress(is_quiet=is_quiet) as show:
                    for file in files:
                        if file.state == "waiting":
                            await _store(store, principal, namespace_id, file)
                        show(files)
                    await work(store, embedder, namespace_id, files, show, engine)
            return Report(namespace_id, files, round(time.monotonic() - started, 3))
    finally:
        loading.cancel()


async def find_or_create(session: AsyncSession, principal: Principal, name: str) -> int:
    """The id of a namespace, which is created if there is none of this name."""
    try:
        return (await namespaces.by_name(session, principal, name)).id
    except NotFoundError:
        if name.isdecimal():
            raise
    namespace, _ = await namespaces.get_or_create(session, principal, name)
    return namespace.id


async def _store(store: Store, principal: Principal, namespace_id: int, file: File) -> None:
    try:
        added = await upload(store, principal, Path(file.path), [namespace_id], is_batch=True)
    except (LumaError, OSError) as error:
        file.state = "failed"
        file.error = error.detail if isinstance(error, LumaError) else error.strerror
        return
    file.doc_id = added.document.id
    file.state = "queued"
    file.is_unchanged = not added.is_new and not added.document.ingestions


async def work(
    store: Store,
    embedder: Embedder,
    namespace_id: int,
    files: Sequence[File],
    show: Callable[[Sequence[File]], None],
    engine: jobs.Engine = local.run,
) -> None:
    """Ingest the queued documents, here and in other workers, until every file is ready or has failed."""
    doc_ids = [file.doc_id for file in files if file.doc_id is not None]
    working: asyncio.Task[None] | None = None
    try:
        while True:
            await _poll(store, namespace_id, files)
            show(files)
            if all(file.is_finished or _waits_long(file) for file in files):
                break
            if working is None or working.done():
                if working is not None:
                    working.result()
                working = asyncio.create_task(drain(store, embedder, doc_ids, engine=engine))
            await asyncio.wait({working}, timeout=_POLL_SECONDS)
            await asyncio.sleep(_POLL_SECONDS if working.done() else 0)
    finally:
        if working is not None:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


def _waits_long(file: File) -> bool:
    return file.next_attempt_at is not None and file.next_attempt_at - utcnow() > _PATIENCE


async def _poll(store: Store, namespace_id: int, files: Sequence[File]) -> None:
    by_document: dict[int, list[File]] = {}
    for file in files:
        if file.doc_id is not None:
            by_document.setdefault(file.doc_id, []).append(file)
    async with store.sessions.begin() as session:
        rows = await session.execute(
            select(
                Ingestion.doc_id,
                Ingestion.state,
                Ingestion.progress,
                Ingestion.chunks,
                Ingestion.error,
                case((Ingestion.error.is_not(None), Ingestion.next_attempt_at)),
                Document.file_metadata["pages"].as_integer(),
                Document.file_metadata["warnings"],
            )
            .join(Document, Document.id == Ingestion.doc_id)
            # As one parameter: of single ones, Postgres takes no more than 32,767.
            .where(
                Ingestion.namespace_id == namespace_id,
                Ingestion.doc_id == any_(literal(list(by_document), ARRAY(Integer))),
            )
            .order_by(Ingestion.id)
        )
        for doc_id, state, done, chunks, error, next_attempt_at, pages, warnings in rows:
            # The same bytes under several names are one document.
            for file in by_document[doc_id]:
                file.state, file.progress, file.chunks, file.error = state, done, chunks, error
                file.pages = pages
                file.warnings = stored_warnings(warnings) if state == "ready" else []
                file.next_attempt_at = next_attempt_at if state == "queued" else None


def _print(report: Report) -> None:
    new = [file for file in report.files if file.state == "ready" and not file.is_unchanged]
    unchanged = sum(file.is_unchanged for file in report.files)
    ready = sum(file.state == "ready" for file in report.files)
    pages, chunks = totals(new)
    seconds = max(report.seconds, 1e-3)
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    say(
        f"{ready} of {len(report.files)} documents are ready: {len(new)} new, {unchanged} unchanged, "
        f"{len(report.failed)} failed{skipped}. {pages} pages, {chunks} chunks in {seconds:.1f} s "
        f"({pages / seconds:.1f} pages/s, {chunks / seconds:.1f} chunks/s)."
    )
    for file in report.deferred:
        if file.next_attempt_at is not None:
            say(
                f"{file.path} waits: {file.error} Next attempt by `luma serve` or `luma ingest` after "
                f"{file.next_attempt_at:%Y-%m-%d %H:%M:%S} UTC."
            )
    warned = [file for file in report.files if file.warnings]
    _print_table(
        "not read, or not for certain",
        [(file.path, "\n".join(warning.text for warning in file.warnings)) for file in warned],
    )
    _print_table("failed", [(file.path, file.error or "") for file in report.failed])
    _print_table("skipped", [(file.path, file.reason) for file in report.skipped])


def _print_table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    if rows:
        table = Table(title, "reason", show_lines=True)
        for path, reason in rows:
            table.add_row(Text(path), Text(reason))
        console.print(table)
