import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import docx
import numpy as np
import psutil
import pytest

from ingest import sandbox
from ingest.embedding import Embedder
from ingest.engines import local
from ingest.engines.jobs import Job
from ingest.engines.places import DOCUMENTS_IN_WORK
from ingest.errors import IngestError, TransientError, UnsupportedTypeError
from ingest.pipeline import process
from ingest.settings import IngestSettings
from ingest.types import EmbeddedDocument, Source
from tests.processes import is_alive

SETTINGS = IngestSettings()


class Recorder:
    """A sink and a listener that record all calls."""

    def __init__(self) -> None:
        self.stored: dict[int, EmbeddedDocument] = {}
        self.failed: dict[int, IngestError] = {}
        self.news: list[tuple[int, str]] = []
        self.wrong_with_sink: dict[int, Exception] = {}
        self.wrong_with_observer: Exception | None = None
        self.calls = 0
        self.begun: dict[int, list[str]] = {}

    async def store(self, key: int, document: EmbeddedDocument) -> None:
        if key in self.wrong_with_sink:
            raise self.wrong_with_sink[key]
        await asyncio.sleep(0.01)
        self.stored[key] = document

    def on_begin(self, key: int, step: str) -> None:
        self.begun.setdefault(key, []).append(step)

    async def on_stage(self, key: int, stage: str, fraction: float) -> None:
        self.calls += 1
        assert self.calls == 1, "calls come one at a time"
        assert 0 <= fraction <= 1
        await asyncio.sleep(0.001)
        self.calls -= 1
        if self.wrong_with_observer:
            raise self.wrong_with_observer
        self.news.append((key, stage))

    async def on_stored(self, key: int, document: EmbeddedDocument) -> None:
        assert self.stored[key] is document
        self.news.append((key, "stored"))

    async def on_failed(self, key: int, error: IngestError) -> None:
        self.failed[key] = error
        self.news.append((key, "failed"))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


async def listed(jobs: Iterable[Job]) -> AsyncIterator[Job]:
    for job in jobs:
        yield job


def write(folder: Path, number: int, paragraphs: int = 5) -> Job:
    path = folder / f"{number}.docx"
    document = docx.Document()
    for i in range(paragraphs):
        document.add_paragraph(
            f"Document {number}, paragraph {i}: the machine has {i * number} screws of steel."
        )
    document.save(str(path))
    return Job(number, Source(path, path.name))


async def test_engine_results_match_process(tmp_path: Path, embedder: Embedder) -> None:
    jobs = [write(tmp_path, number, paragraphs=number * 3) for number in range(1, 9)]
    recorder = Recorder()
    await local.run(listed(jobs), recorder, embedder, SETTINGS, recorder)
    assert recorder.failed == {}
    assert sorted(recorder.stored) == list(range(1, 9))
    for job in jobs:
        expected = process(job.source, embedder, SETTINGS)
        assert recorder.stored[job.key].chunks == expected.chunks
        assert np.allclose(recorder.stored[job.key].embeddings, expected.embeddings, atol=1e-5)


async def test_each_document_finishes_exactly_once(tmp_path: Path, embedder: Embedder) -> None:
    recorder = Recorder()
    jobs = [write(tmp_path, number) for number in range(1, 7)]
    await local.run(listed(jobs), recorder, embedder, SETTINGS, recorder)
    for job in jobs:
        mine = [what for key, what in recorder.news if key == job.key]
        assert mine.count("stored") == 1
        assert mine[-1] == "stored"
        assert recorder.begun[job.key] == ["parsing", "chunking", "embedding", "storing"]


async def test_no_jobs(embedder: Embedder) -> None:
    recorder = Recorder()
    await local.run(listed([]), recorder, embedder, SETTINGS, recorder)
    assert recorder.news == []


async def test_failed_document_does_not_affect_others(tmp_path: Path, embedder: Embedder) -> None:
    good = [write(tmp_path, number) for number in (1, 2, 3)]
    (tmp_path / "bad.pdf").write_bytes(b"GIF89a")
    bad = Job(9, Source(tmp_path / "bad.pdf", "bad"))
    recorder = Recorder()
    await local.run(listed([bad, *good]), recorder, embedder, SETTINGS, recorder)
    assert sorted(recorder.stored) == [1, 2, 3]
    assert isinstance(recorder.failed.pop(9), UnsupportedTypeError)
    assert recorder.failed == {}


