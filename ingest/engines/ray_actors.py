"""What runs on the nodes of a Ray cluster: actors that read files, and actors that embed what was read.

Each method is a generator. It yields progress and lines for the log, then an `Outcome`; after a successful
one, the result follows. So that results can go from node to node, the program that called the method does not
have to fetch them.
"""

import logging
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.chunker import TokenCounter
from ingest.embedding import Embedder
from ingest.errors import IngestError
from ingest.pipeline import Known, Progress, Stage, embed, read
from ingest.settings import IngestSettings
from ingest.types import Chunk, DocumentType, EmbeddedDocument, ParsedDocument, Source

T = TypeVar("T")
FileBytes = NDArray[np.uint8]
Read = tuple[ParsedDocument, list[Chunk]]

_REPORT_SECONDS = 0.2
_DISTRIBUTION = "luma-rag"


class Reached(msgspec.Struct, frozen=True):
    """The work is at `fraction` (0 to 1) of `stage`."""

    stage: Stage
    fraction: float


class LogLine(msgspec.Struct, frozen=True):
    """A warning or an error, for the log of the program that called the method."""

    logger: str
    level: int
    message: str


class Outcome(msgspec.Struct, frozen=True):
    """The end of the work: an error of the document, or None, and the result follows."""

    error: IngestError | None = None


Event = Reached | LogLine | Outcome


class OtherVersionError(Exception):
    """A node has another version of Luma than the program that uses it."""


def own_version() -> str:
    """The version of Luma in this process."""
    return version(_DISTRIBUTION)


class Reader:
    """Parses files in sandboxes and splits them into chunks, several at once."""

    def __init__(self, wanted: str, count: TokenCounter, settings: IngestSettings) -> None:
        _check_version(wanted)
        _relay_log()
        self._count = count
        self._settings = settings

    def ready(self) -> None:
        """Returns once the actor has started."""

    def read(self, content: FileBytes, name: str, kind: DocumentType) -> Iterator[Event | Read]:
        """Read a file with this content."""
        with _stored(content) as path:
            source = Source(path, name, kind)
            yield from _streamed(lambda report: read(source, self._count, self._settings, report))


class EmbeddingActor:
    """Embeds what was read, one document at a time."""

    def __init__(self, wanted: str, load: Callable[[], Embedder]) -> None:
        _check_version(wanted)
        _relay_log()
        self._embedder = load()

    def ready(self) -> None:
        """Returns once the model is loaded."""

    def embed(self, document: Read, known: Known) -> Iterator[Event | EmbeddedDocument]:
        """Embed the chunks of a document that are not known."""
        yield from _streamed(lambda report: embed(*document, self._embedder, report, known))


def _check_version(wanted: str) -> None:
    if own_version() != wanted:
        raise OtherVersionError(f"it has version {own_version()} of Luma instead of {wanted}")


@contextmanager
def _stored(content: FileBytes) -> Iterator[Path]:
    """A file with this content, as long as this process lives, however it ends."""
    if sys.platform == "linux":
        with tempfile.TemporaryFile() as unnamed:
            unnamed.write(content.data)
            unnamed.flush()
            yield Path(f"/proc/self/fd/{unnamed.fileno()}")
    else:
        with tempfile.NamedTemporaryFile() as named:
            named.write(content.data)
            named.flush()
            yield Path(named.name)


def _streamed(work: Callable[[Progress], T]) -> Iterator[Event | T]:
    """What a thread that does `work` reports, and its result."""
    events: SimpleQueue[Event | None] = SimpleQueue()
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(_reporting, events, partial(work, _progress(events)))
        result.add_done_callback(lambda _: events.put(None))
        while (event := events.get()) is not None:
            yield event
        try:
            found = result.result()
        except IngestError as error:
            yield Outcome(error)
        else:
            yield Outcome()
            yield found


def _progress(events: "SimpleQueue[Any]") -> Progress:
    reported = 0.0

    def report(stage: Stage, fraction: float) -> None:
        nonlocal reported
        now = time.monotonic()
        if fraction == 0 or now - reported > _REPORT_SECONDS:
            reported = now
            events.put(Reached(stage, fraction))

    return report


_current = threading.local()


def _reporting(events: "SimpleQueue[Any]", work: Callable[[], T]) -> T:
    _current.events = events
    return work()


class _LogRelay(logging.Handler):
    """Sends what a thread logs to where its events go."""

    def emit(self, record: logging.LogRecord) -> None:
        events = getattr(_current, "events", None)
        if events is not None:
            events.put(LogLine(record.name, record.levelno, self.format(record)))


def _relay_log() -> None:
    logger = logging.getLogger("ingest")
    logger.addHandler(_LogRelay(logging.WARNING))
    logger.propagate = False
