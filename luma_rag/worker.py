"""The worker: claims documents from the queue and ingests them into their namespaces.

`main` is the worker process of a server, or of `luma worker` (`luma_rag.worker_process`). Its standard input
brings the settings, and closes when the worker is to end.
"""

import asyncio
import itertools
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ingest.embedding import Embedder
from ingest.engines import local
from ingest.engines.jobs import Engine, Job, Step
from ingest.engines.places import Places
from ingest.errors import IngestError, OutageError, RecognitionBusyError, TransientError
from ingest.pipeline import Stage
from ingest.types import EmbeddedDocument, Source
from luma_rag import __version__, backfills, log, settings, tracing
from luma_rag.db.errors import outage
from luma_rag.documents import (
    claims,
    ingestion,
    ingestion_stats,
    prewarming,
    rereading,
    segment_compaction,
    vector_index,
    workers,
)
from luma_rag.documents.embedding_reuse import known_embeddings
from luma_rag.documents.vectors import PostgresSink
from luma_rag.errors import LumaError, UnavailableError
from luma_rag.runtime import check_model, configured_model, load_embedder, open_models
from luma_rag.settings import Settings
from luma_rag.store import Store, open_store

# Not by __name__, which is "__main__" in the worker process.
logger = logging.getLogger("luma_rag.worker")

# A notification wakes the worker at once. Polling covers events without one, such as another worker's death.
_LOOK_AGAIN_SECONDS = 5.0
_REPORT_SECONDS = 0.5
# Between attempts during an outage.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 10.0
_LOSING_SECONDS = 1.0
# The cost of a claim grows with the number of documents that it may choose from.
_CLAIM_AMONG = 100
# Maintenance runs when the queue is empty, and occasionally during a long backlog.
_MAINTAIN_EVERY = 50
# Searches have priority over ingestion.
_NICENESS = 10
# The share of a document's total work at which each stage begins and ends. If text is recognized, that comes
# first, and takes far longer than all else.
_RECOGNIZING = 0.9
_SHARES: dict[Stage, tuple[float, float]] = {
    "parsing": (0.0, 0.08),
    "recognizing": (0.0, 1.0),
    "chunking": (0.08, 0.1),
    "embedding": (0.1, 0.98),
}


async def drain(
    store: Store, embedder: Embedder, only: Sequence[int] | None = None, *, engine: Engine = local.run
) -> None:
    """Work until the queue is empty, or holds none of the documents `only`."""
    async with _registered_worker(store) as worker:
        only = list(only) if only is not None else None
        await worker.run(embedder, only=only, until_empty=True, engine=engine)


async def run(store: Store, embedder: Embedder) -> None:
    """Work until cancelled, waiting while the database is down. Unfinished documents are re-queued then."""
    lost: _Worker | None = None
    pause = _FIRST_PAUSE_SECONDS
    while True:
        worker: _Worker | None = None
        try:
            async with _registered_worker(store) as worker:
                if lost is not None:
                    await worker.take_over(lost)
                    logger.info("The database is back; the worker continues.")
                    lost, pause = None, _FIRST_PAUSE_SECONDS
                worker.prewarm()
                await worker.run(embedder, only=None, until_empty=False)
        except Exception as error:
            reason = str(error) if isinstance(error, UnavailableError) else outage(error)
            if reason is None:
                raise
            if lost is None:
                lost = worker or _Worker(store, 0, asyncio.Event())
                logger.warning("%s; the worker waits until the database is back.", reason.rstrip("."))
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


