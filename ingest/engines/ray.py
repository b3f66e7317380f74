"""Processes many sources on the nodes of a Ray cluster. Needs the extra `ray`.

    async with ray.cluster(address) as engine:
        await engine.run(jobs, sink, embedder, settings, listener)

The program that runs this fetches the jobs and stores the results, as with one machine. The actors in between
know neither database nor storage: a file goes to them as bytes, through Ray's object store, so that nodes
share no folder and hold no password. The parsed text goes straight to an embedding actor, and its result to
this program.

If an actor or its node dies, its documents are read again elsewhere. Only a document that has lost several
actors may be the reason, and fails for now.
"""

import asyncio
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

# Ray reports its use to its makers by default.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
import ray._private.worker
from ray.exceptions import RayActorError, RayError, RayTaskError

from ingest.embedding import Embedder
from ingest.engines.jobs import UNEXPECTED, Job, ProgressListener, ProgressRelay
from ingest.engines.places import Places
from ingest.engines.ray_actors import LogLine, Outcome, Reached
from ingest.engines.ray_crew import ClusterError, Crew, Member
from ingest.errors import IngestError, TransientError
from ingest.parsers import detect_type
from ingest.pipeline import process
from ingest.settings import IngestSettings
from ingest.sink import Sink
from ingest.types import DocumentType, EmbeddedDocument, EmbeddingModel

__all__ = ["ClusterError", "Engine", "cluster"]

_log = logging.getLogger(__name__)

MOST_LOSSES = 3
"""A document that has lost as many actors may be what kills them."""
_LOST = (
    f"The processes that read this document died {MOST_LOSSES} times. The file may be too demanding for the "
    "machines of the cluster."
)


