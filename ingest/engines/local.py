"""Processes many sources on one machine: while one document is embedded, the next are parsed.

Embedding takes over nine tenths of the time on all cores, so documents are embedded one at a time; but an
urgent one does not wait for one that is not. Parsing runs in the sandbox's processes and storing waits for
the sink; overlapped with embedding, they cost next to nothing.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from ingest import sandbox
from ingest.embedding import Embedder
from ingest.engines.jobs import UNEXPECTED, Job, ProgressListener, ProgressRelay
from ingest.engines.places import DOCUMENTS_IN_RECOGNITION, Places
from ingest.errors import IngestError, TransientError
from ingest.pipeline import Stage, embed, parse, recognize, split
from ingest.settings import IngestSettings
from ingest.sink import Sink
from ingest.types import EmbeddedDocument, ParsedDocument

T = TypeVar("T")
_log = logging.getLogger(__name__)


async def run(
    jobs: AsyncIterable[Job],
    sink: Sink,
    embedder: Embedder,
    settings: IngestSettings,
    listener: ProgressListener,
    places: Places | None = None,
) -> None:
    """Process `jobs` until there are no more, as many at once as there are `places`.

    A job is fetched when there is room for it. A document with pages to be recognized fails with a
    `RecognitionBusyError` if there is no place for that. A failed document is reported to the listener, and
    the others continue. On cancellation, or if `jobs` or the listener raises, all work is aborted: parsers
    are killed, the embedder stops after its batch, and the listener receives nothing further. The exception
    propagates unchanged.
    """
    engine = _Engine(sink, embedder, settings, listener, places or Places())
    try:
        await engine.run(jobs)
    except ExceptionGroup as group:
        raise _first(group) from None
    finally:
        await engine.close()


def _first(group: ExceptionGroup[Exception]) -> Exception:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


class _StoppedError(Exception):
    """Stops the work in a thread, which can't be cancelled."""


class _Engine:
    def __init__(
        self,
        sink: Sink,
        embedder: Embedder,
        settings: IngestSettings,
        listener: ProgressListener,
        places: Places,
    ) -> None:
        self._sink = sink
        self._embedder = embedder
        self._settings = settings
        self._news = ProgressRelay(listener)
        self._places = places
        # Those in recognition, and those that have just left it, come on top.
        most = places.most + 2 * DOCUMENTS_IN_RECOGNITION
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="ingest")
        self._embedding = {is_urgent: asyncio.Lock() for is_urgent in (False, True)}
        self._stopped = threading.Event()
        self._finished = False

    async def run(self, jobs: AsyncIterable[Job]) -> None:
        async with asyncio.TaskGroup() as group:
            reporter = group.create_task(self._news.deliver())
            async with asyncio.TaskGroup() as working:
                # Take a place before fetching a job, so that no claimed job waits.
                await self._places.take()
                async for job in jobs:
                    working.create_task(self._process(job))
                    await self._places.take()
                self._places.leave()
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
                wrapped = TransientError(UNEXPECTED)
                wrapped.__cause__ = error
                await self._news.failed(job.key, wrapped)
            else:
                await self._news.stored(job.key, embedded)
        finally:
            self._places.leave()

    async def _embed(self, job: Job) -> EmbeddedDocument:
        on_progress = self._progress(job.key)
        embedder = job.embedder or self._embedder
        parsed = await self._in_thread(partial(parse, job.source, self._settings, on_progress))
        if not isinstance(parsed, ParsedDocument):
            with self._places.recognition():
                parsed = await self._in_thread(
                    partial(recognize, job.source, parsed, self._settings, on_progress)
                )
        chunks = await self._in_thread(
            partial(split, parsed, job.source, embedder.tokens, self._settings, on_progress)
        )
        async with self._embedding[job.is_urgent]:
            return await self._in_thread(partial(embed, parsed, chunks, embedder, on_progress, job.known))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _progress(self, key: int) -> Callable[[Stage, float], None]:
        loop = asyncio.get_running_loop()

        def on_progress(stage: Stage, fraction: float) -> None:
            if self._stopped.is_set():
                raise _StoppedError
            loop.call_soon_threadsafe(self._news.stage, key, stage, fraction)

        return on_progress
