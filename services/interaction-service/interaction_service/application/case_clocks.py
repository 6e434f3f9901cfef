"""Keeping the clocks of cases: what a step does to their runs, what follows from them, when to look again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from interaction_service.application.case_ports import CaseRules, Derived, LookAgain, Raised, Run
from interaction_service.domain.case_clocks import (
    RESPONSE,
    WHOLE,
    Alarm,
    Clock,
    ClockMove,
    alarms_of,
    owed,
    recipients_of,
)
from interaction_service.domain.cases import Case
from interaction_service.domain.clocks import ClockEvent, Policy, derive


@dataclass
class Clocks:
    """The newest run of each clock in the present cycle of one case, and what was appended to them.

    `added` holds the runs that grew, each with the place of its first new event.
    """

    case: Case
    runs: dict[Clock, Run]
    added: dict[tuple[Clock, int], int] = field(default_factory=dict)
    ended: list[Run] = field(default_factory=list)

    def move(self, moves: Iterable[ClockMove], rules: CaseRules, at: datetime) -> None:
        """Carry out what a step does; a move that a clock's run leaves no room for is left out."""
        for each in moves:
            run = self.runs.get(each.clock)
            running = run is not None and not run.is_stopped
            match each.move:
                case "start" if not running:
                    self._start(each.clock, rules, at)
                case "stop" if running:
                    self._append(each.clock, ClockEvent("stop", at))
                case "restart" if running:
                    self._append(each.clock, ClockEvent("stop", at))
                    self._start(each.clock, rules, at)
                case "pause" if running and not _is_paused(run):
                    self._append(each.clock, ClockEvent("pause", at))
                case "resume" if running and _is_paused(run):
                    self._append(each.clock, ClockEvent("resume", at))
                case _:
                    pass

    def change_policies(self, case: Case, rules: CaseRules, at: datetime) -> None:
        """Hold running clocks to what holds for the case as it is now; time used so far stays used.

        One that nothing is promised of any more ends. One that something is promised of for the first time starts: of
        a response when the customer told it, otherwise now.
        """
        self.case = case
        for clock, standing in list(self.runs.items()):
            policy = rules.policy_of(clock, case.kind, case.priority, case.team)
            if not standing.is_stopped and policy is None:
                self._append(clock, ClockEvent("stop", at))
            elif not standing.is_stopped and policy != _policy_of(standing):
                self._append(clock, ClockEvent("policy", at, policy))
        for clock in owed(case):
            run = self.runs.get(clock)
            if run is None or (run.is_stopped and clock != "plan"):
                self._start(clock, rules, case.opened_at if clock in RESPONSE else at)

    def _start(self, clock: Clock, rules: CaseRules, at: datetime) -> None:
        case = self.case
        policy = rules.policy_of(clock, case.kind, case.priority, case.team)
        if policy is None:
            return
        last = self.runs.get(clock)
        if last is not None:
            self.ended.append(last)
        run = Run(case.case_id, case.cycle, clock, 1 if last is None else last.number + 1, ())
        self.runs[clock] = run
        self._append(clock, ClockEvent("start", at, policy))

    def _append(self, clock: Clock, event: ClockEvent) -> None:
        run = self.runs[clock]
        self.added.setdefault((clock, run.number), len(run.events))
        self.runs[clock] = replace(run, events=(*run.events, event))

    def grown(self) -> list[tuple[Run, int]]:
        """Return the runs that grew, each with the place of its first new event."""
        return [
            (run, self.added[run.clock, run.number])
            for run in (*self.ended, *self.runs.values())
            if (run.clock, run.number) in self.added
        ]

    def derive(self, now: datetime) -> list[Derived]:
        """Return what follows from every run that is there, those that ended by a restart included."""
        return [Derived(run, derive(run.events, now)) for run in (*self.ended, *self.runs.values())]


def _is_paused(run: Run | None) -> bool:
    kinds = [event.kind for event in run.events if event.kind in ("pause", "resume")] if run else []
    return bool(kinds) and kinds[-1] == "pause"


def _policy_of(run: Run) -> Policy | None:
    return next((event.policy for event in reversed(run.events) if event.policy is not None), None)


def standing_of(case: Case, derived: Sequence[Derived]) -> Case:
    """Return the case with what follows from its clocks: the promise due next, and the clocks that ran out."""
    due = [
        (one.state.due_at, one.run.clock) for one in derived if case.is_open and one.state.due_at is not None
    ]
    next_due_at, next_clock = min(due, default=(None, None))
    broken = {one.run.clock for one in derived if one.state.breached_at is not None}
    return replace(
        case,
        next_due_at=next_due_at,
        next_clock=next_clock,
        breached=tuple(sorted({*case.breached, *broken})),
    )


def _alarms_left(one: Derived, rules: CaseRules) -> list[Alarm]:
    if one.state.state == "stopped":
        return []
    found = alarms_of(one.state.instant_of, rules.warn, rules.ladder)
    return [alarm for alarm in found if alarm.level not in one.run.raised]


def look_again(one: Derived, alarms: Iterable[Alarm]) -> LookAgain:
    """Return when a run is to be looked at next: at an alarm that it owes, or when its pause ends by itself."""
    turns = [alarm.at for alarm in alarms]
    if one.state.resumes_at is not None:
        turns.append(one.state.resumes_at)
    return LookAgain(one.run, min(turns, default=None))


def first_look(one: Derived, rules: CaseRules) -> LookAgain:
    """Return when a run that grew is to be looked at next."""
    return look_again(one, _alarms_left(one, rules))


def raise_due(case: Case, one: Derived, rules: CaseRules, now: datetime) -> tuple[list[Raised], LookAgain]:
    """Return the alarms of a run that are due by now, none of them a second time, and when to look next."""
    left = _alarms_left(one, rules)
    due_at = one.state.instant_of(WHOLE)
    raised = [
        Raised(one.run, alarm.level, due_at or alarm.at, now, recipients_of(alarm.to, case))
        for alarm in left
        if alarm.at <= now
    ]
    return raised, look_again(one, [alarm for alarm in left if alarm.at > now])


def by_case(runs: Iterable[Run]) -> Mapping[UUID, dict[Clock, Run]]:
    """Return runs by case and clock."""
    found: dict[UUID, dict[Clock, Run]] = {}
    for run in runs:
        found.setdefault(run.case_id, {})[run.clock] = run
    return found