class _Worker:
    def __init__(self, store: Store, worker_id: int, wake: asyncio.Event) -> None:
        self._store = store
        self._worker_id = worker_id
        self._wake = wake
        self._sink = PostgresSink(store.sessions, worker_id)
        self._reported: dict[int, float] = {}
        self._began: dict[int, float] = {}
        self._steps: dict[int, dict[str, float]] = {}
        self._hnsw_maintenance: asyncio.Task[None] | None = None
        self._prewarming: asyncio.Task[None] | None = None
        self._rotation = claims.Rotation()
        self._claims = 0
        self._finished = 0
        self._recover_at = 0.0
        # Grows while the database or the disk accepts no document.
        self._pause = 0.0

    async def take_over(self, lost: "_Worker") -> None:
        """Re-queue what a worker of this process held when it lost its connection."""
        async with self._store.sessions.begin() as session:
            await ingestion.forgive(session, lost._worker_id, lost._began.keys())

    async def run(
        self, embedder: Embedder, *, only: list[int] | None, until_empty: bool, engine: Engine = local.run
    ) -> None:
        models = await open_models(self._store, embedder)
        self._sink = PostgresSink(self._store.sessions, self._worker_id, models)
        # All that is named in `only` is equally urgent.
        places = Places(has_urgent=only is None, on_free=self._wake.set)
        jobs = self._jobs(places, only, until_empty=until_empty)
        await engine(jobs, self._sink, embedder, self._store.settings.ingest, self, places)

    async def _jobs(self, places: Places, only: list[int] | None, *, until_empty: bool) -> AsyncIterator[Job]:
        while True:
            self._wake.clear()
            only_urgent, can_recognize = places.is_urgent, places.can_recognize
            await asyncio.sleep(self._pause)
            claim = await self._claim(only, only_urgent=only_urgent, can_recognize=can_recognize)
            if claim is not None:
                self._claims += 1
                if self._claims % _MAINTAIN_EVERY == 0:
                    await self._maintain_beside(only)
                self._began[claim.doc_id] = time.perf_counter()
                if claim.is_embedded:
                    await self._link(claim.doc_id)
                    continue
                try:
                    job = await self._job(claim)
                except OutageError as error:
                    await self.on_failed(claim.doc_id, error)
                    continue
                yield job
            elif only_urgent:
                await self._wait()
            elif only is not None and len(only) > _CLAIM_AMONG:
                del only[:_CLAIM_AMONG]
            elif await self._compact() or (only is None and await self._queue_reread()):
                continue
            elif until_empty and can_recognize:
                await self._maintain_hnsw()
                return
            else:
                await self._rest()

    async def _claim(
        self, only: list[int] | None, *, only_urgent: bool, can_recognize: bool
    ) -> claims.Claim | None:
        async with self._store.sessions.begin() as session:
            if time.monotonic() >= self._recover_at:
                await ingestion.recover(session)
                await rereading.keep_earlier_text(session)
                self._recover_at = time.monotonic() + _LOOK_AGAIN_SECONDS
            return await claims.claim(
                session,
                self._worker_id,
                only[:_CLAIM_AMONG] if only is not None else None,
                rotation=self._rotation,
                only_urgent=only_urgent,
                can_recognize=can_recognize,
            )

    async def _maintain_beside(self, only: list[int] | None) -> None:
        """A long backlog must not keep all else from being done."""
        await self._compact()
        await self._backfill()
        if only is None:
            await self._queue_reread()

    async def _rest(self) -> None:
        """The queue is empty: do other work, or wait for a document."""
        if await self._backfill():
            return
        if self._hnsw_maintenance is None or self._hnsw_maintenance.done():
            self._hnsw_maintenance = asyncio.create_task(self._maintain_hnsw())
        await self._wait()

    async def _job(self, claim: claims.Claim) -> Job:
        model_id, embedder = await self._sink.model_for(claim.doc_id)
        async with self._store.sessions.begin() as session:
            known = await known_embeddings(session, claim.doc_id, model_id)
        path = self._store.storage.path(claim.file_path)
        return Job(claim.doc_id, Source(path, claim.title, claim.type), embedder, known, claim.is_urgent)

    async def _queue_reread(self) -> bool:
        async with self._store.sessions.begin() as session:
            return await rereading.queue_next(session)

    async def _compact(self) -> bool:
        try:
            return await segment_compaction.compact(self._store.sessions)
        except DBAPIError as error:
            logger.warning("Compaction is deferred: %s", error.orig)
            return False

    async def _backfill(self) -> bool:
        try:
            return await backfills.run_batch(self._store.sessions)
        except DBAPIError as error:
            logger.warning("A backfill is deferred: %s", error.orig)
            return False

    async def _maintain_hnsw(self) -> None:
        try:
            while await vector_index.maintain_hnsw(self._store.engine):
                pass
        except DBAPIError as error:
            logger.warning("HNSW maintenance failed: %s", error.orig)

    def prewarm(self) -> None:
        """Read in the background what searches read, if Postgres has just started."""
        self._prewarming = asyncio.create_task(self._prewarm())

    async def _prewarm(self) -> None:
        try:
            await prewarming.prewarm(self._store.engine)
        except DBAPIError as error:
            logger.warning("Prewarming failed: %s", error.orig)

    async def stop(self) -> None:
        """Cancel background work."""
        for task in (self._hnsw_maintenance, self._prewarming):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def record_heartbeats(self) -> None:
        """Record a heartbeat every few seconds, until cancelled."""
        while True:
            # Without the database, nobody could read it.
            with suppress(SQLAlchemyError, OSError):
                async with self._store.sessions.begin() as session:
                    await workers.record_heartbeat(session, self._worker_id, self._finished)
            await asyncio.sleep(workers.HEARTBEAT_SECONDS)

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                await self._wake.wait()

    async def _link(self, doc_id: int) -> None:
        try:
            await self._sink.link(doc_id)
        except OutageError as error:
            await self.on_failed(doc_id, error)
        except Exception as error:
            # An unexpected error must not stop the other documents.
            logger.exception("Adding document %s to a namespace failed in a way it should not", doc_id)
            unexpected = TransientError("Something went wrong in Luma itself; the log has the details.")
            unexpected.__cause__ = error
            await self.on_failed(doc_id, unexpected)
        else:
            await self._record(doc_id, "linked")

    def on_begin(self, key: int, step: Step) -> None:
        """Remember when each step began, for the trace."""
        steps = self._steps.setdefault(key, {})
        # A document that is read again on another node begins anew.
        steps.pop(step, None)
        steps[step] = time.perf_counter()

    async def on_stage(self, key: int, stage: Stage, fraction: float) -> None:
        """Record the progress of a document, at most every `_REPORT_SECONDS`."""
        now = time.perf_counter()
        if now - self._reported.get(key, 0.0) < _REPORT_SECONDS:
            return
        self._reported[key] = now
        begin, end = _SHARES[stage]
        progress = begin + fraction * (end - begin)
        if stage == "recognizing":
            progress *= _RECOGNIZING
        elif "recognizing" in self._steps.get(key, {}):
            progress = _RECOGNIZING + progress * (1 - _RECOGNIZING)
        # Users see it as a part of reading the file.
        shown = "parsing" if stage == "recognizing" else stage
        async with self._store.sessions.begin() as session:
            await ingestion.report(session, self._worker_id, key, shown, progress)

    async def on_stored(self, key: int, document: EmbeddedDocument) -> None:
        """A document is stored. The sink has already recorded that, together with its vectors."""
        logger.info("Document %s: %s chunks", key, len(document.chunks))
        await self._record(key, "ready")

    async def on_failed(self, key: int, error: IngestError) -> None:
        """A document could not be read, or not now."""
        if isinstance(error, RecognitionBusyError):
            async with self._store.sessions.begin() as session:
                await ingestion.await_recognition(session, self._worker_id, key)
            self._end(key, "deferred")
            return
        logger.warning("Document %s: %s", key, error)
        async with self._store.sessions.begin() as session:
            if isinstance(error, OutageError):
                await ingestion.defer(session, self._worker_id, key, str(error))
            else:
                can_retry = isinstance(error, TransientError)
                await ingestion.fail(session, self._worker_id, key, str(error), can_retry=can_retry)
                await rereading.keep_earlier_text(session)
                await rereading.queue_version(session, key)
                await ingestion_stats.record(session, "failed", time.perf_counter() - self._began[key])
        self._end(key, "deferred" if isinstance(error, OutageError) else "failed")
        if isinstance(error, OutageError):
            # The next documents would fail too, after all the work on them.
            self._pause = min(max(_FIRST_PAUSE_SECONDS, 2 * self._pause), _LONGEST_PAUSE_SECONDS)

    async def _record(self, doc_id: int, outcome: ingestion_stats.Outcome) -> None:
        self._finished += 1
        async with self._store.sessions.begin() as session:
            await ingestion_stats.record(session, outcome, time.perf_counter() - self._began[doc_id])
            await rereading.queue_version(session, doc_id)
        self._end(doc_id, outcome)
        self._pause = 0.0

    def _end(self, doc_id: int, outcome: str) -> None:
        self._reported.pop(doc_id, None)
        began, ended = self._began.pop(doc_id), time.perf_counter()
        begins = self._steps.pop(doc_id, {})
        stages: dict[str, tuple[float, float]] = dict(
            zip(begins, itertools.pairwise([*begins.values(), ended]), strict=True)
        )
        tracing.record("ingestion", (began, ended), stages, outcome=outcome, doc_id=doc_id)


