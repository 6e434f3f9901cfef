"""Calendars and clocks walked minute by minute: slow, obvious, and sharing nothing with the domain's arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
Minutes = Sequence[tuple[int, int]]


@dataclass
class ModelCalendar:
    """Which minutes are open; `always` for round the clock."""

    zone: ZoneInfo
    weeks: Sequence[tuple[date, Sequence[Minutes]]] = ()
    off: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()
    closed: frozenset[date] = frozenset()
    opened: Mapping[date, Minutes] = field(default_factory=dict)
    shifted_like: int = 0
    always: bool = False

    def open_at(self, at: datetime) -> bool:
        if self.always:
            return True
        wall = at.astimezone(self.zone)
        minute = wall.hour * 60 + wall.minute
        return any(begin <= minute < end for begin, end in self._on(wall.date()))

    def _on(self, day: date) -> Minutes:
        if day in self.opened:
            return self.opened[day]
        if day in self.closed or day in self.off:
            return ()
        week = self.weeks[0][1]
        for since, each in self.weeks:
            if since <= day:
                week = each
        return week[self.shifted_like if day in self.worked else day.weekday()]


@dataclass(frozen=True)
class ModelPolicy:
    """Minutes that may pass, and minutes of pause."""

    minutes: int
    calendar: ModelCalendar
    max_pause: int | None


@dataclass
class ModelClock:
    """A clock after its last minute."""

    state: str = "stopped"
    used: int = 0
    paused: int = 0
    rounds: int = 0
    breached_at: datetime | None = None
    breaches: list[datetime] = field(default_factory=list)
    half_at: datetime | None = None
    policy: ModelPolicy | None = None

    def look(self, at: datetime) -> None:
        """What has become true at the beginning of a minute."""
        policy = self.policy
        if (
            self.state == "paused"
            and policy
            and policy.max_pause is not None
            and self.paused >= policy.max_pause
        ):
            self.state = "running"
        if self.state == "running" and policy:
            if self.half_at is None and self.used * 2 >= policy.minutes:
                self.half_at = at
            if self.breached_at is None and self.used >= policy.minutes:
                self.breached_at = at
                self.breaches.append(at)

    def take(self, kind: str, policy: ModelPolicy | None) -> None:
        if kind == "start":
            self.state, self.used, self.paused, self.policy = "running", 0, 0, policy
            self.breached_at = self.half_at = None
            self.rounds += 1
        elif self.state == "stopped":
            return
        elif kind == "pause" and self.state == "running":
            self.state = "paused"
        elif kind == "resume" and self.state == "paused":
            self.state = "running"
        elif kind == "stop":
            self.state = "stopped"
        elif kind == "policy":
            self.policy = policy

    def spend(self, at: datetime) -> None:
        """Let the minute pass."""
        if self.state == "running" and self.policy and self.policy.calendar.open_at(at):
            self.used += 1
        elif self.state == "paused":
            self.paused += 1


def walk(
    events: Sequence[tuple[datetime, str, ModelPolicy | None]], begin: datetime, now: datetime
) -> ModelClock:
    """Return the clock at `now`; all moments are whole minutes, the events rising."""
    clock, rest, at = ModelClock(), list(events), begin.astimezone(UTC)
    while True:
        clock.look(at)
        while rest and rest[0][0] == at:
            _, kind, policy = rest.pop(0)
            clock.take(kind, policy)
            clock.look(at)
        if at == now:
            return clock
        clock.spend(at)
        at += MINUTE
