"""Exactly-once effect: positions, repeats, outbox and dead letters in the service's own transaction."""

from guanxi_kit.consumer.cause import Cause
from guanxi_kit.consumer.relay import Relay
from guanxi_kit.consumer.schema import KIT_TABLES, REPLAYABLE_LETTERS
from guanxi_kit.consumer.unit import Handler, Outbox, Poison, Received, Subscription, Unit, stream_unit
from guanxi_kit.consumer.worker import Stalled, Worker

__all__ = [
    "KIT_TABLES",
    "REPLAYABLE_LETTERS",
    "Cause",
    "Handler",
    "Outbox",
    "Poison",
    "Received",
    "Relay",
    "Stalled",
    "Subscription",
    "Unit",
    "Worker",
    "stream_unit",
]
