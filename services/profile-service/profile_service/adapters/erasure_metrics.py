"""Metrics of erasures, beside those that every process has."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from guanxi_kit.telemetry import METRICS

SUPPRESSED = Counter(
    "guanxi_touchpoints_suppressed",
    "Touchpoints of erased persons that were not taken in.",
    registry=METRICS.registry,
)
REQUESTS = Gauge(
    "guanxi_erasure_requests",
    "Erasure requests that are not complete, by state.",
    ("state",),
    registry=METRICS.registry,
)
PARTNER_CALLS = Counter(
    "guanxi_erasure_partner_calls", "Calls to partners, by outcome.", ("outcome",), registry=METRICS.registry
)
