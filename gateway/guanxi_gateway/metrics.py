"""Metrics of the gateway, beside those that every process has."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from guanxi_kit.telemetry import METRICS

RATE_LIMITED = Counter(
    "guanxi_gateway_rate_limited", "Requests refused by a rate limit.", ("limit",), registry=METRICS.registry
)
UPSTREAM_FAILURES = Counter(
    "guanxi_gateway_upstream_failures",
    "Requests that a service did not answer usably.",
    ("service", "failure"),
    registry=METRICS.registry,
)
CHANGE_CLIENTS = Gauge("guanxi_gateway_change_clients", "Change streams open now.", registry=METRICS.registry)
CHANGE_CLIENTS_DROPPED = Counter(
    "guanxi_gateway_change_clients_dropped",
    "Change streams ended by the gateway.",
    ("reason",),
    registry=METRICS.registry,
)
