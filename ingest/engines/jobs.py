"""What engines take and tell: jobs, and the progress of each."""

import asyncio
from collections.abc import AsyncIterable
from typing import Literal, Protocol

import msgspec

from ingest.embedding import Embedder
from ingest.engines.places import Places
from ingest.errors import IngestError
from ingest.pipeline import NOTHING_KNOWN, Known, Stage
from ingest.settings import IngestSettings
from ingest.sink import Sink
from ingest.types import EmbeddedDocument, Source

UNEXPECTED = (
    "Something went wrong in Luma itself while it read this file. Try again; the log has the details."
)
"""What users see of an error that should not happen."""

Step = Stage | Literal["storing"]


class Job(msgspec.Struct, frozen=True):
    """A source to process. `key` identifies it to the sink and the listener.

    `embedder` is the model for this source; None means that of the run. `is_urgent` if somebody waits for it.
    `known` are embeddings of an earlier version, which are not computed again.
    """

    key: int
    source: Source
    embedder: Embedder | None = None
    known: Known = NOTHING_KNOWN
    is_urgent: bool = False


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


class Engine(Protocol):
    """What processes jobs, such as `ingest.engines.local.run`, which says how."""

    async def __call__(
        self,
        jobs: AsyncIterable[Job],
        sink: Sink,
        embedder: Embedder,
        settings: IngestSettings,
        listener: ProgressListener,
        places: Places | None = None,
    ) -> None:
        """Process `jobs` until there are no more."""
        ...


class ProgressRelay:
    """Passes progress to the listener, one call at a time; of each job only the latest stage."""

    def __init__(self, listener: ProgressListener) -> None:
        self._listener = listener
        self._one_at_a_time = asyncio.Lock()
        self._latest: dict[int, tuple[Stage, float]] = {}
        self._any = asyncio.Event()

    def begin(self, key: int, step: Step) -> None:
        """The job begins a step."""
        self._listener.on_begin(key, step)

    def stage(self, key: int, stage: Stage, fraction: float) -> None:
        """The job is at `fraction` of `stage`; at 0, it begins it."""
        if fraction == 0:
            self.begin(key, stage)
        self._latest[key] = stage, fraction
        self._any.set()

    async def deliver(self) -> None:
        """Pass on stages until cancelled."""
        while True:
            await self._any.wait()
            async with self._one_at_a_time:
                if self._latest:
                    key = next(iter(self._latest))
                    await self._listener.on_stage(key, *self._latest.pop(key))
                else:
                    self._any.clear()

    async def stored(self, key: int, document: EmbeddedDocument) -> None:
        """The document is stored."""
        async with self._one_at_a_time:
            self._latest.pop(key, None)
            await self._listener.on_stored(key, document)

    async def failed(self, key: int, error: IngestError) -> None:
        """The document has failed."""
        async with self._one_at_a_time:
            self._latest.pop(key, None)
            await self._listener.on_failed(key, error)
