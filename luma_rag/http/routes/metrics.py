"""The metrics, as Prometheus reads them."""

from collections.abc import Iterator

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from luma_rag.documents import ingestion_stats
from luma_rag.documents.ingestion_stats import IngestionStats
from luma_rag.http.dependencies import Caller, Session


@get("/metrics", media_type="text/plain", tags=["operations"])
async def metrics(session: Session, principal: Caller) -> Response[bytes]:
    """Counts and times as Prometheus text. For administrators, and for their tokens however narrowed."""
    of_workers = CollectorRegistry()
    of_workers.register(_Workers(await ingestion_stats.measure(session, principal)))
    return Response(
        generate_latest(REGISTRY) + generate_latest(of_workers),
        media_type="text/plain",
        headers={"content-type": CONTENT_TYPE_LATEST},
    )


class _Workers(Collector):
    """What the workers, which are other processes, have left in the database."""

    def __init__(self, measured: IngestionStats) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        """The numbers in Prometheus' form."""
        queued = GaugeMetricFamily("luma_ingestion_queued", "Ingestions that wait for a worker.")
        queued.add_metric([], self._measured.queued)
        running = GaugeMetricFamily("luma_ingestion_running", "Ingestions under way.", labels=["stage"])
        for stage, count in self._measured.running.items():
            running.add_metric([stage], count)
        documents = CounterMetricFamily(
            "luma_ingestion_documents", "Documents that workers have finished.", labels=["outcome"]
        )
        seconds = CounterMetricFamily(
            "luma_ingestion_seconds", "Time from taking a document to finishing it.", labels=["outcome"]
        )
        for outcome, done in self._measured.done.items():
            documents.add_metric([outcome], done.documents)
            seconds.add_metric([outcome], done.seconds)
        yield from (queued, running, documents, seconds)
