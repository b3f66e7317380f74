"""The engine on a Ray cluster of two nodes on this machine."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import numpy as np
import psutil
import pytest

# After the engine, which turns off its statistics of use.
import ray
from ray.cluster_utils import Cluster
from sqlalchemy import func, select

from ingest import sandbox
from ingest.embedding import Embedder
from ingest.engines import ray as engine
from ingest.engines import ray_crew
from ingest.engines.jobs import Job
from ingest.engines.ray import MOST_LOSSES
from ingest.engines.ray_crew import DOCUMENTS_PER_EMBEDDER
from ingest.errors import PermanentError, TransientError
from ingest.pipeline import process
from ingest.settings import IngestSettings
from ingest.types import Source
from luma_rag import namespaces
from luma_rag.access import Principal
from luma_rag.cli.upload import upload
from luma_rag.db.models import Chunk, ChunkVector, Ingestion, NamespaceDoc, User
from luma_rag.runtime import check_model
from luma_rag.store import Store
from luma_rag.verify import verify
from luma_rag.worker import drain
from tests.integration.ingest import victim
from tests.integration.ingest.test_containment import EVERY, LAYERS, UNHARMED
from tests.integration.ingest.test_engine_local import Recorder, listed, until, write
from tests.processes import ask_each, is_alive

SETTINGS = IngestSettings()


@pytest.fixture(scope="module")
def cluster() -> Generator[Cluster]:
    """A cluster whose head has one CPU."""
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory("", "luma-ray-", "/tmp") as folder,
    ):
        patch.setenv("RAY_TMPDIR", folder)
        started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        yield started
        started.shutdown()


def running(name: str) -> list[psutil.Process]:
    """The actors of this kind, on all nodes of this test's cluster."""
    named = ask_each(psutil.Process().children(recursive=True), psutil.Process.cmdline)
    return [process for process, line in named if line and line[0].startswith(f"ray::{name}")]


