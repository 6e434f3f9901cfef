"""Accepted touchpoints as events on the log."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import TOUCHPOINT_RECEIVED_TOPIC
from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, TouchpointReceivedV1
from guanxi_kit.log.port import LogUnavailable, Outgoing, Producer
from guanxi_kit.telemetry import inject, tracing_enabled
from interaction_service.application.deadlines import Deadlines
from interaction_service.application.ports import Unavailable

SOURCE = "interaction-service"
_TOPIC = TOUCHPOINT_RECEIVED_TOPIC.name


def encode(touchpoints: Sequence[TouchpointReceivedV1]) -> list[tuple[bytes, bytes]]:
    """Return touchpoints as events, each with its key, so that one person's mostly keep their order."""
    return [
        (
            _key(touchpoint),
            TOUCHPOINT_RECEIVED.encode(
                touchpoint, id=touchpoint.touchpoint_id.hex, source=SOURCE, time=touchpoint.received_at
            ),
        )
        for touchpoint in touchpoints
    ]


class EventLog:
    """Appends touchpoints keyed by their strongest identifier."""

    def __init__(self, producer: Producer, *, timeout: float) -> None:
        """`timeout` in seconds bounds the wait for durability; SDKs give up after 10."""
        self._producer = producer
        self._deadlines = Deadlines(timeout)

    async def append(self, touchpoints: Sequence[TouchpointReceivedV1]) -> None:
        """Return once the log has them all. Raises Unavailable."""
        await self.append_encoded(encode(touchpoints))

    async def append_encoded(self, events: Sequence[tuple[bytes, bytes]]) -> None:
        """Return once the log has all that `encode` made. Raises Unavailable."""
        headers = inject() if tracing_enabled() else ()
        records = [Outgoing(_TOPIC, key, value, headers) for key, value in events]
        try:
            with self._deadlines.wait():
                await self._producer.append(records)
        except (LogUnavailable, TimeoutError) as error:
            raise Unavailable("the event log did not confirm") from error


def _key(touchpoint: TouchpointReceivedV1) -> bytes:
    if touchpoint.profile_id is not None:
        return touchpoint.profile_id.bytes
    return touchpoint.identifiers[0].hash if touchpoint.identifiers else touchpoint.touchpoint_id.bytes
