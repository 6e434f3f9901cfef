"""Cases that events of channels open or add to, in the transaction that records the events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.consumer import Received, Unit
from guanxi_kit.packs import CaseSettings, OpeningEvent
from guanxi_kit.rules.engine import DataHandle, DatalogicRules, Rule
from interaction_service.adapters.case_mails import answer_by_mail
from interaction_service.adapters.case_work import CaseWork
from interaction_service.adapters.touchpoint_facts import facts_of, properties_of
from interaction_service.application.case_commands import OpenCase
from interaction_service.application.mail.messages import RECEIVED
from interaction_service.application.staff_edits import STAFF

LATEST = timedelta(days=31)
LONGEST_SUBJECT = 200
LONGEST_TEXT = 4_000


class ChannelCases:
    """Opens cases as the pack says: of what an event may open the first whose rule holds.

    A touchpoint opens one case at most, however often it comes.

    An e-mail that names a case of the same customer is the customer's answer and opens none.
    """

    def __init__(self, work: CaseWork, settings: CaseSettings) -> None:
        """Raises RuleRefused."""
        self._work = work
        self._rules = DatalogicRules()
        self._openings: dict[str, list[tuple[OpeningEvent, Rule | None]]] = {}
        for opening in settings.opened_by:
            rule = None if opening.when is None else self._rules.compile(opening.when, opening.event)
            self._openings.setdefault(opening.event, []).append((opening, rule))

    async def open(self, unit: Unit, received: Sequence[Received[TouchpointResolvedV1]]) -> None:
        """Open the cases of a batch; its people are known to the timeline, and none of them is erased."""
        for each in received:
            touchpoint = each.event.data.touchpoint
            openings = self._openings.get(touchpoint.name or "", ())
            is_mail = touchpoint.name == RECEIVED
            old = unit.now - touchpoint.occurred_at > LATEST
            if not (openings or is_mail) or touchpoint.channel == STAFF or touchpoint.imported or old:
                continue
            emit = partial(unit.outbox.add, each.cause)
            desk = self._work.desk_on(unit.connection, emit, unit.now)
            said = properties_of(self._work.keyring, each.event.data)
            if is_mail and await answer_by_mail(unit.connection, desk, each.event.data, said):
                continue
            if opening := self._first(openings, each.event.data, said):
                await desk.open(self._asked(each.event.data, opening, said, unit.now))

    def _first(
        self,
        openings: Sequence[tuple[OpeningEvent, Rule | None]],
        event: TouchpointResolvedV1,
        said: dict[str, Any],
    ) -> OpeningEvent | None:
        document: DataHandle | None = None
        for opening, rule in openings:
            if rule is None:
                return opening
            if document is None:
                document = self._rules.read(msgspec.json.encode(facts_of(event, said)))
            if self._rules.evaluate([rule], document) == [True]:
                return opening
        return None

    def _asked(
        self, event: TouchpointResolvedV1, opening: OpeningEvent, said: dict[str, Any], now: datetime
    ) -> OpenCase:
        touchpoint = event.touchpoint
        subject = _cut(said.get(opening.subject or ""), LONGEST_SUBJECT)
        return OpenCase(
            customer_id=event.profile_id,
            kind=opening.kind,
            said={
                "subject": subject or opening.event,
                "description": _cut(said.get(opening.text or ""), LONGEST_TEXT),
            },
            actor=touchpoint.channel,
            team=self._work.rules.default_team,
            source="channel" if opening.when is None else "rule",
            cause=opening.cause,
            received_at=min(touchpoint.occurred_at, now),
            key=touchpoint.touchpoint_id.hex,
        )


def _cut(text: object, longest: int) -> str:
    return text.strip()[:longest] if isinstance(text, str) else ""
