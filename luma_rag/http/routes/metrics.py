"""Metrics for Prometheus."""

from collections.abc import Iterator, Sequence

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from luma_rag.db.base import utcnow
from luma_rag.documents import ingestion_stats
from luma_rag.documents.ingestion_stats import IngestionStats
from luma_rag.documents.workers import WorkerView, workers
from luma_rag.http.dependencies import Caller, Session
from luma_rag.metrics import registry


@get("/metrics", media_type="text/plain", tags=["operations"])
async def metrics(session: Session, principal: Caller) -> Response[bytes]:
    """Get the metrics in Prometheus' text format. Administrators only, also with restricted tokens."""
    stats = await ingestion_stats.measure(session, principal)
    of_workers = CollectorRegistry()
    of_workers.register(_Workers(stats, await workers(session)))
    return Response(
        generate_latest(registry()) + generate_latest(of_workers),
        media_type="text/plain",
        headers={"content-type": CONTENT_TYPE_LATEST},
    )


class _Workers(Collector):
    """Metrics of the workers, which are other processes, from the database."""

    def __init__(self, stats: IngestionStats, workers: Sequence[WorkerView]) -> None:
        self._stats = stats
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        queued = GaugeMetricFamily("luma_ingestion_queued", "Ingestions in the queue.")
        queued.add_metric([], self._stats.queued)
        running = GaugeMetricFamily(
            "luma_ingestion_running", "Running ingestions, by stage.", labels=["stage"]
        )
        for stage, count in self._stats.running.items():
            running.add_metric([stage], count)
        documents = CounterMetricFamily(
            "luma_ingestion_documents", "Documents finished by workers.", labels=["outcome"]
        )
        seconds = CounterMetricFamily(
            "luma_ingestion_seconds", "Time from claiming a document to finishing it.", labels=["outcome"]
        )
        for outcome, done in self._stats.done.items():
            documents.add_metric([outcome], done.documents)
            seconds.add_metric([outcome], done.seconds)
        yield from (queued, running, documents, seconds, *self._by_host())

    def _by_host(self) -> Iterator[Metric]:
        count = GaugeMetricFamily("luma_workers", "Connected workers, by machine.", labels=["host"])
        silent = GaugeMetricFamily(
            "luma_worker_silence_seconds",
            "Time since the last heartbeat of the worker that has been silent longest, by machine.",
            labels=["host"],
        )
        hosts: dict[str, list[float]] = {}
        for worker in self._workers:
            seen_at = worker.seen_at or worker.started_at or utcnow()
            hosts.setdefault(worker.host or "", []).append((utcnow() - seen_at).total_seconds())
        for host, silences in sorted(hosts.items()):
            count.add_metric([host], len(silences))
            silent.add_metric([host], max(0.0, *silences))
        yield from (count, silent)