@asynccontextmanager
async def _registered_worker(store: Store) -> AsyncGenerator[_Worker]:
    """A worker that holds the advisory lock on its id while it runs."""
    wake = asyncio.Event()
    async with store.engine.connect() as connection:
        worker_id = await ingestion.register_worker(connection)
        await connection.commit()
        raw: Any = (await connection.get_raw_connection()).driver_connection
        task = asyncio.current_task()
        lost, is_closing = asyncio.Event(), False

        def on_lost(*_: object) -> None:
            # Losing the connection releases the lock, and other workers take over.
            lost.set()
            if task is not None and not is_closing:
                task.cancel()

        def on_notification(*_: object) -> None:
            wake.set()

        raw.add_termination_listener(on_lost)
        await raw.add_listener(ingestion.CHANNEL, on_notification)
        worker = _Worker(store, worker_id, wake)
        heartbeats = asyncio.create_task(worker.record_heartbeats())
        try:
            yield worker
        except asyncio.CancelledError:
            # The task may have been cancelled for another reason as well.
            if not lost.is_set() or (task is not None and task.uncancel() > 0):
                raise
            raise UnavailableError("The worker lost its connection to the database.") from None
        finally:
            is_closing = True
            try:
                heartbeats.cancel()
                await asyncio.gather(heartbeats, return_exceptions=True)
                await worker.stop()
                if not lost.is_set():
                    await _release(store, worker_id, lost)
            finally:
                # Close the connection instead of returning it to the pool: it listens and holds the lock.
                await connection.invalidate()


