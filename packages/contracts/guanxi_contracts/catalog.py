"""The one place that maps an event type to its topic, key, owner and retention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guanxi_contracts.customer import CUSTOMER_CHANGED, CUSTOMER_MERGED
from guanxi_contracts.envelope import EventType
from guanxi_contracts.message import MESSAGE_FAILED, MESSAGE_SENT
from guanxi_contracts.score import SCORE_CHANGED
from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, TOUCHPOINT_RESOLVED

DEFAULT_PARTITIONS = 12


@dataclass(frozen=True)
class Topic:
    """A topic of the event log. Those with personal data keep it 7 days at most, so that erasure completes."""

    name: str
    owner: str
    key: str
    retention_days: int
    personal: bool
    events: tuple[EventType[Any], ...]
    consumers: tuple[str, ...]
    summary: str
    partitions: int = DEFAULT_PARTITIONS

    @property
    def decoders(self) -> Mapping[str, EventType[Any]]:
        """Event types on this topic by their type string."""
        return {event.type: event for event in self.events}


TOUCHPOINT_RECEIVED_TOPIC = Topic(
    name="touchpoint.received",
    owner="interaction-service",
    key="keyed hash of the strongest identifier",
    retention_days=7,
    personal=True,
    events=(TOUCHPOINT_RECEIVED,),
    consumers=("profile-service",),
    summary="Touchpoints accepted from channels; the person is not known yet.",
)
TOUCHPOINT_RESOLVED_TOPIC = Topic(
    name="touchpoint.resolved",
    owner="profile-service",
    key="customer id",
    retention_days=7,
    personal=True,
    events=(TOUCHPOINT_RESOLVED,),
    consumers=("interaction-service", "scoring-service", "notification-service"),
    summary="Touchpoints with the fragment and customer they belong to, each exactly once.",
)
CUSTOMER_CHANGED_TOPIC = Topic(
    name="customer.changed",
    owner="profile-service",
    key="customer id",
    retention_days=7,
    personal=False,
    events=(CUSTOMER_CHANGED,),
    consumers=("gateway",),
    summary="A customer's unified view changed, and which parts of it.",
)
CUSTOMER_MERGED_TOPIC = Topic(
    name="customer.merged",
    owner="profile-service",
    key="surviving customer id",
    retention_days=7,
    personal=False,
    events=(CUSTOMER_MERGED,),
    consumers=("interaction-service", "scoring-service", "notification-service"),
    summary="Two customers were found to be one, with the fragments that moved.",
)
SCORE_CHANGED_TOPIC = Topic(
    name="score.changed",
    owner="scoring-service",
    key="customer id",
    retention_days=7,
    personal=False,
    events=(SCORE_CHANGED,),
    consumers=("profile-service",),
    summary="A customer's score changed, with reasons.",
)
MESSAGE_SENT_TOPIC = Topic(
    name="message.sent",
    owner="notification-service",
    key="customer id",
    retention_days=7,
    personal=False,
    events=(MESSAGE_SENT, MESSAGE_FAILED),
    consumers=(),
    summary="What became of each message to a customer.",
)

TOPICS: tuple[Topic, ...] = (
    TOUCHPOINT_RECEIVED_TOPIC,
    TOUCHPOINT_RESOLVED_TOPIC,
    CUSTOMER_CHANGED_TOPIC,
    CUSTOMER_MERGED_TOPIC,
    SCORE_CHANGED_TOPIC,
    MESSAGE_SENT_TOPIC,
)
