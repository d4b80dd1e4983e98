"""Traces of requests, jobs and stages over OTLP (extra `otel`), off unless an endpoint is set.

A request's trace goes on in the worker: the job carries its `traceparent` (W3C), the worker's
spans of job and stages name it as their parent. FastAPI makes the spans of requests itself.
Without an endpoint every span here is the API package's own that does nothing.
"""

from __future__ import annotations

import re
from typing import Any, Self
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from typing_extensions import override

from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings

PARENT = "traceparent"
# Of an address only what is no key: whoever has a share key may read.
SECRET = re.compile(r"(?<![^&?])(share)=[^&]*")
# Heartbeats and probes by the thousand say nothing.
QUIET = ("/api/v1/internal/", "/api/v1/health/", "/api/v1/metrics")


def configure(settings: Settings, role: str) -> None:
    """Once a process; raises ProblemError `no_opentelemetry` or `bad_endpoint`."""
    if not settings.otel_endpoint:
        return
    if urlsplit(settings.otel_endpoint).scheme not in ("http", "https"):
        raise ProblemError(
            "bad_endpoint",
            f"OTEL_EXPORTER_OTLP_ENDPOINT is {settings.otel_endpoint[:80]!r}.",
            "Give the http address of a collector (OTLP over HTTP), e.g. http://127.0.0.1:4318.",
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ProblemError(
            "no_opentelemetry",
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed.",
            "Install minimascope-server[otel].",
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": f"minimascope-{role}"}))
    provider.add_span_processor(_discreet())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def _discreet() -> Any:
    from opentelemetry.sdk.trace import SpanProcessor

    class Discreet(SpanProcessor):
        """Takes share keys out of addresses before anything is exported."""

        @override
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            query = (span.attributes or {}).get("url.query")
            if isinstance(query, str):
                span.set_attribute("url.query", SECRET.sub(r"\1=REDACTED", query))

    return Discreet()


def quiet(scope: Any) -> bool:
    """Requests without a span."""
    return str(scope.get("path", "")).startswith(QUIET)


def name_request(request_id: str) -> None:
    """Ties the span of the present request to its answer and to the log."""
    trace.get_current_span().set_attribute("minimascope.request_id", request_id)


def parent() -> str:
    """The `traceparent` of what happens now, or "" where nothing is traced."""
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(PARENT, "")


class JobTrace:
    """Spans of one attempt at a job and of its stages; use as a context."""

    def __init__(self, *, kind: str, job: str, attempt: int, parent: str) -> None:
        self._tracer = trace.get_tracer("minimascope")
        context = TraceContextTextMapPropagator().extract({PARENT: parent})
        attributes: dict[str, str | int] = {
            "minimascope.job.id": job,
            "minimascope.job.kind": kind,
            "minimascope.job.attempt": attempt,
        }
        self._span = self._tracer.start_span(
            f"job {kind}", context, kind=SpanKind.CONSUMER, attributes=attributes
        )
        self._stages: dict[str, Span] = {}

    def stage(self, name: str, state: str) -> None:
        """A stage that runs begins a span, any other state ends it."""
        if state == "running" and name not in self._stages:
            within = trace.set_span_in_context(self._span)
            self._stages[name] = self._tracer.start_span(f"stage {name}", within)
        elif state != "running" and name in self._stages:
            _end(self._stages.pop(name), state)

    def ended(self, outcome: str, code: str = "") -> None:
        """How the attempt ended: a state of the job, `lost` or `given_back`."""
        self._span.set_attribute("minimascope.job.outcome", outcome)
        if code:
            self._span.set_attribute("minimascope.job.code", code)
        if outcome == "failed":
            self._span.set_status(StatusCode.ERROR, code)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for span in self._stages.values():
            _end(span, "interrupted")
        if kind is not None:
            self._span.set_status(StatusCode.ERROR, kind.__name__)
        self._span.end()


def _end(span: Span, state: str) -> None:
    span.set_attribute("minimascope.stage.state", state)
    if state == "failed":
        span.set_status(StatusCode.ERROR)
    span.end()
