"""Erasure of a person: the places that answer for it, how far each is, and the deadlines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal

State = Literal["pending", "sent", "acknowledged", "done", "retained", "failed"]
RequestState = Literal["open", "alarm", "overdue", "complete", "failed"]

ALARM_AFTER: Final = timedelta(days=10)
DEADLINE: Final = timedelta(days=15)
TERMINAL: Final[frozenset[State]] = frozenset(("done", "retained", "failed"))

PROFILE: Final = "profile-service"
SERVICES: Final = ("interaction-service", "scoring-service", "notification-service")
BACKUPS: Final = "backups"
AUDIT: Final = "access-audit"
CONSENT_LEDGER: Final = "consent-ledger"
_TOPIC = "topic:"
_PARTNER = "partner:"

_ORDER: Final[dict[State, int]] = {
    "pending": 0, "sent": 1, "acknowledged": 2, "failed": 3, "retained": 4, "done": 4,
}  # fmt: skip
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=6)


def topic_place(topic: str) -> str:
    """Return the place of an event-log topic."""
    return _TOPIC + topic


def topic_of(place: str) -> str | None:
    """Return the topic that a place is, or None."""
    return place.removeprefix(_TOPIC) if place.startswith(_TOPIC) else None


def partner_place(name: str) -> str:
    """Return the place of a registered partner."""
    return _PARTNER + name


def may_follow(standing: State, told: State) -> bool:
    """A place only moves forward: what a place has done stays done, and what has failed may still be mended."""
    return _ORDER[told] > _ORDER[standing]


def request_state(states: Iterable[State], requested_at: datetime, now: datetime) -> RequestState:
    """Return the state of a request from those of its places: complete only when all of them are terminal."""
    told = set(states)
    if told <= TERMINAL:
        return "failed" if "failed" in told else "complete"
    age = now - requested_at
    if age >= DEADLINE:
        return "overdue"
    return "alarm" if age >= ALARM_AFTER else "open"


def retry_pause(attempts: int) -> timedelta:
    """Return how long to wait after attempt 1, 2, ...: the pause doubles from 30 seconds to 6 hours."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * (1 << min(max(attempts - 1, 0), 20)))
