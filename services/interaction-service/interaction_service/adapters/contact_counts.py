"""Counting contacts that staff recorded, and how complete the records are of whom they know, for reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from guanxi_contracts.touchpoint import RecordStanding, TouchpointResolvedV1
from guanxi_kit.consumer import Received, Unit
from guanxi_kit.crypto import Keyring
from interaction_service.adapters.tallies import Tallies
from interaction_service.adapters.task_news import RECORDED
from interaction_service.adapters.touchpoint_facts import content_of
from interaction_service.application.staff_edits import STAFF


@dataclass(frozen=True)
class ContactCounts:
    """Counts by who recorded a contact, and by customer and month."""

    keyring: Keyring
    zone: ZoneInfo

    async def count(self, unit: Unit, received: Sequence[Received[TouchpointResolvedV1]]) -> None:
        """Count the contacts of a batch; one whose content cannot be opened is nobody's."""
        tallies = Tallies(unit.connection, self.zone)
        contacts: Counter[tuple[date, str, UUID]] = Counter()
        records: dict[tuple[date, UUID], RecordStanding] = {}
        for each in received:
            event, touchpoint = each.event.data, each.event.data.touchpoint
            if touchpoint.channel != STAFF:
                continue
            day = tallies.day(touchpoint.occurred_at)
            if touchpoint.name == RECORDED:
                contacts[day, self._actor(event), event.customer_id] += 1
            if event.record is not None:
                records[day.replace(day=1), event.customer_id] = event.record
        await tallies.contacted(contacts, records)

    def _actor(self, event: TouchpointResolvedV1) -> str:
        return content_of(self.keyring, event).actor or ""
