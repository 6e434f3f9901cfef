"""Pack file `clocks.yaml`: working calendars, teams, and what a customer is promised how soon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator

from guanxi_kit.packs.calendars import WorkingTimes
from guanxi_kit.packs.located_yaml import FieldPath
from guanxi_kit.packs.model import Ascending, Duration, Labels, PackModel, Slug

CaseKind = Literal["enquiry", "complaint", "request"]
Priority = Literal["normal", "high", "urgent"]
ClockName = Literal["first_response", "response_limit", "progress", "solution", "plan"]
"""`response_limit`: the outer limit of the first response. `plan`: a plan for what is urgent and important."""
Recipient = Literal["owner", "team_lead", "manager"]

ALWAYS = "always"
"""The calendar of what runs round the clock; every pack has it."""
TEAM = "team"
"""Stands for the calendar of the team that has the case."""
LONGEST = timedelta(days=90)
_WARN = (50, 80, 100)


def _not_too_long(value: timedelta) -> timedelta:
    if value > LONGEST:
        raise ValueError(f"must be {LONGEST.days} days at most")
    return value


class Team(PackModel):
    """A team and when it works."""

    labels: Labels
    calendar: Slug = ALWAYS


class Promise(PackModel):
    """How soon something is promised, in working time of `calendar`, for cases of these kinds and priorities.

    Named none, it holds for all. `pause`: for how long altogether the clock may stand still while the customer is
    asked; without it, it never does.
    """

    kinds: Annotated[tuple[CaseKind, ...], Field(min_length=1)] = get_args(CaseKind)
    priorities: Annotated[tuple[Priority, ...], Field(min_length=1)] = get_args(Priority)
    within: Duration
    calendar: Slug = ALWAYS
    pause: Duration | None = None

    @field_validator("within", "pause")
    @classmethod
    def _bounded(cls, value: timedelta | None) -> timedelta | None:
        return value and _not_too_long(value)

    def covers(self, kind: str, priority: str) -> bool:
        """Tell whether the promise is for such a case."""
        return kind in self.kinds and priority in self.priorities


class Rung(PackModel):
    """One step of the escalation: `to` hears of a breach `after` so much elapsed time, at once without it."""

    after: Duration | None = None
    to: Annotated[tuple[Recipient, ...], Field(min_length=1)]

    @property
    def delay(self) -> timedelta:
        """How long after the breach."""
        return self.after or timedelta()


Promises = Annotated[tuple[Promise, ...], Field(max_length=50)]
Percent = Annotated[int, Field(ge=1, le=100)]


class ClockSettings(PackModel):
    """Clocks of a pack. Of the promises of a clock the first that covers a case holds; none: the clock does not run.

    `warn`: percent of the time used at which the owner is warned, the last is the breach itself.
    """

    calendars: Annotated[dict[Slug, WorkingTimes], Field(max_length=100, default_factory=dict)]
    teams: Annotated[dict[Slug, Team], Field(max_length=1000, default_factory=dict)]
    promises: Annotated[dict[ClockName, Promises], Field(default_factory=dict)]
    warn: Annotated[tuple[Percent, ...], Field(max_length=10), Ascending] = _WARN
    ladder: Annotated[tuple[Rung, ...], Field(max_length=20)] = ()

    @field_validator("warn")
    @classmethod
    def _ends_at_the_breach(cls, warn: tuple[int, ...]) -> tuple[int, ...]:
        if warn[-1:] != (100,):
            raise ValueError("must end at 100, the breach itself")
        return warn

    @field_validator("ladder")
    @classmethod
    def _ladder_rises(cls, ladder: tuple[Rung, ...]) -> tuple[Rung, ...]:
        delays = [rung.delay for rung in ladder]
        if delays != sorted(set(delays)):
            raise ValueError("must rise from each `after` to the next")
        return ladder

    def promise(self, clock: ClockName, kind: str, priority: str) -> Promise | None:
        """Return what is promised for such a case; None when this clock does not run for it."""
        return next((each for each in self.promises.get(clock, ()) if each.covers(kind, priority)), None)

    def calendar_of(self, promise: Promise, team: str) -> str:
        """Return the name of the calendar that counts; round the clock for a team that the pack does not know."""
        if promise.calendar != TEAM:
            return promise.calendar
        known = self.teams.get(team)
        return known.calendar if known else ALWAYS


def find_clock_problems(clocks: ClockSettings) -> Iterator[tuple[FieldPath, str]]:
    """Yield what does not fit together: path, reason."""
    for reserved in (ALWAYS, TEAM):
        if reserved in clocks.calendars:
            yield ("calendars", reserved), f"{reserved!r} is the name of a built-in calendar"
    known = {ALWAYS, *clocks.calendars}
    for name, team in clocks.teams.items():
        if team.calendar not in known:
            yield ("teams", name, "calendar"), f"there is no calendar {team.calendar!r}"
    for clock, promises in clocks.promises.items():
        covered: set[tuple[str, str]] = set()
        for place, promise in enumerate(promises):
            path: FieldPath = ("promises", clock, place)
            if promise.calendar not in {*known, TEAM}:
                yield (*path, "calendar"), f"there is no calendar {promise.calendar!r}"
            if promise.pause is not None and clock != "solution":
                yield (*path, "pause"), "only the solution clock pauses"
            pairs = {(kind, priority) for kind in promise.kinds for priority in promise.priorities}
            if pairs <= covered:
                yield path, "never holds: those above cover all of its cases"
            covered |= pairs