async def test_sink_error_fails_only_its_document(
    tmp_path: Path, embedder: Embedder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    expected, unexpected = TransientError("The database is away."), ZeroDivisionError("secret detail")
    recorder.wrong_with_sink = {1: expected, 2: unexpected}
    jobs = [write(tmp_path, number) for number in (1, 2, 3)]
    await local.run(listed(jobs), recorder, embedder, SETTINGS, recorder)
    assert list(recorder.stored) == [3]
    assert recorder.failed[1] is expected
    assert isinstance(recorder.failed[2], TransientError)
    assert "secret" not in str(recorder.failed[2])
    assert "secret detail" in caplog.text


async def test_jobs_are_fetched_only_when_there_is_room(tmp_path: Path, embedder: Embedder) -> None:
    recorder = Recorder()
    most = 0

    async def watched() -> AsyncIterator[Job]:
        nonlocal most
        for number in range(1, 12):
            most = max(most, number - len(recorder.stored))
            yield write(tmp_path, number)

    await local.run(watched(), recorder, embedder, SETTINGS, recorder)
    assert len(recorder.stored) == 11
    assert 2 <= most <= DOCUMENTS_IN_WORK


async def test_documents_are_stored_while_jobs_are_awaited(tmp_path: Path, embedder: Embedder) -> None:
    """An endless queue must not delay the available documents."""
    recorder = Recorder()

    async def endless() -> AsyncIterator[Job]:
        yield write(tmp_path, 1)
        await asyncio.Event().wait()

    running = asyncio.create_task(local.run(endless(), recorder, embedder, SETTINGS, recorder))
    await until(lambda: bool(recorder.stored))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_cancelling_stops_the_embedder_after_its_batch(
    tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    batches = 0
    encode = embedder._encode

    def counted(ids: Any) -> Any:
        nonlocal batches
        batches += 1
        return encode(ids)

    monkeypatch.setattr(embedder, "_encode", counted)
    job = write(tmp_path, 1, paragraphs=3000)
    running = asyncio.create_task(local.run(listed([job]), recorder, embedder, SETTINGS, recorder))
    await until(lambda: batches > 0)
    running.cancel()
    at_cancelling = batches
    with pytest.raises(asyncio.CancelledError):
        await running
    # The next one may have begun in the meantime.
    assert batches <= at_cancelling + 1
    assert recorder.stored == recorder.failed == {}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ingest")]


async def test_cancelling_kills_the_parsers(tmp_path: Path, embedder: Embedder) -> None:
    path = write(tmp_path, 1, paragraphs=2).source.path
    await asyncio.to_thread(sandbox.parse_in_sandbox, path, SETTINGS.limits)
    launcher = sandbox._launcher._process
    assert launcher is not None
    slow = write(tmp_path, 2, paragraphs=30_000)
    recorder = Recorder()
    running = asyncio.create_task(local.run(listed([slow]), recorder, embedder, SETTINGS, recorder))
    await until(lambda: bool(psutil.Process(launcher.pid).children()))
    children = psutil.Process(launcher.pid).children()
    for child in children:
        child.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - began < 10
    assert not any(is_alive(child) for child in children)
    assert recorder.stored == recorder.failed == {}


@pytest.mark.parametrize("where", ["listener", "jobs"])
async def test_listener_and_job_errors_stop_the_engine(
    where: str, tmp_path: Path, embedder: Embedder
) -> None:
    recorder = Recorder()

    async def breaking() -> AsyncIterator[Job]:
        yield write(tmp_path, 1)
        if where == "jobs":
            raise KeyError("the queue is away")
        recorder.wrong_with_observer = KeyError("the listener is away")
        await asyncio.Event().wait()

    with pytest.raises(KeyError, match="is away"):
        await local.run(breaking(), recorder, embedder, SETTINGS, recorder)
    assert recorder.failed == {}
