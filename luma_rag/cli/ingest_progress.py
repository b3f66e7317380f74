"""The progress of `luma ingest`: a bar on a terminal, a line a minute in a log."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ingest.types import ReadingWarning
from luma_rag.cli.output import errors, say

LINE_SECONDS = 60.0


class File(msgspec.Struct):
    """One file. `pages` is null for documents without pages.

    `error` says why it failed, was skipped, or waits until `next_attempt_at`. `is_unchanged` where the
    namespace held the same bytes before. `warnings` say what could not be read.
    """

    path: str
    state: str
    doc_id: int | None = None
    pages: int | None = None
    chunks: int = 0
    error: str | None = None
    progress: float = 0.0
    is_unchanged: bool = False
    next_attempt_at: datetime | None = None
    warnings: list[ReadingWarning] = []

    @property
    def is_finished(self) -> bool:
        """Whether it is ready or has failed."""
        return self.state in ("ready", "failed")


Show = Callable[[Sequence[File]], None]


def totals(files: Sequence[File]) -> tuple[int, int]:
    """Pages and chunks of some files."""
    return sum(file.pages or 0 for file in files), sum(file.chunks for file in files)


@contextmanager
def progress(*, is_quiet: bool) -> Iterator[Show]:
    """A function that shows how far the files are: on standard error, and nothing if `is_quiet`."""
    if is_quiet:
        yield lambda files: None
    elif errors.is_terminal:
        with _bar() as show:
            yield show
    else:
        yield Lines().show


class Lines:
    """A line every `LINE_SECONDS`."""

    def __init__(self) -> None:
        self._started = self._last = time.monotonic()

    def show(self, files: Sequence[File]) -> None:
        """Print a line if it is time for one."""
        now = time.monotonic()
        if now - self._last < LINE_SECONDS:
            return
        self._last = now
        done = _done(files)
        rest = (now - self._started) * (len(files) - done) / done if done else None
        left = "" if rest is None else f", about {rest / 60:.0f} min left"
        finished = sum(file.state in ("ready", "failed") for file in files)
        say(f"{finished} of {len(files)} documents ({_rates(files, now - self._started)}){left}.", err=True)


@contextmanager
def _bar() -> Iterator[Show]:
    bar = Progress(
        TextColumn("{task.fields[done]}/{task.total} documents"),
        BarColumn(),
        TextColumn("{task.fields[rates]}"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        console=errors,
    )
    task = bar.add_task("", total=0, done=0, rates="")
    started = time.monotonic()

    def show(files: Sequence[File]) -> None:
        bar.update(
            task,
            total=len(files),
            completed=_done(files),
            done=sum(file.state in ("ready", "failed") for file in files),
            rates=_rates(files, time.monotonic() - started),
        )

    with bar:
        yield show


def _done(files: Sequence[File]) -> float:
    """How many files are done, with the fraction of those being read."""
    finished = sum(file.state in ("ready", "failed") for file in files)
    return finished + sum(file.progress for file in files if file.state == "running")


def _rates(files: Sequence[File], seconds: float) -> str:
    pages, chunks = totals([file for file in files if file.state == "ready" and not file.is_unchanged])
    seconds = max(seconds, 1e-3)
    return f"{pages / seconds:.1f} pages/s, {chunks / seconds:.1f} chunks/s"
