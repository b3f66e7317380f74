"""Prometheus metrics of this process. Labels never identify a person or an object."""

from prometheus_client import Counter, Histogram

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
