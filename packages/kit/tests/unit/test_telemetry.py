"""Traces that continue over record headers, and metrics on a registry of one's own."""

import asyncio
from collections.abc import Iterator
from threading import Event

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.util._once import Once
from prometheus_client import CollectorRegistry, generate_latest

from guanxi_kit import telemetry
from guanxi_kit.app import create_app
from guanxi_kit.log.port import Headers
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.testing import client_of


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Record spans in memory; OpenTelemetry lets a process set its provider once, so it is put back by hand."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(telemetry, "_configured", Event())
    exporter = InMemorySpanExporter()
    settings = ServiceSettings(service="demo-service")
    provider = telemetry.configure_tracing(settings, processor=SimpleSpanProcessor(exporter))
    assert provider is not None
    yield exporter
    provider.shutdown()


def test_without_an_endpoint_nothing_is_recorded_or_injected() -> None:
    assert telemetry.configure_tracing(ServiceSettings(service="demo")) is None
    assert not telemetry.tracing_enabled()
    with telemetry.batch_span("process touchpoint.received"):
        assert telemetry.inject((("cause", b"1"),)) == (("cause", b"1"),)
        assert telemetry.trace_headers() == {}


def test_a_trace_continues_over_record_headers(spans: InMemorySpanExporter) -> None:
    with telemetry.tracer().start_as_current_span("ingest") as ingest:
        headers = telemetry.inject((("cause", b"a/0:1:0"), ("traceparent", b"stale")))
    assert [name for name, _ in headers] == ["cause", "traceparent"]

    with telemetry.batch_span("process touchpoint.received", [(), headers, headers], records=3):
        onward = telemetry.inject()
    with telemetry.batch_span("process touchpoint.resolved", [onward]):
        pass

    first, received, resolved = spans.get_finished_spans()
    trace_id = ingest.get_span_context().trace_id
    assert {span.context.trace_id for span in (first, received, resolved) if span.context} == {trace_id}
    assert received.parent is not None
    assert first.context is not None
    assert received.parent.span_id == first.context.span_id
    assert resolved.parent is not None
    assert received.context is not None
    assert resolved.parent.span_id == received.context.span_id
    assert received.kind is SpanKind.CONSUMER
    assert received.attributes == {"records": 3}
    assert len(received.links) == 1


def test_a_batch_of_many_traces_links_a_bounded_number(spans: InMemorySpanExporter) -> None:
    headers: list[Headers] = []
    for _ in range(100):
        with telemetry.tracer().start_as_current_span("ingest"):
            headers.append(telemetry.inject())
    spans.clear()
    with telemetry.batch_span("process", headers):
        pass
    (batch,) = spans.get_finished_spans()
    assert len(batch.links) == 32


@pytest.mark.parametrize(
    "value", [b"", b"nonsense", b"\xff\xfe", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"]
)
def test_unreadable_trace_headers_are_no_parent(value: bytes) -> None:
    assert telemetry.extract((("traceparent", value),)) is None


def test_an_exception_leaves_its_type_and_not_its_message(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="ann"), telemetry.batch_span("process"):
        raise ValueError("ann@example.com")
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes == {"error.type": "ValueError"}
    assert "ann@" not in span.to_json()


async def test_a_request_continues_its_callers_trace_and_is_named_by_its_route(
    spans: InMemorySpanExporter,
) -> None:
    app = create_app("Demo", ServiceSettings(service="demo"))

    @app.get("/customers/{name}")
    async def customer(name: str) -> str:
        return name

    async with client_of(app) as client:
        with telemetry.tracer().start_as_current_span("gateway") as caller:
            await client.get("/customers/ann@example.com?phone=%2B12025550123")
    server = next(span for span in spans.get_finished_spans() if span.kind is SpanKind.SERVER)
    assert server.name == "GET /customers/{name}"
    assert server.parent is not None
    assert server.parent.span_id == caller.get_span_context().span_id
    assert "ann@" not in server.to_json()
    assert "2025550123" not in server.to_json()


async def test_spans_of_concurrent_tasks_do_not_mix(spans: InMemorySpanExporter) -> None:
    async def hop(name: str) -> tuple[int, Headers]:
        with telemetry.tracer().start_as_current_span(name) as span:
            await asyncio.sleep(0)
            return span.get_span_context().trace_id, telemetry.inject()

    for trace_id, headers in await asyncio.gather(*(hop(str(number)) for number in range(20))):
        assert dict(headers)["traceparent"].split(b"-")[1] == b"%032x" % trace_id


def test_metrics_have_their_names_on_any_registry() -> None:
    registry = CollectorRegistry()
    metrics = telemetry.Metrics(registry)
    metrics.records.labels("touchpoint.received", "processed").inc(3)
    metrics.dead_letters.labels("touchpoint.received", "unreadable").inc()
    metrics.consumer_lag.labels("touchpoint.received", "0").set(4)
    text = generate_latest(registry).decode()
    for sample in (
        'guanxi_records_total{outcome="processed",topic="touchpoint.received"} 3.0',
        'guanxi_dead_letters_total{reason="unreadable",topic="touchpoint.received"} 1.0',
        'guanxi_consumer_lag{partition="0",topic="touchpoint.received"} 4.0',
        "guanxi_batch_size_count 0.0",
        "guanxi_batch_seconds_count 0.0",
        "guanxi_touchpoint_to_view_seconds_count 0.0",
        "guanxi_outbox_pending 0.0",
        "guanxi_relay_published_total 0.0",
    ):
        assert sample in text
    telemetry.Metrics(CollectorRegistry())
