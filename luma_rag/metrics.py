"""Prometheus metrics of the web processes. Labels never identify a person or an object."""

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

_UP_TO_A_MINUTE = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

REQUESTS = Histogram(
    "luma_http_request_seconds",
    "Time until the response began, by route.",
    ("route", "method", "status"),
    buckets=_UP_TO_A_MINUTE,
)
RETRIEVAL = Histogram(
    "luma_retrieval_seconds",
    "Time of each stage of a search, and of all together.",
    ("stage",),
    buckets=(0.001, 0.0025, *_UP_TO_A_MINUTE[:10]),
)
RERANKINGS = Counter(
    "luma_rerankings",
    "Searches that a reranker was asked to put in order: done, late (out of time), or failed.",
    ("outcome",),
)
FIRST_TOKEN = Histogram(
    "luma_llm_first_token_seconds",
    "Time until the LLM began to answer.",
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0),
)
TOKENS = Counter(
    "luma_llm_tokens",
    "Tokens read (prompt) and written (completion) by the LLM, as its server counts them.",
    ("kind",),
)
FAILURES = Counter("luma_llm_failures", "Answers that the LLM did not finish.")


def registry() -> CollectorRegistry:
    """The metrics of this process, or the sums over all web processes if there are several.

    Several have `PROMETHEUS_MULTIPROC_DIR` in their environment, where prometheus_client shares the values.
    """
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    of_all = CollectorRegistry()
    MultiProcessCollector(of_all)  # type: ignore[no-untyped-call]
    return of_all
