"""Message events: what became of a message to a customer."""

from __future__ import annotations

from uuid import UUID

import msgspec

from guanxi_contracts.envelope import EventType, Instant


class MessageSentV1(msgspec.Struct, kw_only=True):
    """A provider accepted the message. `send_id` is the same however often the sending was tried."""

    send_id: UUID
    customer_id: UUID
    profile_id: UUID
    journey: str
    template: str
    channel: str
    provider: str
    sent_at: Instant


class MessageFailedV1(msgspec.Struct, kw_only=True):
    """The message will not be sent. `reason` is a stable code such as `no_address` or `provider_refused`."""

    send_id: UUID
    customer_id: UUID
    profile_id: UUID
    journey: str
    template: str
    channel: str
    reason: str
    failed_at: Instant


MESSAGE_SENT = EventType("guanxi.message.sent.v1", MessageSentV1)
MESSAGE_FAILED = EventType("guanxi.message.failed.v1", MessageFailedV1)
