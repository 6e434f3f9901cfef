"""Cases that events of channels open, in the transaction that records the events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.consumer import Received, Unit
from guanxi_kit.crypto import SealBroken
from guanxi_kit.packs import CaseSettings, OpeningEvent
from interaction_service.adapters.case_work import CaseWork
from interaction_service.application.case_commands import OpenCase
from interaction_service.application.content import decode_content
from interaction_service.application.staff_edits import STAFF

LATEST = timedelta(days=31)
LONGEST_TEXT = 4_000


class ChannelCases:
    """Opens cases as the pack says. A touchpoint opens one case at most, however often it comes."""

    def __init__(self, work: CaseWork, settings: CaseSettings) -> None:
        self._work = work
        self._opened_by = {opening.event: opening for opening in settings.opened_by}

    async def open(self, unit: Unit, received: Sequence[Received[TouchpointResolvedV1]]) -> None:
        """Open the cases of a batch; its people are known to the timeline, and none of them is erased."""
        for each in received:
            touchpoint = each.event.data.touchpoint
            opening = self._opened_by.get(touchpoint.name or "")
            old = unit.now - touchpoint.occurred_at > LATEST
            if opening is None or touchpoint.channel == STAFF or touchpoint.imported or old:
                continue
            emit = partial(unit.outbox.add, each.cause)
            desk = self._work.desk_on(unit.connection, emit, unit.now)
            await desk.open(self._asked(each.event.data, opening, unit.now))

    def _asked(self, event: TouchpointResolvedV1, opening: OpeningEvent, now: datetime) -> OpenCase:
        touchpoint = event.touchpoint
        return OpenCase(
            customer_id=event.profile_id,
            kind=opening.kind,
            said={"subject": opening.event, "description": self._text(event, opening)},
            actor=touchpoint.channel,
            team=self._work.rules.default_team,
            source="channel",
            cause=opening.cause,
            received_at=min(touchpoint.occurred_at, now),
            key=touchpoint.touchpoint_id.hex,
        )

    def _text(self, event: TouchpointResolvedV1, opening: OpeningEvent) -> str:
        if opening.text is None:
            return ""
        sealed, identity = event.touchpoint.sealed, event.touchpoint.touchpoint_id.bytes
        try:
            properties: dict[str, Any] = (
                decode_content(self._work.keyring.open(sealed, identity)).properties or {}
            )
        except (SealBroken, msgspec.MsgspecError):
            return ""
        text = properties.get(opening.text)
        return text[:LONGEST_TEXT] if isinstance(text, str) else ""
