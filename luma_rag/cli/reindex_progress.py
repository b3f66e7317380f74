"""The progress of `luma reindex`: a bar on a terminal, a line a minute in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import progress
from rich.markup import escape

from luma_rag.cli.ingest_progress import LINE_SECONDS
from luma_rag.cli.output import errors, say
from luma_rag.documents.reindexing import Extent


class Progress:
    """Shows how far the vectors of each namespace are, on standard error. `done` counts their documents."""

    def __init__(self, *, is_quiet: bool) -> None:
        self.done = 0
        self._is_quiet = is_quiet

    @contextmanager
    def of(self, namespace: str, extent: Extent) -> Iterator[Callable[[int], None]]:
        """A function that takes the number of chunks of each document that is done."""
        if not self._is_quiet and errors.is_terminal and not extent.is_complete:
            with self._bar(namespace, extent) as advance:
                yield advance
        else:
            yield self._lines(namespace, extent)

    @contextmanager
    def _bar(self, namespace: str, extent: Extent) -> Iterator[Callable[[int], None]]:
        bar = progress.Progress(
            progress.TextColumn("{task.description}: {task.completed}/{task.total} chunks"),
            progress.BarColumn(),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left:"),
            progress.TimeRemainingColumn(),
            console=errors,
        )
        task = bar.add_task(escape(namespace), total=extent.all_chunks, completed=extent.chunks)

        def advance(chunks: int) -> None:
            self.done += 1
            bar.advance(task, chunks)

        with bar:
            yield advance

    def _lines(self, namespace: str, extent: Extent) -> Callable[[int], None]:
        last = time.monotonic()
        chunks_done = extent.chunks

        def advance(chunks: int) -> None:
            nonlocal last, chunks_done
            self.done += 1
            chunks_done += chunks
            if not self._is_quiet and time.monotonic() - last >= LINE_SECONDS:
                last = time.monotonic()
                say(f"{namespace}: {chunks_done} of {extent.all_chunks} chunks", err=True)

        return advance
