"""Outcomes as events of the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from guanxi_contracts.catalog import MESSAGE_SENT_TOPIC
from guanxi_contracts.message import MESSAGE_FAILED, MESSAGE_SENT, MessageFailedV1, MessageSentV1
from notification_service.application.ports import Settlement

SOURCE = "notification-service"
TOPIC = MESSAGE_SENT_TOPIC.name


def encode(settlements: Sequence[Settlement], now: datetime) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of each final outcome's event. An uncertain message counts as failed: no more is done."""
    for one in settlements:
        if one.state == "sent":
            yield one.message.customer_id.bytes, _sent(one, now)
        elif one.state in {"failed", "uncertain"}:
            yield one.message.customer_id.bytes, _failed(one, now)


def _sent(settlement: Settlement, now: datetime) -> bytes:
    message = settlement.message
    sent = MessageSentV1(
        send_id=message.send_id,
        customer_id=message.customer_id,
        profile_id=message.profile_id,
        journey=message.journey,
        template=message.template,
        channel=message.channel,
        provider=settlement.provider or "",
        sent_at=now,
    )
    return encode_sent(sent, now)


def encode_sent(sent: MessageSentV1, now: datetime) -> bytes:
    """Return the event that a message went."""
    return MESSAGE_SENT.encode(
        sent, id=f"{sent.send_id}:sent", source=SOURCE, time=now, subject=str(sent.customer_id)
    )


def _failed(settlement: Settlement, now: datetime) -> bytes:
    message = settlement.message
    return MESSAGE_FAILED.encode(
        MessageFailedV1(
            send_id=message.send_id,
            customer_id=message.customer_id,
            profile_id=message.profile_id,
            journey=message.journey,
            template=message.template,
            channel=message.channel,
            reason=settlement.code,
            failed_at=now,
        ),
        id=f"{message.send_id}:{settlement.code}",
        source=SOURCE,
        time=now,
        subject=str(message.customer_id),
    )
