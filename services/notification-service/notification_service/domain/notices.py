"""Notices to staff: that a promise to a customer is about to be broken, or was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

Way = Literal["email", "webhook"]
"""How a notice reaches staff."""

LATEST = timedelta(hours=24)
"""An alarm that is older tells nobody any more."""

_NOTICES = UUID("3b9c2f2e-60a5-5c0b-8d0f-6f4f5f2e9a71")


@dataclass(frozen=True, slots=True)
class Alarm:
    """So much of a clock's time is used (`level` in percent), or the breach climbed a rung of the ladder.

    `identity` names the alarm for ever; `number` is what people call the case by.
    """

    identity: str
    case_id: UUID
    profile_id: UUID
    number: str
    team: str
    clock: str
    level: str
    due_at: datetime
    raised_at: datetime
    recipients: tuple[str, ...]

    @property
    def told(self) -> dict[str, str]:
        """All that a notice may say of the case."""
        return {
            "number": self.number,
            "team": self.team,
            "clock": self.clock,
            "level": self.level,
            "due_at": self.due_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Target:
    """An address of staff: an e-mail address, or the URL of a webhook with the secret that signs its callbacks."""

    way: Way
    address: str
    secret: str = ""


@dataclass(frozen=True, slots=True)
class PlannedNotice:
    """A notice to send, or with a `reason` one that cannot be. The address is looked up when it is sent."""

    notice_id: UUID
    alarm: Alarm
    recipient: str
    way: Way | None
    reason: str | None = None


def plan_notices(alarm: Alarm, targets: Mapping[str, Sequence[Target]], now: datetime) -> list[PlannedNotice]:
    """Return one notice for each address that the recipients have, the same ones however often it is asked.

    Recipients who share an address are told once.
    """
    too_old = "too_old" if now - alarm.raised_at > LATEST else None
    served: set[tuple[Way, str]] = set()
    planned: list[PlannedNotice] = []
    for recipient in alarm.recipients:
        found = targets.get(recipient, ())
        if not found:
            identity = _notice_id(alarm, recipient, None)
            planned.append(PlannedNotice(identity, alarm, recipient, None, "unknown_recipient"))
        for target in found:
            if (target.way, target.address) not in served:
                served.add((target.way, target.address))
                identity = _notice_id(alarm, recipient, target.way)
                planned.append(PlannedNotice(identity, alarm, recipient, target.way, too_old))
    return planned


def _notice_id(alarm: Alarm, recipient: str, way: Way | None) -> UUID:
    return uuid5(_NOTICES, f"{alarm.identity}|{recipient}|{way}")
