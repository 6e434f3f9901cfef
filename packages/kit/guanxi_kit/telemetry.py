"""Metrics and traces.

Labels and attributes never hold personal data: topics, outcomes, routes and counts only. Exceptions are recorded by
their type, because their messages may quote what a person wrote.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
)

from guanxi_kit.failures import FatalError
from guanxi_kit.log.port import Headers

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    from guanxi_kit.settings import ServiceSettings

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LATENCY = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0)
_SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000, 5000)
_MAX_LINKS = 32
_configured = threading.Event()
_W3C = TraceContextTextMapPropagator()
Attributes = Mapping[str, str | int | float]


class Metrics:
    """Every metric of the platform, registered on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self.records = counter("guanxi_records", "Records taken from the event log.", ("topic", "outcome"))
        self.batch_size = histogram("guanxi_batch_size", "Records per batch.", buckets=_SIZES)
        self.batch_seconds = histogram(
            "guanxi_batch_seconds", "Seconds from batch to commit.", buckets=_SECONDS
        )
        self.consumer_lag = gauge("guanxi_consumer_lag", "Records not yet taken.", ("topic", "partition"))
        self.dead_letters = counter(
            "guanxi_dead_letters", "Records parked with a reason.", ("topic", "reason")
        )
        self.links_refused = counter(
            "guanxi_links_refused", "Links between customers that a rule refused.", ("reason",)
        )
        self.touchpoint_to_view = histogram(
            "guanxi_touchpoint_to_view_seconds",
            "Seconds from a touchpoint's acceptance to its commit in the view.",
            buckets=_LATENCY,
        )
        self.outbox_pending = gauge("guanxi_outbox_pending", "Outbox rows not yet published.")
        self.relay_published = counter("guanxi_relay_published", "Records published from the outbox.")
        self.jobs = counter("guanxi_jobs", "Background jobs ended or tried again.", ("kind", "outcome"))
        self.timers = counter("guanxi_timers", "Timers fired, put off or set aside.", ("kind", "outcome"))
        self.timer_lateness = histogram(
            "guanxi_timer_lateness_seconds",
            "Seconds from a timer's due time to the commit of its effect.",
            ("kind",),
            buckets=_LATENCY,
        )
        self.rule_faults = counter(
            "guanxi_rule_faults",
            "Rules that failed on what a customer's facts hold and counted as false.",
            ("fault",),
        )
        self.http_requests = counter(
            "guanxi_http_requests", "HTTP requests answered.", ("method", "route", "status")
        )
        self.http_seconds = histogram(
            "guanxi_http_seconds", "Seconds to answer a request.", ("route",), buckets=_SECONDS
        )


def _process_registry() -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=True)
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)
    return registry


METRICS = Metrics(_process_registry())
"""The metrics of this process; `/metrics` renders `METRICS.registry`."""


def tracer() -> Tracer:
    """Return the platform's tracer; it records nothing until tracing is configured."""
    return trace.get_tracer("guanxi")


def tracing_enabled() -> bool:
    """Tell whether spans are recorded."""
    return _configured.is_set()


def configure_tracing(
    settings: ServiceSettings, *, processor: SpanProcessor | None = None
) -> TracerProvider | None:
    """Send spans to GUANXI_OTLP_ENDPOINT, or to `processor`; with neither, do nothing and return None.

    The SDK is imported only here, so that a process without tracing does not carry it. The caller shuts the
    returned provider down at its end, which flushes what is pending. Raises FatalError when the tracing extra is
    not installed.
    """
    if settings.otlp_endpoint is None and processor is None:
        return None
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
    except ImportError as error:
        raise FatalError("GUANXI_OTLP_ENDPOINT is set: install guanxi[tracing]") from error
    attributes = {
        "service.name": settings.service,
        "service.namespace": "guanxi",
        "deployment.environment.name": settings.environment,
    }
    provider = TracerProvider(resource=Resource.create(attributes))
    provider.add_span_processor(processor or _otlp_processor(settings.otlp_endpoint or ""))
    trace.set_tracer_provider(provider)
    _configured.set()
    return provider


def _otlp_processor(endpoint: str) -> SpanProcessor:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces"))


def trace_headers() -> dict[str, str]:
    """Return the W3C trace fields of the current span; empty when there is none."""
    if not trace.get_current_span().get_span_context().is_valid:
        return {}
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier


def inject(headers: Headers = ()) -> Headers:
    """Return record headers with the current span's W3C trace fields; unchanged when there is no span."""
    fields = trace_headers()
    if not fields:
        return headers
    kept = tuple(item for item in headers if item[0] not in _W3C.fields)
    return (*kept, *((name, value.encode("ascii")) for name, value in fields.items()))


def extract(headers: Headers) -> Context | None:
    """Return the trace context in record headers; None when they carry none or one that cannot be read."""
    carrier = {name: value.decode("ascii", "replace") for name, value in headers if name in _W3C.fields}
    if "traceparent" not in carrier:
        return None
    context = _W3C.extract(carrier)
    return context if trace.get_current_span(context).get_span_context().is_valid else None


@contextmanager
def _span(
    name: str, kind: SpanKind, parent: Context | None, links: Sequence[Link], attributes: Attributes
) -> Iterator[Span]:
    with tracer().start_as_current_span(
        name,
        context=parent,
        kind=kind,
        links=links,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(StatusCode.ERROR)
            raise


@contextmanager
def batch_span(name: str, headers: Iterable[Headers] = (), **attributes: str | int | float) -> Iterator[Span]:
    """Open one span for a batch: child of the first traced record, linked to the others (32 at most)."""
    found = map(extract, filter(None, headers))
    contexts = islice((context for context in found if context is not None), 1 + _MAX_LINKS)
    parent = next(contexts, None)
    links = [Link(trace.get_current_span(context).get_span_context()) for context in contexts]
    with _span(name, SpanKind.CONSUMER, parent, links, attributes) as span:
        yield span


@contextmanager
def request_span(method: str, headers: Iterable[tuple[bytes, bytes]]) -> Iterator[Span]:
    """Open the span of an HTTP request, continuing the caller's trace; the caller names it once the route is known."""
    parent = extract(tuple((name.decode("latin-1"), value) for name, value in headers))
    with _span(method, SpanKind.SERVER, parent, (), {"http.request.method": method}) as span:
        yield span
