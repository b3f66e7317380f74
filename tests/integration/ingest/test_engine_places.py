"""What the engine does at the same time: urgent documents beside batches, and recognition beside all else."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ingest import recognition
from ingest.embedding.packaged import PackagedEmbedder
from ingest.engines import local
from ingest.engines.jobs import Job
from ingest.engines.places import DOCUMENTS_IN_RECOGNITION, DOCUMENTS_IN_WORK, Places
from ingest.errors import PermanentError, RecognitionBusyError
from ingest.types import RecognizedPage, Source
from tests import factories
from tests.integration.ingest.test_engine_local import SETTINGS, Recorder, until, write

_PATIENCE = 60


async def test_urgent_document_does_not_wait_for_those_that_are_not(
    tmp_path: Path, embedder: PackagedEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, places = Recorder(), Places(has_urgent=True)
    is_embedding, may_go_on = threading.Event(), threading.Event()
    encode = embedder._encode

    def first_waits(ids: Any) -> Any:
        if not is_embedding.is_set():
            is_embedding.set()
            assert may_go_on.wait(_PATIENCE)
        return encode(ids)

    monkeypatch.setattr(embedder, "_encode", first_waits)

    async def jobs() -> AsyncIterator[Job]:
        for number in range(1, DOCUMENTS_IN_WORK + 1):
            assert not places.is_urgent
            yield write(tmp_path, number)
        assert places.is_urgent
        await until(is_embedding.is_set)
        yield Job(9, write(tmp_path, 9).source, is_urgent=True)

    running = asyncio.create_task(local.run(jobs(), recorder, embedder, SETTINGS, recorder, places))
    try:
        await until(lambda: bool(recorder.stored))
        assert list(recorder.stored) == [9]
    finally:
        may_go_on.set()
        await running
    assert sorted(recorder.stored) == [1, 2, 3, 9]
    assert recorder.failed == {}


@pytest.fixture
def finish_recognition(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Recognition takes until this is called, and finds nothing."""
    may_finish = threading.Event()

    def recognize(*_: object) -> RecognizedPage:
        assert may_finish.wait(_PATIENCE)
        raise PermanentError("There is nothing.")

    monkeypatch.setattr(recognition, "_AT_ONCE", threading.Semaphore(100))
    monkeypatch.setattr(recognition, "recognize_in_sandbox", recognize)
    return may_finish.set


async def test_recognition_keeps_no_other_document_waiting(
    tmp_path: Path, embedder: PackagedEmbedder, finish_recognition: Callable[[], None]
) -> None:
    freed: list[bool] = []
    recorder = Recorder()
    places = Places(on_free=lambda: freed.append(places.can_recognize))
    scans = factories.book_with_a_scan(tmp_path)
    most = DOCUMENTS_IN_RECOGNITION

    async def jobs() -> AsyncIterator[Job]:
        for number in range(1, most + 2):
            yield Job(number, Source(scans, "book"))
        await until(lambda: bool(recorder.failed))
        assert not places.can_recognize
        for number in range(most + 2, most + 6):
            yield write(tmp_path, number)

    running = asyncio.create_task(local.run(jobs(), recorder, embedder, SETTINGS, recorder, places))
    try:
        await until(lambda: len(recorder.stored) == 4)
        assert sorted(recorder.stored) == list(range(most + 2, most + 6))
        assert {type(error) for error in recorder.failed.values()} == {RecognitionBusyError}
        assert len(recorder.failed) == 1
    finally:
        finish_recognition()
        await running
    assert len(recorder.stored) == most + 4
    assert places.can_recognize
    assert freed[-1]
