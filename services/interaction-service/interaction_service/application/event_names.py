"""Which events came that the pack does not name, or that are not what it says: counted, in bounded memory."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from guanxi_kit.clock import Clock
from interaction_service.application.event_rules import Violation

MAX_TALLIED = 10_000
"""Names that one process remembers between two flushes."""
OTHERS = ""
"""Stands for all names beyond the bound."""


class Sighting(NamedTuple):
    """How often an event of a channel came, since the last flush or ever; `reason`: how it violates its schema."""

    channel: str
    name: str
    first_at: datetime
    last_at: datetime
    times: int
    violations: int
    reason: str | None


class _Count:
    __slots__ = ("first_at", "last_at", "reason", "times", "violations")

    def __init__(self, at: datetime) -> None:
        self.first_at = self.last_at = at
        self.times = self.violations = 0
        self.reason: str | None = None


class EventNames:
    """Tallies names until they are taken to be stored."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[tuple[str, str], _Count] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def note(self, channel: str, name: str, violation: Violation | None) -> None:
        """Count one event."""
        key = (channel, name)
        if key not in self._counts and len(self._counts) >= MAX_TALLIED:
            key = (channel, OTHERS)
        now = self._clock.now()
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = _Count(now)
        count.last_at = now
        count.times += 1
        if violation is not None:
            count.violations += 1
            count.reason = f"{violation.field} {violation.reason}"

    def take(self) -> list[Sighting]:
        """Return what was counted and begin anew."""
        counts, self._counts = self._counts, {}
        return [
            Sighting(channel, name, one.first_at, one.last_at, one.times, one.violations, one.reason)
            for (channel, name), one in counts.items()
        ]