@asynccontextmanager
async def cluster(address: str | None = None) -> "AsyncGenerator[Engine]":
    """An engine on the cluster at `address`, such as `auto` or `host:6379`; by default on Ray started here.

    Raises:
        ClusterError: the cluster can't be reached, or Ray does not start.
    """
    if address is not None and "://" in address:
        raise ClusterError(
            f"{address} is an address of Ray Client, which can't stream progress. Start Ray on this machine "
            "with ray start --address=HOST:6379, and use the address auto."
        )
    folder = None if address else tempfile.mkdtemp(prefix="luma-ray-", dir="/tmp")
    try:
        await asyncio.to_thread(_connect, address or "local", folder)
        engine = Engine()
        try:
            yield engine
        finally:
            await engine.close()
    finally:
        await asyncio.to_thread(ray.shutdown)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _connect(address: str, folder: str | None) -> None:
    # Even without `log_to_driver`, Ray prints its complaints about nodes, on standard output.
    ray._private.worker._worker_logs_enabled = False
    options: dict[str, Any] = {}
    if folder is not None:
        # Its ports are open to the network, and Ray lets in only those who know a token: one for this run,
        # instead of one in the user's home.
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        # Sockets must have short paths: `dir` is not TMPDIR.
        options = {"_temp_dir": folder, "include_dashboard": False}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (OSError, RayError, RuntimeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(". ")
        raise ClusterError(f"Ray can't be used: {reason}.") from error


class Engine:
    """Runs jobs on the cluster that Ray is connected to. Actors stay for the next run."""

    def __init__(self) -> None:
        self._crew: Crew | None = None
        self._work: asyncio.Task[None] | None = None
        self._made_for: tuple[Embedder, IngestSettings] | None = None

    async def run(
        self,
        jobs: AsyncIterable[Job],
        sink: Sink,
        embedder: Embedder,
        settings: IngestSettings,
        listener: ProgressListener,
        places: Places | None = None,
    ) -> None:
        """Process `jobs` until there are no more, as `ingest.engines.local.run` does.

        There are up to `DOCUMENTS_PER_EMBEDDER` documents in work for each embedding actor. `places` are
        those of the local engine, and have no meaning here.

        Raises:
            ClusterError: no node of the cluster can be used.
        """
        crew, work = await self._staffed(embedder, settings)
        run = _Run(crew, sink, embedder.model, settings, listener)
        try:
            await run.run(jobs, work)
        except BaseException as error:
            # Actors can't stop in the middle; killing them kills their parsers too.
            await self.close()
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            raise error from error.__cause__

    async def close(self) -> None:
        """Kill the actors."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._crew = self._work = self._made_for = None

    async def _staffed(
        self, embedder: Embedder, settings: IngestSettings
    ) -> "tuple[Crew, asyncio.Task[None]]":
        if self._crew is None or self._work is None or self._made_for != (embedder, settings):
            await self.close()
            self._made_for = embedder, settings
            self._crew = Crew(embedder, settings)
            self._work = asyncio.create_task(self._crew.work())
        return self._crew, self._work


class _Run:
    def __init__(
        self,
        crew: Crew,
        sink: Sink,
        model: EmbeddingModel,
        settings: IngestSettings,
        listener: ProgressListener,
    ) -> None:
        self._crew = crew
        self._sink = sink
        self._model = model
        self._settings = settings
        self._news = ProgressRelay(listener)

    async def run(self, jobs: AsyncIterable[Job], work: "asyncio.Task[None]") -> None:
        async with asyncio.TaskGroup() as group:
            background = [group.create_task(self._news.deliver()), group.create_task(_outlive(work))]
            async with asyncio.TaskGroup() as documents:
                # A place is taken before a job is fetched, so that no claimed job waits.
                room = await self._crew.room.take()
                async for job in jobs:
                    documents.create_task(self._process(job, room))
                    room = await self._crew.room.take()
                self._crew.room.give(room)
            for task in background:
                task.cancel()

    async def _process(self, job: Job, room: Member) -> None:
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
            self._crew.room.give(room)

    async def _embed(self, job: Job) -> EmbeddedDocument:
        if job.embedder is not None and job.embedder.model != self._model:
            # The actors hold one model. Documents of namespaces with another are few, and are read here.
            return await asyncio.to_thread(process, job.source, job.embedder, self._settings)
        for _ in range(MOST_LOSSES):
            try:
                read = await self._read(job)
                async with self._crew.embedders.place() as member:
                    result = await self._follow(
                        job.key, member, member.actor.embed.remote(read, dict(job.known))
                    )
                    document: EmbeddedDocument = await result
                return document
            except RayError as error:
                if not _is_loss(error):
                    raise
                _log.warning("Document %s is read again: its actor is gone", job.key)
        raise TransientError(_LOST)

    async def _read(self, job: Job) -> Any:
        """A reference to what was read, which stays on its node."""
        source = job.source
        async with self._crew.readers.place() as member:
            kind, content = await asyncio.to_thread(_content, source.path, source.type)
            reading = member.actor.read.remote(content, source.name, kind)
            return await self._follow(job.key, member, reading)

    async def _follow(self, key: int, member: Member, work: AsyncIterable[Any]) -> Any:
        """Pass on what an actor reports. Returns a reference to the result."""
        references = aiter(work)
        try:
            async for reference in references:
                event = await reference
                if isinstance(event, Reached):
                    self._news.stage(key, event.stage, event.fraction)
                elif isinstance(event, LogLine):
                    logging.getLogger(event.logger).log(event.level, "%s", event.message)
                elif isinstance(event, Outcome):
                    if event.error is not None:
                        raise event.error
                    return await anext(references)
        except RayActorError:
            member.is_lost.set()
            raise
        raise RuntimeError("An actor ended without an outcome")


async def _outlive(work: "asyncio.Task[None]") -> None:
    """Raise what ends the crew's work. Cancelling this does not end it."""
    await asyncio.wait({work})
    work.result()


def _content(path: Path, kind: DocumentType | None) -> "tuple[DocumentType, Any]":
    """The type of a file, and a reference to its bytes in Ray's object store."""
    try:
        known = kind or detect_type(path)
        content = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)
    except OSError as error:
        raise TransientError(f"The file could not be opened: {error.strerror}.") from error
    return known, ray.put(np.asarray(content))


def _is_loss(error: RayError) -> bool:
    """Whether an actor, a node, or what it held is gone. Other errors were raised by the work itself."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    return isinstance(cause, RayError)
