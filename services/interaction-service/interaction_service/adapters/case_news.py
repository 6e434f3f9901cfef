"""What becomes of cases, as the events of the contracts and as touchpoints of the customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from guanxi_contracts.case import CASE_ALARM, CASE_CHANGED, CaseAlarmV1, CaseChangedV1
from guanxi_contracts.catalog import CASE_CHANGED_TOPIC, TOUCHPOINT_RECEIVED_TOPIC
from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, TouchpointReceivedV1
from guanxi_kit.crypto import Keyring
from interaction_service.adapters.touchpoint_log import SOURCE
from interaction_service.application.case_ports import Happening, Raised
from interaction_service.application.content import SealedContent, encode_content, encode_json
from interaction_service.application.staff_edits import STAFF
from interaction_service.domain.cases import Case, Source, Verb
from interaction_service.domain.touchpoint import touchpoint_id

ON_TIMELINE: frozenset[Verb] = frozenset(("opened", "reclassified", "solved", "confirmed", "reopened"))
TOLD_BEFORE: frozenset[Source] = frozenset(("channel", "survey", "rule"))
"""What opened these cases is a touchpoint of its own, which has the words."""
Emit = Callable[[str, bytes, bytes], None]
"""Publishes topic, key and value when the transaction commits."""
_TOPIC = CASE_CHANGED_TOPIC.name


class StreamNews:
    """The `CaseNews` port."""

    def __init__(self, emit: Emit, now: datetime, keyring: Keyring) -> None:
        self._emit = emit
        self._now = now
        self._keyring = keyring

    def changed(self, case: Case, customer_id: UUID, what: Sequence[str], gave_to: str | None = None) -> None:
        """Tell that a case changed, and who is to hear that it was given to them."""
        changed = CaseChangedV1(
            case_id=case.case_id,
            profile_id=case.profile_id,
            customer_id=customer_id,
            kind=case.kind,
            category=case.category,
            priority=case.priority,
            state=case.state,
            is_open=case.is_open,
            owner=case.owner,
            team=case.team,
            opened_at=case.opened_at,
            changed_at=self._now,
            version=case.version,
            next_due_at=case.next_due_at,
            next_clock=case.next_clock,
            breached=list(case.breached),
            what=list(what),
            number=case.number,
            assigned_to=gave_to,
        )
        value = CASE_CHANGED.encode(
            changed,
            id=f"{case.case_id}/{case.version}",
            source=SOURCE,
            time=self._now,
            subject=str(case.case_id),
        )
        self._emit(_TOPIC, customer_id.bytes, value)

    def alarm(self, case: Case, customer_id: UUID, raised: Raised) -> None:
        """Tell that a clock raised an alarm."""
        run = raised.run
        alarm = CaseAlarmV1(
            case_id=case.case_id,
            profile_id=case.profile_id,
            customer_id=customer_id,
            cycle=run.cycle,
            clock=run.clock,
            run=run.number,
            level=raised.level,
            due_at=raised.due_at,
            raised_at=raised.raised_at,
            recipients=list(raised.recipients),
            number=case.number,
            team=case.team,
        )
        identity = f"{case.case_id}/{run.cycle}/{run.clock}/{run.number}/{raised.level}"
        value = CASE_ALARM.encode(
            alarm, id=identity, source=SOURCE, time=self._now, subject=str(case.case_id)
        )
        self._emit(_TOPIC, customer_id.bytes, value)

    def happened(self, case: Case, happening: Happening, said: Mapping[str, Any] | None) -> None:
        """Put a happening on the customer's timeline, if it belongs there, with what was said: a search finds it."""
        if happening.verb in ON_TIMELINE:
            is_told = happening.verb == "opened" and case.source in TOLD_BEFORE
            words = {} if is_told or said is None else said
            touchpoint = _touchpoint(case, happening, words, self._now, self._keyring)
            value = TOUCHPOINT_RECEIVED.encode(
                touchpoint, id=touchpoint.touchpoint_id.hex, source=SOURCE, time=self._now
            )
            self._emit(TOUCHPOINT_RECEIVED_TOPIC.name, case.profile_id.bytes, value)


def _touchpoint(
    case: Case, happening: Happening, words: Mapping[str, Any], now: datetime, keyring: Keyring
) -> TouchpointReceivedV1:
    message_id = f"case\0{case.case_id}\0{happening.number}"
    identity = touchpoint_id(STAFF, message_id)
    about: dict[str, Any] = {
        "case_id": str(case.case_id),
        "number": case.number,
        "kind": case.kind,
        "priority": case.priority,
        "category": case.category,
        "cause": case.cause,
        "source": case.source,
        "subject": words.get("subject"),
        "description": words.get("description") or None,
        "text": words.get("text"),
    }
    content = SealedContent(
        message_id=message_id,
        identifiers=[],
        actor=happening.actor,
        properties=encode_json({name: value for name, value in about.items() if value is not None}),
    )
    return TouchpointReceivedV1(
        touchpoint_id=identity,
        channel=STAFF,
        kind="track",
        name=f"{case.kind.title()} {happening.verb}",
        occurred_at=happening.at,
        received_at=now,
        identifiers=[],
        sealed=keyring.seal(encode_content(content), identity.bytes),
        profile_id=case.profile_id,
    )
