"""Traces, exported by OpenTelemetry over OTLP.

They are off, at no cost, unless the extra `otel` is installed and one of the standard variables
`OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set. Spans never contain texts,
titles, questions or names of people.
"""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

logger = logging.getLogger(__name__)
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FLUSH_MILLISECONDS = 3000
_provider: Any = None
_tracer: Any = None

Interval = tuple[float, float]
"""Begin and end, as by `time.perf_counter`."""


def start(process: str, version: str) -> None:
    """Export the spans of this process from now on, if that is configured. The exit flushes them."""
    global _provider, _tracer
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        logger.warning("Traces are off. They need OpenTelemetry: pip install 'luma-rag[otel]'")
        return
    name = os.environ.get("OTEL_SERVICE_NAME", "luma")
    attributes = {"service.name": name, "service.version": version, "luma.process": process}
    # It reads the other standard variables: sampling, headers, timeouts, OTEL_SDK_DISABLED.
    provider = TracerProvider(resource=Resource.create(attributes))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _provider, _tracer = provider, provider.get_tracer("luma_rag", version)


def flush() -> None:
    """Export the spans that are waiting; blocks for a few seconds at most."""
    if _provider is not None:
        _provider.force_flush(_FLUSH_MILLISECONDS)


@contextmanager
def request_span(headers: Mapping[str, str]) -> Iterator[Any]:
    """A span for an HTTP request, the parent of all others inside; None if traces are off.

    `headers` may carry the trace of the caller.
    """
    if _tracer is None:
        yield None
        return
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    caller = TraceContextTextMapPropagator().extract(dict(headers))
    with _tracer.start_as_current_span(
        "request",
        context=caller,
        kind=SpanKind.SERVER,
        # The messages of exceptions may contain texts of users.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield span


def set_response(span: Any, method: str, route: str, status: int, request_id: str) -> None:
    """Describe the response in the span of its request."""
    if span is None:
        return
    from opentelemetry.trace import StatusCode

    span.update_name(f"{method} {route}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("luma.request_id", request_id)
    if status >= 500:
        span.set_status(StatusCode.ERROR)


def record(name: str, interval: Interval, stages: Mapping[str, Interval], **attributes: str | int) -> None:
    """Record finished work as a span, with a child for each of its stages."""
    if _tracer is None:
        return
    from opentelemetry.trace import set_span_in_context

    now = time.time_ns() - time.perf_counter_ns()

    def at(moment: float) -> int:
        return now + int(moment * 1e9)

    began, ended = interval
    span = _tracer.start_span(name, start_time=at(began), attributes=attributes)
    within = set_span_in_context(span)
    for stage, (first, last) in stages.items():
        _tracer.start_span(f"{name}.{stage}", within, start_time=at(first)).end(at(last))
    span.end(at(ended))


def trace_id() -> str | None:
    """The id of the current trace, for log lines; None without one."""
    if _tracer is None:
        return None
    from opentelemetry.trace import format_trace_id, get_current_span

    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None
