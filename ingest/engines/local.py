"""Processes many sources on one machine: while one document is embedded, the next are parsed.

Embedding takes over nine tenths of the time on all cores, so documents are embedded one at a time. Parsing
runs in the sandbox's processes and storing waits for the sink; overlapped with embedding, they cost next to
nothing.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal, Protocol, TypeVar

import msgspec

from ingest import sandbox
from ingest.embedding import Embedder
from ingest.errors import IngestError, TransientError
from ingest.pipeline import NOTHING_KNOWN, Known, Stage, embed, read
from ingest.settings import IngestSettings
from ingest.sink import Sink
from ingest.types import EmbeddedDocument, Source

T = TypeVar("T")
_log = logging.getLogger(__name__)

DOCUMENTS_IN_WORK = 3
"""One document is being embedded, two are being parsed ahead of it or stored behind it. All are in memory."""

_UNEXPECTED = (
    "Something went wrong in Luma itself while it read this file. Try again; the log has the details."
)


Step = Stage | Literal["storing"]


class Job(msgspec.Struct, frozen=True):
    """A source to process. `key` identifies it to the sink and the listener.

    `known` are embeddings of an earlier version, which are not computed again.
    """

    key: int
    source: Source
    known: Known = NOTHING_KNOWN


class ProgressListener(Protocol):
    """Receives the progress of jobs: any number of `on_stage`, then one of `on_stored` and `on_failed`.

    Calls are serialized on the event loop. An exception raised here stops the engine.
    """

    def on_begin(self, key: int, step: Step) -> None:
        """The job begins a step. No call is left out, unlike those of `on_stage`."""
        ...

    async def on_stage(self, key: int, stage: Stage, fraction: float) -> None:
        """The job is at `fraction` (0 to 1) of `stage`. Updates that arrive during a call are coalesced."""
        ...

    async def on_stored(self, key: int, document: EmbeddedDocument) -> None:
        """The sink has stored the document."""
        ...

    async def on_failed(self, key: int, error: IngestError) -> None:
        """The document could not be parsed or stored; nothing of it was stored."""
        ...


async def run(
    jobs: AsyncIterable[Job],
    sink: Sink,
    embedder: Embedder,
    settings: IngestSettings,
    listener: ProgressListener,
) -> None:
    """Process `jobs` until there are no more, up to `DOCUMENTS_IN_WORK` concurrently.

    A job is fetched when there is room for it. A failed document is reported to the listener, and the others
    continue. On cancellation, or if `jobs` or the listener raises, all work is aborted: parsers are killed,
    the embedder stops after its batch, and the listener receives nothing further. The exception propagates
    unchanged.
    """
    engine = _Engine(sink, embedder, settings, listener)
    try:
        await engine.run(jobs)
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    finally:
        await engine.close()


class _StoppedError(Exception):
    """Stops the work in a thread, which can't be cancelled."""


class _Engine:
    def __init__(
        self, sink: Sink, embedder: Embedder, settings: IngestSettings, listener: ProgressListener
    ) -> None:
        self._sink = sink
        self._embedder = embedder
        self._settings = settings
        self._count = embedder.tokens
        self._news = _ProgressRelay(listener)
        self._threads = ThreadPoolExecutor(DOCUMENTS_IN_WORK, thread_name_prefix="ingest")
        self._room = asyncio.Semaphore(DOCUMENTS_IN_WORK)
        self._embedding = asyncio.Lock()
        self._stopped = threading.Event()
        self._finished = False

    async def run(self, jobs: AsyncIterable[Job]) -> None:
        async with asyncio.TaskGroup() as group:
            reporter = group.create_task(self._news.deliver())
            # Acquire a slot before fetching a job, so that no claimed job waits.
            await self._room.acquire()
            async for job in jobs:
                group.create_task(self._process(job))
                await self._room.acquire()
            for _ in range(DOCUMENTS_IN_WORK - 1):
                await self._room.acquire()
            # All documents are finished, and their progress is delivered.
            reporter.cancel()
        self._finished = True

    async def close(self) -> None:
        self._stopped.set()
        if not self._finished:
            # Threads wait for the sandboxes; killing these lets the threads stop.
            await asyncio.to_thread(sandbox.stop)
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def _process(self, job: Job) -> None:
        try:
            try:
                embedded = await self._embed(job)
                self._news.begin(job.key, "storing")
                await self._sink.store(job.key, embedded)
            except IngestError as error:
                await self._news.failed(job.key, error)
            except Exception as error:
                # An unexpected error must not stop the other documents.
                _log.exception("Ingesting document %s failed in a way it should not", job.key)
                wrapped = TransientError(_UNEXPECTED)
                wrapped.__cause__ = error
                await self._news.failed(job.key, wrapped)
            else:
                await self._news.stored(job.key, embedded)
        finally:
            self._room.release()

    async def _embed(self, job: Job) -> EmbeddedDocument:
        on_progress = self._progress(job.key)
        document, chunks = await self._in_thread(
            partial(read, job.source, self._count, self._settings, on_progress)
        )
        async with self._embedding:
            return await self._in_thread(
                partial(embed, document, chunks, self._embedder, on_progress, job.known)
            )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _progress(self, key: int) -> Callable[[Stage, float], None]:
        loop = asyncio.get_running_loop()

        def on_progress(stage: Stage, fraction: float) -> None:
            if self._stopped.is_set():
                raise _StoppedError
            loop.call_soon_threadsafe(self._news.stage, key, stage, fraction)

        return on_progress


class _ProgressRelay:
    """Passes progress to the listener, one call at a time; of each job only the latest stage."""

    def __init__(self, listener: ProgressListener) -> None:
        self._listener = listener
        self._one_at_a_time = asyncio.Lock()
        self._latest: dict[int, tuple[Stage, float]] = {}
        self._any = asyncio.Event()

    def begin(self, key: int, step: Step) -> None:
        self._listener.on_begin(key, step)

    def stage(self, key: int, stage: Stage, fraction: float) -> None:
        if fraction == 0:
            self.begin(key, stage)
        self._latest[key] = stage, fraction
        self._any.set()

    async def deliver(self) -> None:
        while True:
            await self._any.wait()
            async with self._one_at_a_time:
                if self._latest:
                    key = next(iter(self._latest))
                    await self._listener.on_stage(key, *self._latest.pop(key))
                else:
                    self._any.clear()

    async def stored(self, key: int, document: EmbeddedDocument) -> None:
        async with self._one_at_a_time:
            self._latest.pop(key, None)
            await self._listener.on_stored(key, document)

    async def failed(self, key: int, error: IngestError) -> None:
        async with self._one_at_a_time:
            self._latest.pop(key, None)
            await self._listener.on_failed(key, error)
