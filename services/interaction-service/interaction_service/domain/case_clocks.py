"""Which clocks of a case a step starts, stops, pauses and resumes, and which alarms a clock owes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from interaction_service.domain.cases import TO_CUSTOMER, Case, Verb

Clock = Literal["first_response", "response_limit", "progress", "solution", "plan"]
Move = Literal["start", "stop", "pause", "resume", "restart"]

RESPONSE: tuple[Clock, ...] = ("first_response", "response_limit")
WHOLE = 100
CLOCKS: tuple[Clock, ...] = (*RESPONSE, "progress", "solution", "plan")


@dataclass(frozen=True, slots=True)
class ClockMove:
    """What happens to a clock of the case's present cycle. A `restart` ends one run and begins the next."""

    clock: Clock
    move: Move


def moves_of(before: Case | None, verb: Verb, after: Case) -> list[ClockMove]:
    """Return what a step does to the clocks. No clock's move ever depends on another clock.

    Moves of clocks that are not running are for the caller to leave out.
    """
    if before is None or verb in ("reopened", "unlinked"):
        return [ClockMove(clock, "start") for clock in owed(after)]
    if verb in ("solved", "linked"):
        return [ClockMove(clock, "stop") for clock in CLOCKS]
    moves: list[ClockMove] = []
    if verb in TO_CUSTOMER:
        moves += [ClockMove(clock, "stop") for clock in RESPONSE]
        moves.append(ClockMove("progress", "restart"))
    if verb == "planned":
        moves.append(ClockMove("plan", "stop"))
    elif verb == "asked":
        moves.append(ClockMove("solution", "pause"))
    elif verb == "answered" and before.state == "waiting_for_customer":
        moves.append(ClockMove("solution", "resume"))
    if (before.priority == "urgent") != (after.priority == "urgent"):
        moves.append(ClockMove("plan", "start" if after.priority == "urgent" else "stop"))
    return moves


def owed(case: Case) -> list[Clock]:
    """Return the clocks of what a case owes the customer as it stands, where such a promise was made."""
    response = RESPONSE if case.state == "received" else ()
    plan: tuple[Clock, ...] = ("plan",) if case.priority == "urgent" else ()
    return [*response, "progress", "solution", *plan]


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder: so long after a clock has run out, somebody else is told."""

    after: timedelta
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm of a clock: its level, when it is due, and whom it is for (`owner` or a role)."""

    level: str
    at: datetime
    to: tuple[str, ...]


def alarms_of(
    instant_of: Callable[[int], datetime | None], warn: Sequence[int], ladder: Sequence[Rung]
) -> list[Alarm]:
    """Return the alarms of a clock's run in the order of their time.

    `instant_of` says when so many percent of the clock's time are used; None while nobody can know, because it pauses.
    """
    alarms = []
    for percent in warn:
        at = instant_of(percent)
        if at is not None:
            alarms.append(Alarm(str(percent), at, ("owner",)))
    due_at = instant_of(WHOLE)
    if due_at is not None:
        alarms += [
            Alarm(f"escalation:{number}", due_at + rung.after, rung.to) for number, rung in enumerate(ladder)
        ]
    return sorted(alarms, key=lambda alarm: (alarm.at, alarm.level))


def recipients_of(to: Sequence[str], case: Case) -> tuple[str, ...]:
    """Return who is told: for `owner` the case's, or the team of a case without one; otherwise a role."""
    owner = case.owner or f"team:{case.team}"
    return tuple(owner if each == "owner" else f"role:{each}" for each in to)
