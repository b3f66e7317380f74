"""`luma sync`: keep a namespace in step with a folder or a bucket."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import msgspec
import typer

from luma_rag import namespaces, settings
from luma_rag.access import Principal
from luma_rag.cli.caller import caller
from luma_rag.cli.engine import Where, chosen, opened
from luma_rag.cli.failures import InterruptedByUser, UsageError
from luma_rag.cli.ingest import find_or_create, work
from luma_rag.cli.ingest_progress import File, Show, progress
from luma_rag.cli.options import Address, As, Engine, Json
from luma_rag.cli.output import print_json
from luma_rag.cli.running import run
from luma_rag.cli.sync_report import SyncedFile, SyncReport, counted, print_report
from luma_rag.errors import NotFoundError, UnavailableError
from luma_rag.runtime import check_model, configured_model, load_embedder
from luma_rag.store import Store, open_store
from luma_rag.sync import items
from luma_rag.sync.plan import Item
from luma_rag.sync.running import Outcome, Preview, Synchronizer
from luma_rag.sync.sources import Source, open_source

WATCH_SECONDS = 10.0


class _Options(msgspec.Struct, frozen=True):
    namespace: str
    acting: str | None
    deletes: bool
    is_dry_run: bool
    watches: bool
    is_quiet: bool
    where: Where


def sync(
    source: Annotated[str, typer.Argument(help="A folder, or a bucket: s3://, gs:// or az://BUCKET/PREFIX.")],
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Name or id; a new name creates a namespace.")
    ],
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove the documents of files that are gone.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and look for changes every 10 seconds.")
    ] = False,
    engine: Engine = "local",
    address: Address = None,
    acting: As = None,
    json: Json = False,
) -> None:
    """Keep a namespace in step with a folder or a bucket.

    Run it again, and only what changed is read.

    A file that was changed becomes a new version of its document. One that was moved or renamed keeps its
    document. Documents of files that are gone are kept, or removed with --delete: from the namespace, and for
    good if this command added them and no other namespace has them. Files are compared by size and time, so
    unchanged ones are not opened. The run survives an interruption: start it again. The exit code is 1 if a
    file failed.

    Example: luma sync ~/contracts --namespace contracts --delete
    """
    if watch and dry_run:
        raise UsageError("Choose --watch or --dry-run.")
    where = chosen(engine, address)
    found = open_source(source)
    options = _Options(namespace, acting, delete, dry_run, watch, is_quiet=json, where=where)
    try:
        report = run(_run(found, options))
    except KeyboardInterrupt:
        raise InterruptedByUser(
            "What was done so far is kept. Run the same command again to go on; documents that are stored "
            "already are also read by `luma serve`."
        ) from None
    _show(report, as_json=json)
    if report.has_failed:
        raise typer.Exit(1)


def _show(report: SyncReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
    else:
        print_report(report)


async def _run(source: Source, options: _Options) -> SyncReport:
    configured = settings.load()
    async with open_store(configured) as store:
        async with store.sessions.begin() as session:
            principal = await caller(session, options.acting)
        if options.is_dry_run:
            return await _look(store, source, principal, options)
        async with store.sessions.begin() as session:
            namespace_id = await find_or_create(session, principal, options.namespace)
            stored = await items.find(session, principal, namespace_id, source.location)
            source_id = stored.id or await items.create(session, principal, namespace_id, source.location)
        turn = _Turn(store, source, principal, items.Stored(source_id, namespace_id), options)
        last: SyncReport | None = None
        async with items.locked(store.engine, source_id):
            while True:
                # While it watches, a source that is away for a moment is no reason to end.
                with suppress(*(UnavailableError,) if options.watches else ()):
                    report = await turn.take(source_id)
                    if not options.watches:
                        return report
                    if report.has_news(last):
                        _show(report, as_json=options.is_quiet)
                    last = report
                await _pause()


async def _pause() -> None:
    await asyncio.sleep(WATCH_SECONDS)


async def _look(store: Store, source: Source, principal: Principal, options: _Options) -> SyncReport:
    """What a run would do."""
    started = time.monotonic()
    known: dict[str, Item] = {}
    unfinished: dict[int, items.Unfinished] = {}
    namespace_id = None
    async with store.sessions.begin() as session:
        with suppress(NotFoundError):
            namespace_id = (await namespaces.by_name(session, principal, options.namespace)).id
        if namespace_id is not None:
            stored = await items.find(session, principal, namespace_id, source.location)
            known = await items.load(session, stored)
            unfinished = await items.unfinished(session, namespace_id)
    synchronizer = Synchronizer(store, principal, source, namespace_id or 0)
    preview = await synchronizer.look(known, unfinished, deletes=options.deletes)
    gone = [
        Outcome(item.path, "removed" if options.deletes else "gone", item.doc_id)
        for item in preview.plan.gone
    ]
    outcomes = [*preview.outcomes, *await synchronizer.foresee(preview), *gone]
    return _report(source, namespace_id, outcomes, [], started, is_dry_run=True)


class _Turn:
    """One comparison after the other, with the model loaded once and only if something is to be read."""

    def __init__(
        self, store: Store, source: Source, principal: Principal, stored: items.Stored, options: _Options
    ) -> None:
        self._store = store
        self._source = source
        self._stored = stored
        self._options = options
        self._synchronizer = Synchronizer(store, principal, source, stored.namespace_id)

    async def take(self, source_id: int) -> SyncReport:
        started = time.monotonic()
        async with self._store.sessions.begin() as session:
            known = await items.load(session, self._stored)
            unfinished = await items.unfinished(session, self._stored.namespace_id)
        preview = await self._synchronizer.look(known, unfinished, deletes=self._options.deletes)
        with progress(is_quiet=self._options.is_quiet) as show:
            outcomes, files = await self._store_files(source_id, preview, show)
            if files:
                await self._read(files, show)
        return _report(self._source, self._stored.namespace_id, outcomes, files, started)

    async def _store_files(
        self, source_id: int, preview: Preview, show: Show
    ) -> tuple[list[Outcome], list[File]]:
        """Do what is planned; returns also the files whose documents are to be read."""
        outcomes = list(preview.outcomes)
        files = {outcome.path: File(outcome.path, "waiting") for outcome in preview.planned}
        files |= {
            outcome.path: File(outcome.path, "queued", outcome.doc_id)
            for outcome in outcomes
            if outcome.waits
        }
        async for outcome in self._synchronizer.run(source_id, preview, deletes=self._options.deletes):
            outcomes.append(outcome)
            if (file := files.get(outcome.path)) is not None:
                file.state = "queued" if outcome.waits else "ready"
                file.doc_id = outcome.doc_id if outcome.waits else None
                file.is_unchanged = not outcome.waits
                show([*files.values()])
        return outcomes, [file for file in files.values() if file.doc_id is not None]

    async def _read(self, files: Sequence[File], show: Show) -> None:
        configured = self._store.settings
        embedder = await asyncio.to_thread(
            load_embedder,
            configured_model(configured),
            batch_size=configured.ingest.batch_size,
            api_key=configured.embedding.api_key,
        )
        embedder = await check_model(self._store.sessions, embedder, api_key=configured.embedding.api_key)
        async with opened(self._options.where) as engine:
            await work(self._store, embedder, self._stored.namespace_id, files, show, engine)


def _report(
    source: Source,
    namespace_id: int | None,
    outcomes: list[Outcome],
    files: Sequence[File],
    started: float,
    *,
    is_dry_run: bool = False,
) -> SyncReport:
    read = {file.path: file for file in files}
    for outcome in outcomes:
        file = read.get(outcome.path)
        if file is not None and file.state == "failed":
            outcome.action, outcome.reason = "failed", file.error
    listed = [
        SyncedFile(
            outcome.path,
            outcome.action,
            outcome.doc_id,
            outcome.came_from,
            outcome.reason,
            read[outcome.path].warnings if outcome.path in read else [],
        )
        for outcome in outcomes
        if outcome.action != "unchanged"
    ]
    waiting = sum(not file.is_finished for file in files)
    seconds = round(time.monotonic() - started, 3)
    counts = counted(outcomes)
    return SyncReport(source.location, namespace_id, is_dry_run, counts, waiting, seconds, listed)