async def test_results_are_those_of_one_machine(
    tmp_path: Path, cluster: Cluster, embedder: Embedder, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [write(tmp_path, number, paragraphs=number * 3) for number in range(1, 7)]
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    bad = Job(9, Source(tmp_path / "bad.pdf", "bad"))
    gone = Job(10, Source(tmp_path / "gone.pdf", "gone"))
    recorder = Recorder()
    most = 0

    async def watched() -> AsyncIterator[Job]:
        nonlocal most
        for number, job in enumerate([bad, gone, *jobs], start=1):
            most = max(most, number - len(recorder.stored) - len(recorder.failed))
            yield job

    async with engine.cluster(cluster.address) as on_ray:
        await on_ray.run(watched(), recorder, embedder, SETTINGS, recorder)
        first = running("EmbeddingActor")
        await on_ray.run(listed([]), recorder, embedder, SETTINGS, recorder)
        assert running("EmbeddingActor") == first, "actors stay for the next run"
    await until(lambda: not any(map(is_alive, first)))
    assert sorted(recorder.stored) == [1, 2, 3, 4, 5, 6]
    for job in jobs:
        expected = process(job.source, embedder, SETTINGS)
        assert recorder.stored[job.key].document == expected.document
        assert recorder.stored[job.key].chunks == expected.chunks
        assert np.allclose(recorder.stored[job.key].embeddings, expected.embeddings, atol=1e-5)
        assert recorder.begun[job.key] == ["parsing", "chunking", "embedding", "storing"]
    assert isinstance(recorder.failed[9], PermanentError)
    assert isinstance(recorder.failed[10], TransientError)
    assert 2 <= most <= DOCUMENTS_PER_EMBEDDER


async def test_a_lost_node_loses_no_document(
    tmp_path: Path, cluster: Cluster, store: Store, embedder: Embedder, caplog: pytest.LogCaptureFixture
) -> None:
    node = cluster.add_node(num_cpus=2)
    await check_model(store.sessions, embedder)
    async with store.sessions.begin() as session:
        user = User(username="root", email="root@example.com", password="-", role="admin")
        session.add(user)
        await session.flush()
        owner = Principal(user.id, user.role)
        namespace_id = (await namespaces.create(session, owner, "papers", None, is_public=False)).id
    doc_ids = []
    for number in range(1, 13):
        path = write(tmp_path, number, paragraphs=150).source.path
        doc_ids.append((await upload(store, owner, path, [namespace_id])).document.id)

    async def ready() -> int:
        async with store.sessions.begin() as session:
            done = select(func.count()).where(Ingestion.state == "ready")
            return await session.scalar(done) or 0

    async with engine.cluster(cluster.address) as on_ray:
        draining = asyncio.create_task(drain(store, embedder, engine=on_ray.run))
        async with asyncio.timeout(120):
            while await ready() < 3:
                await asyncio.sleep(0.1)
        assert await ready() < 9, "there is work left"
        lost = [process for process in running("EmbeddingActor") if process.ppid() in raylets(node)]
        assert len(lost) == 2
        await asyncio.to_thread(cluster.remove_node, node, allow_graceful=False)
        await draining
    assert "its actor is gone" in caplog.text
    async with store.sessions.begin() as session:
        rows = (await session.execute(select(Ingestion.doc_id, Ingestion.state, Ingestion.attempts))).all()
        assert sorted(rows) == [(doc_id, "ready", 1) for doc_id in doc_ids]
        placed = await session.scalars(select(NamespaceDoc.doc_id))
        assert sorted(placed) == doc_ids
        chunks = await session.scalar(select(func.count()).select_from(Chunk))
        assert await session.scalar(select(func.count()).select_from(ChunkVector)) == chunks
    verdict = await verify(store.sessions, store.storage, deep=True)
    assert verdict.findings == []


def raylets(node: object) -> list[int]:
    processes = node.all_processes["raylet"]  # type: ignore[attr-defined]
    return [info.process.pid for info in processes]


async def test_a_document_that_loses_all_its_actors_fails_for_now(
    tmp_path: Path, cluster: Cluster, embedder: Embedder, caplog: pytest.LogCaptureFixture
) -> None:
    fatal, harmless = write(tmp_path, 1, paragraphs=800), write(tmp_path, 2)

    class Killer(Recorder):
        killed = 0

        async def on_stage(self, key: int, stage: str, fraction: float) -> None:
            if (key, stage, fraction) == (1, "embedding", 0):
                for process in running("EmbeddingActor"):
                    process.kill()
                self.killed += 1

    recorder = Killer()
    async with engine.cluster(cluster.address) as on_ray:
        await on_ray.run(listed([fatal]), recorder, embedder, SETTINGS, recorder)
        assert recorder.killed == MOST_LOSSES
        await on_ray.run(listed([harmless]), recorder, embedder, SETTINGS, recorder)
    assert list(recorder.stored) == [2]
    assert isinstance(recorder.failed[1], TransientError)
    assert "died 3 times" in str(recorder.failed[1])


async def test_nodes_with_another_version_are_not_used(
    tmp_path: Path, cluster: Cluster, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_crew, "own_version", lambda: "99.0")
    recorder = Recorder()
    async with engine.cluster(cluster.address) as on_ray:
        with pytest.raises(engine.ClusterError, match=r"it has version .+ of Luma instead of 99\.0\.$"):
            await on_ray.run(listed([write(tmp_path, 1)]), recorder, embedder, SETTINGS, recorder)
    assert recorder.stored == recorder.failed == {}


async def test_cancelling_kills_actors_and_parsers(
    tmp_path: Path, cluster: Cluster, embedder: Embedder
) -> None:
    slow = write(tmp_path, 1, paragraphs=5_000)
    recorder = Recorder()

    def parsers() -> list[psutil.Process]:
        launchers = [child for reader in running("Reader") for child in reader.children()]
        return [parser for launcher in launchers for parser in launcher.children()]

    async with engine.cluster(cluster.address) as on_ray:
        working = asyncio.create_task(on_ray.run(listed([slow]), recorder, embedder, SETTINGS, recorder))
        await until(lambda: bool(parsers()))
        (parser,) = parsers()
        status = Path(f"/proc/{parser.pid}/status")
        # A filter of system calls contains it, as soon as it has been set up.
        await until(lambda: "Seccomp:\t2" in status.read_text())
        parser.send_signal(signal.SIGSTOP)
        assert "NoNewPrivs:\t1" in status.read_text()
        actors = [*running("Reader"), *running("EmbeddingActor")]
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        await until(lambda: not any(map(is_alive, [parser, *actors])))
    assert recorder.stored == recorder.failed == {}


async def test_a_compromised_parser_can_do_nothing_on_a_node(cluster: Cluster) -> None:
    def attack() -> dict[str, object]:
        with tempfile.TemporaryDirectory() as folder:
            return victim.main(Path(folder), LAYERS.split(","), None)

    async with engine.cluster(cluster.address):
        found = await ray.remote(num_cpus=0)(attack).remote()
        offered = await ray.remote(num_cpus=0)(sandbox.containment).remote()
    assert {name for name, error in found["attempts"].items() if error} == EVERY, found
    assert found["damage"] == UNHARMED
    assert offered == sandbox.containment()
