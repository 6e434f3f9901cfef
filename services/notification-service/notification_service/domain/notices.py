"""Notices to staff: that a promise to a customer is about to be broken, or was; what they have, and what is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

Way = Literal["email", "webhook"]
"""How a notice reaches staff."""

LATEST = timedelta(hours=24)
"""What is older tells nobody any more."""

_NOTICES = UUID("3b9c2f2e-60a5-5c0b-8d0f-6f4f5f2e9a71")


@dataclass(frozen=True, slots=True)
class Occasion:
    """What staff are to hear of: an alarm of a case's clock, something given to them, a task due, a customer at risk.

    `identity` names it for ever, `template` the words. `told` is all that a notice may say, nothing of the customer. It
    is about the task where there is one, otherwise about the case, or else about the customer.
    """

    identity: str
    template: str
    profile_id: UUID
    team: str
    happened_at: datetime
    recipients: tuple[str, ...]
    told: Mapping[str, str]
    case_id: UUID | None = None
    task_id: UUID | None = None
    customer_id: UUID | None = None


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
    occasion: Occasion
    recipient: str
    way: Way | None
    reason: str | None = None


def plan_notices(
    occasion: Occasion, targets: Mapping[str, Sequence[Target]], now: datetime
) -> list[PlannedNotice]:
    """Return one notice for each address that the recipients have, the same ones however often it is asked.

    Recipients who share an address are told once.
    """
    too_old = "too_old" if now - occasion.happened_at > LATEST else None
    served: set[tuple[Way, str]] = set()
    planned: list[PlannedNotice] = []
    for recipient in occasion.recipients:
        found = targets.get(recipient, ())
        if not found:
            identity = _notice_id(occasion, recipient, None)
            planned.append(PlannedNotice(identity, occasion, recipient, None, "unknown_recipient"))
        for target in found:
            if (target.way, target.address) not in served:
                served.add((target.way, target.address))
                identity = _notice_id(occasion, recipient, target.way)
                planned.append(PlannedNotice(identity, occasion, recipient, target.way, too_old))
    return planned


def _notice_id(occasion: Occasion, recipient: str, way: Way | None) -> UUID:
    return uuid5(_NOTICES, f"{occasion.identity}|{recipient}|{way}")
