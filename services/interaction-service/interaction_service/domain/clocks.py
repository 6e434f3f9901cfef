"""Clocks of a promise: kept as events, from which due times, breaches and warnings are derived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from interaction_service.domain.calendars import Calendar

EventKind = Literal["start", "pause", "resume", "stop", "policy"]
Standing = Literal["running", "paused", "stopped"]
WHOLE = 100


@dataclass(frozen=True, slots=True)
class Policy:
    """How much working time may pass, by which calendar, and for how long altogether (elapsed seconds) it may pause.

    `max_pause` None: without limit; 0: the clock cannot be paused.
    """

    seconds: int
    calendar: Calendar
    max_pause: int | None = None


@dataclass(frozen=True, slots=True)
class ClockEvent:
    """What happened to a clock. `start` and `policy` carry the policy that holds from then on.

    A `start` begins a new round from nothing, whatever stood before. A `policy` keeps the time used so far. A `pause`
    of what does not run, a `resume` of what is not paused, and a `pause`, `resume` or `policy` behind a `stop` change
    nothing. One that seems earlier than the one before it (clocks of machines differ) counts from that one's moment.
    """

    kind: EventKind
    at: datetime
    policy: Policy | None = None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Time in which a clock ran under one policy: `used` before it began; `until` is None for the one in hand."""

    at: datetime
    used: float
    policy: Policy
    until: datetime | None = None

    def used_by(self, now: datetime) -> float:
        return self.used + self.policy.calendar.working_seconds(self.at, self.until or now)

    def reaches(self, share: int) -> datetime | None:
        """When the time used comes to `share` percent, if it does so in this stretch."""
        asked = self.policy.seconds * share / WHOLE
        if asked <= self.used:
            return self.at
        at = self.policy.calendar.add(self.at, asked - self.used)
        return at if self.until is None or at <= self.until else None


@dataclass(frozen=True, slots=True)
class ClockState:
    """A clock as it stands at a moment.

    `due_at`: when the policy's time is used up if nothing more happens; None unless the clock runs. `breached_at`: when
    it was used up in this round, under whichever policy held then; what was breached stays breached. `breaches`: those
    of all rounds. `paused_seconds` are elapsed ones. `resumes_at`: when a pause ends by itself because its limit is
    used up. `round` counts the starts.
    """

    state: Standing
    policy: Policy
    started_at: datetime
    due_at: datetime | None
    used_seconds: float
    paused_seconds: float
    resumes_at: datetime | None
    breached_at: datetime | None
    stopped_at: datetime | None
    round: int
    breaches: tuple[datetime, ...]
    _stretches: tuple[_Stretch, ...] = field(repr=False)

    def instant_of(self, share: int) -> datetime | None:
        """Return when `share` percent of the time is used in this round: past or to come; None where it never is.

        None while paused means: not before the clock runs on.
        """
        return _first(self._stretches, share)

    def next_turn(self, now: datetime, shares: Iterable[int] = (WHOLE,)) -> datetime | None:
        """Return when a share is next reached or the pause ends by itself; None: nothing changes by itself."""
        turns = [self.resumes_at, *(map(self.instant_of, shares) if self.state == "running" else ())]
        return min((turn for turn in turns if turn is not None and turn > now), default=None)


def derive(events: Iterable[ClockEvent], now: datetime) -> ClockState:
    """Return a clock from its events, in the order in which they were kept, as it stands at `now`.

    Raises ValueError when there is no start. Where the last event is later than `now`, that is the moment taken.
    """
    run: _Run | None = None
    for event in events:
        if event.kind == "start":
            run = _Run.begin(event, run)
        elif run is not None:
            run.take(event)
    if run is None:
        raise ValueError("a clock begins with a start")
    run.advance(now.astimezone(UTC))
    return run.state()


@dataclass(slots=True)
class _Run:
    """The round in hand, up to the moment `at`."""

    started_at: datetime
    policy: Policy
    at: datetime
    round: int
    earlier: tuple[datetime, ...]
    standing: Standing = "running"
    paused: timedelta = timedelta()
    stopped_at: datetime | None = None
    stretches: list[_Stretch] = field(default_factory=list)
    # The first of the stretches under the policy that holds.
    since_policy: int = 0

    @classmethod
    def begin(cls, event: ClockEvent, before: _Run | None) -> _Run:
        at, policy = event.at.astimezone(UTC), _policy_of(event)
        if before is None:
            run = cls(at, policy, at, 1, ())
        else:
            before.advance(at)
            run = cls(before.at, policy, before.at, before.round + 1, before.breaches())
        run.open()
        return run

    def take(self, event: ClockEvent) -> None:
        self.advance(event.at.astimezone(UTC))
        if self.standing == "stopped":
            return
        if event.kind == "pause" and self.standing == "running":
            self.close("paused")
            self.advance(self.at)
        elif event.kind == "resume" and self.standing == "paused":
            self.open()
        elif event.kind == "stop":
            self.close("stopped")
            self.stopped_at = self.at
        elif event.kind == "policy":
            self.change(_policy_of(event))

    def advance(self, to: datetime) -> None:
        """Go on to a moment; a pause that has used up its limit ends on the way."""
        to = max(to, self.at)
        if self.standing == "paused":
            ends = self.resumes_at()
            until = to if ends is None else min(to, ends)
            self.paused += until - self.at
            self.at = until
            if until == ends:
                self.open()
        self.at = to

    def resumes_at(self) -> datetime | None:
        limit = self.policy.max_pause
        if self.standing != "paused" or limit is None:
            return None
        return self.at + max(timedelta(), timedelta(seconds=limit) - self.paused)

    def change(self, policy: Policy) -> None:
        running = self.standing == "running"
        if running:
            self.close("paused")
        self.policy, self.since_policy = policy, len(self.stretches)
        if running:
            self.open()
        else:
            self.advance(self.at)

    def open(self) -> None:
        self.stretches.append(_Stretch(self.at, self.used(), self.policy))
        self.standing = "running"

    def close(self, state: Standing) -> None:
        if self.standing == "running":
            self.stretches[-1] = replace(self.stretches[-1], until=self.at)
        self.standing = state

    def used(self) -> float:
        return self.stretches[-1].used_by(self.at) if self.stretches else 0.0

    def breaches(self) -> tuple[datetime, ...]:
        breached = self.breached_at()
        return self.earlier if breached is None else (*self.earlier, breached)

    def breached_at(self) -> datetime | None:
        at = _first(self.stretches, WHOLE)
        return at if at is not None and at <= self.at else None

    def state(self) -> ClockState:
        running = self.standing == "running"
        return ClockState(
            state=self.standing,
            policy=self.policy,
            started_at=self.started_at,
            due_at=_first(self.stretches[self.since_policy :], WHOLE) if running else None,
            used_seconds=self.used(),
            paused_seconds=self.paused.total_seconds(),
            resumes_at=self.resumes_at(),
            breached_at=self.breached_at(),
            stopped_at=self.stopped_at,
            round=self.round,
            breaches=self.breaches(),
            _stretches=tuple(self.stretches),
        )


def _first(stretches: Iterable[_Stretch], share: int) -> datetime | None:
    return next((at for each in stretches if (at := each.reaches(share)) is not None), None)


def _policy_of(event: ClockEvent) -> Policy:
    if event.policy is None:
        raise ValueError(f"a {event.kind} carries its policy")
    return event.policy