async def _release(store: Store, worker_id: int, lost: asyncio.Event) -> None:
    try:
        async with store.sessions.begin() as session:
            await ingestion.release(session, worker_id)
    except Exception:
        # A database that shuts down meanwhile fails in many ways, then closes the connection.
        with suppress(TimeoutError):
            await asyncio.wait_for(lost.wait(), _LOSING_SECONDS)
        if not lost.is_set():
            raise
        logger.warning("The database closed before the worker; the next worker takes over its documents.")


async def _main() -> None:
    os.nice(_NICENESS)
    line = sys.stdin.buffer.readline()
    if not line:
        return  # the server has ended meanwhile
    configured = settings.from_parent(line)
    log.to_stderr(configured.log)
    tracing.start("worker", __version__)
    working = asyncio.create_task(_work(configured))
    loop = asyncio.get_running_loop()
    # From the start: a worker whose server has died must not open the store of the next one.
    _cancel_on_eof(loop, working)
    # Service managers may end all processes at once.
    loop.add_signal_handler(signal.SIGTERM, working.cancel)
    try:
        await working
    except asyncio.CancelledError:
        logger.info("The worker is stopping.")


async def _work(configured: Settings) -> None:
    loading = asyncio.create_task(
        asyncio.to_thread(load_embedder, configured_model(configured), api_key=configured.embedding.api_key)
    )
    async with open_store(configured, pool_size=4) as store:
        embedder = await check_model(store.sessions, await loading, api_key=configured.embedding.api_key)
        await run(store, embedder)


def _cancel_on_eof(loop: asyncio.AbstractEventLoop, working: "asyncio.Task[None]") -> None:
    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        loop.call_soon_threadsafe(working.cancel)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Run the worker of a server, or of `luma worker`."""
    # Ctrl-C reaches all processes of the terminal. The parent stops its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        asyncio.run(_main())
    except LumaError as error:
        logger.error("%s", error)
        sys.exit(1)
