"""A message, its states, and the codes that say why it was or was not sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

State = Literal["planned", "reserved", "sending", "sent", "failed", "uncertain", "skipped"]
"""planned -> reserved -> sending -> sent | failed | uncertain; `skipped` was never to be sent."""

Code = Literal[
    "enrolled",
    "too_old",
    "already_enrolled",
    "contacts_unavailable",
    "address_awaited",
    "no_address",
    "no_consent",
    "open_complaint",
    "address_served",
    "survey_over",
    "template_failed",
    "delivery_deferred",
    "gave_up",
    "provider_refused",
    "uncertain",
    "resend_asked",
    "given_up",
    "sent",
]
"""Stable codes of the decision log."""

_SENDS = UUID("7c1f0d0a-6f0e-5d57-9a55-5f0c3c1b7e11")


def send_id(journey: str, version: str, profile_id: UUID, step: int, occasion: UUID | None = None) -> UUID:
    """Return the id of a message: the same however often it is planned (UUIDv5).

    `occasion` is the touchpoint of a journey that answers every purchase; None where a customer is enrolled once.
    """
    name = f"{journey}|{version}|{profile_id}|{step}"
    return uuid5(_SENDS, f"{name}|{occasion}" if occasion is not None else name)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again, and when to give up."""

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(minutes=15)
    give_up_after: timedelta = timedelta(hours=24)
    address_wait: timedelta = timedelta(minutes=10)

    def retry_at(self, send_id: UUID, attempt: int, now: datetime) -> datetime:
        """Return the moment after attempt 1, 2, ...: the pause doubles, spread by up to a quarter per message."""
        doublings = min(max(attempt - 1, 0), 20)
        pause = min(self.longest, self.first * (1 << doublings))
        return now + pause * (1 + (send_id.int % 1000) / 4000)

    def is_hopeless(self, planned_at: datetime, now: datetime) -> bool:
        """True when a message has been tried for so long that it would come too late."""
        return now - planned_at >= self.give_up_after

    def awaits_address(self, planned_at: datetime, now: datetime) -> bool:
        """True while a customer without an address may still be about to leave one (guests often register late)."""
        return now - planned_at < self.address_wait
