"""The ports of the case desk in memory, and a desk at a clock that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from guanxi_kit.testing import ManualClock
from interaction_service.application.case_commands import Act, OpenCase, TimerOf
from interaction_service.application.case_desk import CaseDesk
from interaction_service.application.case_ports import (
    CauseRule,
    Derived,
    Happening,
    LookAgain,
    NoSuchCause,
    Raised,
    Run,
)
from interaction_service.domain.calendars import ALWAYS
from interaction_service.domain.case_clocks import Clock, Rung
from interaction_service.domain.case_numbers import case_number
from interaction_service.domain.cases import Case, Kind, Priority, Verb
from interaction_service.domain.clocks import ClockState, Policy

MINUTE, HOUR = 60, 3600
CUSTOMER = UUID(int=1)
Named = tuple[UUID, int, str, int]


class Promises:
    """Round the clock: 15 min or 1 h for the first response, 24 h outer, 24 h progress, 48 h solution, 2 h plan."""

    warn = (50, 80, 100)
    ladder = (
        Rung(timedelta(0), ("owner",)),
        Rung(timedelta(minutes=30), ("team_lead",)),
        Rung(timedelta(hours=2), ("manager",)),
    )
    default_team = "service"
    teams = ("service", "night")

    def cause(self, name: str) -> CauseRule | None:
        if name == "nobody":
            raise NoSuchCause
        return CauseRule("product", "urgent") if name == "system_down" else None

    def policy_of(self, clock: Clock, kind: Kind, priority: Priority, team: str) -> Policy | None:
        if clock == "first_response":
            return Policy(HOUR if kind == "complaint" else 15 * MINUTE, ALWAYS)
        if clock == "response_limit":
            return Policy(24 * HOUR, ALWAYS) if kind == "complaint" else None
        if clock == "solution":
            return Policy((24 if team == "night" else 48) * HOUR, ALWAYS, max_pause=10 * HOUR)
        return Policy({"progress": 24, "plan": 2}[clock] * HOUR, ALWAYS)


@dataclass
class Memory:
    """Cases of one customer; what was published stands in `told` and `alarms`."""

    cases: dict[UUID, Case] = field(default_factory=dict)
    happenings: list[Happening] = field(default_factory=list)
    kept: dict[Named, Run] = field(default_factory=dict)
    states: dict[Named, ClockState] = field(default_factory=dict)
    timers: dict[Named, datetime] = field(default_factory=dict)
    told: list[tuple[Case, Sequence[str]]] = field(default_factory=list)
    alarms: list[Raised] = field(default_factory=list)

    async def customers_of(self, profile_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
        return {one: one for one in profile_ids if one.int < 10}

    async def next_number(self, at: datetime) -> str:
        return case_number(at, len(self.cases) + 1)

    async def hold(self, case_ids: Collection[UUID]) -> Mapping[UUID, Case]:
        return {one: self.cases[one] for one in case_ids if one in self.cases}

    async def is_repeat(self, case_id: UUID, repeat_key: bytes) -> bool:
        return any((one.case_id, one.repeat_key) == (case_id, repeat_key) for one in self.happenings)

    async def has_links(self, case_id: UUID) -> bool:
        return any(case.duplicate_of == case_id for case in self.cases.values())

    async def runs(self, case_ids: Collection[UUID]) -> Sequence[Run]:
        newest: dict[tuple[UUID, str], Run] = {}
        for run in self.kept.values():
            if run.case_id in case_ids and run.cycle == self.cases[run.case_id].cycle:
                newest[run.case_id, run.clock] = replace(run, raised=self._raised(run))
        return list(newest.values())

    def _raised(self, run: Run) -> frozenset[str]:
        return frozenset(one.level for one in self.alarms if named(one.run) == named(run))

    async def add(self, case: Case, said: Mapping[str, Any]) -> None:
        self.cases[case.case_id] = case

    async def save(self, cases: Sequence[Case], now: datetime) -> None:
        self.cases |= {case.case_id: case for case in cases}

    async def add_happening(self, happening: Happening) -> None:
        self.happenings.append(happening)

    async def add_clock_events(self, added: Sequence[tuple[Run, int]]) -> None:
        for run, first in added:
            before = self.kept.get(named(run))
            assert first == (0 if before is None else len(before.events)), (
                "events are appended, never changed"
            )
            self.kept[named(run)] = run

    async def keep_clocks(self, derived: Sequence[Derived]) -> None:
        self.states |= {named(one.run): one.state for one in derived}

    async def add_alarms(self, alarms: Sequence[Raised]) -> None:
        pass

    async def look_again(self, looks: Sequence[LookAgain]) -> None:
        for look in looks:
            if look.at is None:
                self.timers.pop(named(look.run), None)
            else:
                self.timers[named(look.run)] = look.at

    def changed(self, case: Case, customer_id: UUID, what: Sequence[str], gave_to: str | None = None) -> None:
        self.told.append((case, what))

    def alarm(self, case: Case, customer_id: UUID, raised: Raised) -> None:
        self.alarms.append(raised)

    def happened(self, case: Case, happening: Happening, said: Mapping[str, Any] | None) -> None:
        pass


class Uncounted:
    """Reports are tested on a database."""

    async def cases(self, case_ids: Collection[UUID]) -> None:
        pass

    async def responded(self, case: Case, actor: str, seconds: float, at: datetime) -> None:
        pass


def named(run: Run) -> Named:
    return run.case_id, run.cycle, run.clock, run.number


class Desk:
    """A desk with a clock; `wait` fires the timers as they come due."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.clock = ManualClock()
        self.case_id = UUID(int=0)

    def now(self) -> CaseDesk:
        memory = self.memory
        return CaseDesk(
            memory,
            memory,
            Promises(),
            self.clock.now(),
            lambda who, key: f"{who}{key}".encode(),
            counts=Uncounted(),
        )

    def open(self, kind: Kind = "complaint", **more: Any) -> Case:
        asked = OpenCase(CUSTOMER, kind, {"subject": "late"}, "agent-1", more.pop("team", "service"), **more)
        case = asyncio.run(self.now().open(asked))
        self.case_id = case.case_id
        return case

    def do(self, verb: Verb, case_id: UUID | None = None, **more: Any) -> Case:
        act = Act(case_id or self.case_id, verb, "agent-1", **more)
        return asyncio.run(self.now().act(act))

    def link(self, other: UUID) -> Case:
        return asyncio.run(self.now().link(Act(self.case_id, "linked", "agent-1"), other))

    def wait(self, hours: float) -> None:
        until = self.clock.now() + timedelta(hours=hours)
        while due := [at for at in self.memory.timers.values() if at <= until]:
            self.clock.advance(max(timedelta(0), min(due) - self.clock.now()))
            self.fire([TimerOf(*name) for name, at in self.memory.timers.items() if at <= self.clock.now()])
        self.clock.advance(until - self.clock.now())

    def fire(self, timers: Sequence[TimerOf]) -> None:
        for timer in timers:
            self.memory.timers.pop((timer.case_id, timer.cycle, timer.clock, timer.number), None)
        asyncio.run(self.now().raise_alarms(timers))

    @property
    def case(self) -> Case:
        return self.memory.cases[self.case_id]

    def state(self, clock: Clock, cycle: int = 1, run: int | None = None) -> ClockState | None:
        """How a clock stands as it was last written: its last run, or that one."""
        found = [
            state
            for (case_id, of, name, number), state in self.memory.states.items()
            if (case_id, of, name) == (self.case_id, cycle, clock) and run in (None, number)
        ]
        return found[-1] if found else None

    def raised(self, clock: Clock) -> list[tuple[str, ...]]:
        return [(one.level, *one.recipients) for one in self.memory.alarms if one.run.clock == clock]
