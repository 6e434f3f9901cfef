"""The one place that maps an event type to its topic, key, owner and retention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guanxi_contracts.case import CASE_ALARM, CASE_CHANGED
from guanxi_contracts.classification import SEGMENT_ENTERED, SEGMENT_LEFT, STAGE_CHANGED, TAG_CHANGED
from guanxi_contracts.customer import CUSTOMER_CHANGED, CUSTOMER_MERGED, CUSTOMER_SPLIT
from guanxi_contracts.envelope import EventType
from guanxi_contracts.message import MESSAGE_FAILED, MESSAGE_SENT
from guanxi_contracts.privacy import ERASURE_RECEIPT, ERASURE_REQUESTED
from guanxi_contracts.score import SCORE_CHANGED
from guanxi_contracts.survey import SURVEY_CHANGED
from guanxi_contracts.task import TASK_CHANGED
from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, TOUCHPOINT_RESOLVED

DEFAULT_PARTITIONS = 12


@dataclass(frozen=True)
class Topic:
    """A topic of the event log. Those with personal data keep it 7 days at most, so that erasure completes.

    `owner` decides what the topic is and, where no `producers` are named, is the only one to write to it.
    """

    name: str
    owner: str
    key: str
    retention_days: int
    personal: bool
    events: tuple[EventType[Any], ...]
    consumers: tuple[str, ...]
    summary: str
    partitions: int = DEFAULT_PARTITIONS
    producers: tuple[str, ...] = ()

    @property
    def writers(self) -> tuple[str, ...]:
        """Services that write to the topic."""
        return self.producers or (self.owner,)

    @property
    def decoders(self) -> Mapping[str, EventType[Any]]:
        """Event types on this topic by their type string."""
        return {event.type: event for event in self.events}


TOUCHPOINT_RECEIVED_TOPIC = Topic(
    name="touchpoint.received",
    owner="interaction-service",
    key="keyed hash of the strongest identifier, or the customer id where staff acted on somebody known",
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
    consumers=("gateway", "profile-service"),
    summary="A customer's unified view changed, and which parts of it.",
)
CUSTOMER_MERGED_TOPIC = Topic(
    name="customer.merged",
    owner="profile-service",
    key="surviving customer id",
    retention_days=7,
    personal=False,
    events=(CUSTOMER_MERGED, CUSTOMER_SPLIT),
    consumers=("interaction-service", "scoring-service", "notification-service"),
    summary="Two customers were found to be one, or a merge was undone, with the fragments that moved.",
)
SCORE_CHANGED_TOPIC = Topic(
    name="score.changed",
    owner="scoring-service",
    key="customer id",
    retention_days=7,
    personal=False,
    events=(SCORE_CHANGED,),
    consumers=("profile-service", "notification-service"),
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

CUSTOMER_CLASSIFIED_TOPIC = Topic(
    name="customer.classified",
    owner="profile-service",
    key="customer id",
    retention_days=7,
    personal=False,
    events=(TAG_CHANGED, SEGMENT_ENTERED, SEGMENT_LEFT, STAGE_CHANGED),
    consumers=(),
    summary="A customer got or lost a tag, entered or left a segment, reached another lifecycle stage.",
)
CASE_CHANGED_TOPIC = Topic(
    name="case.changed",
    owner="interaction-service",
    key="customer id",
    retention_days=7,
    personal=False,
    events=(CASE_CHANGED, CASE_ALARM),
    consumers=("interaction-service", "profile-service", "scoring-service", "notification-service"),
    summary="A case changed, or one of its clocks runs out.",
)
TASK_CHANGED_TOPIC = Topic(
    name="task.changed",
    owner="interaction-service",
    key="customer id",
    retention_days=7,
    personal=False,
    events=(TASK_CHANGED,),
    consumers=("profile-service", "notification-service"),
    summary="A task changed, its reminder is due, or it is overdue.",
)
SURVEY_CHANGED_TOPIC = Topic(
    name="survey.changed",
    owner="interaction-service",
    key="customer id",
    retention_days=7,
    personal=False,
    events=(SURVEY_CHANGED,),
    consumers=("profile-service", "scoring-service", "notification-service"),
    summary="A customer was asked, answered, or is asked no more.",
)
PRIVACY_ERASURE_TOPIC = Topic(
    name="privacy.erasure",
    owner="profile-service",
    key="erasure request id",
    # Longer than any backup is kept: a database restored from one reads its erasures again from its own position.
    retention_days=400,
    personal=False,
    events=(ERASURE_REQUESTED,),
    consumers=("profile-service", "interaction-service", "scoring-service", "notification-service"),
    summary="Somebody is to be erased everywhere; the ledger that is replayed after a restore.",
    partitions=1,
)
PRIVACY_RECEIPT_TOPIC = Topic(
    name="privacy.receipt",
    owner="profile-service",
    key="erasure request id",
    retention_days=30,
    personal=False,
    events=(ERASURE_RECEIPT,),
    consumers=("profile-service",),
    producers=("interaction-service", "scoring-service", "notification-service"),
    summary="What became of an erasure in each service.",
    partitions=1,
)

TOPICS: tuple[Topic, ...] = (
    TOUCHPOINT_RECEIVED_TOPIC,
    TOUCHPOINT_RESOLVED_TOPIC,
    CUSTOMER_CHANGED_TOPIC,
    CUSTOMER_MERGED_TOPIC,
    SCORE_CHANGED_TOPIC,
    MESSAGE_SENT_TOPIC,
    CUSTOMER_CLASSIFIED_TOPIC,
    CASE_CHANGED_TOPIC,
    TASK_CHANGED_TOPIC,
    SURVEY_CHANGED_TOPIC,
    PRIVACY_ERASURE_TOPIC,
    PRIVACY_RECEIPT_TOPIC,
)
