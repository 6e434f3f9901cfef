"""The life of a case: which step is possible when, where it leads, and what it means for the clocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

Kind = Literal["enquiry", "complaint", "request"]
Category = Literal["product", "service", "communication"]
Priority = Literal["normal", "high", "urgent"]
Source = Literal["staff", "channel", "survey", "rule"]
State = Literal[
    "received",
    "responded",
    "in_progress",
    "waiting_for_customer",
    "solved",
    "confirmed",
    "reviewed",
    "reopened",
]
Verb = Literal[
    "opened",
    "responded",
    "planned",
    "updated",
    "noted",
    "asked",
    "answered",
    "assigned",
    "prioritised",
    "categorised",
    "linked",
    "participant_added",
    "participant_removed",
    "attached",
    "solved",
    "confirmed",
    "reviewed",
    "reopened",
    "unlinked",
    "reclassified",
]
"""What happened, as the case's history and its events call it."""

STATES: tuple[State, ...] = get_args(State)
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""Rising."""
CLOSED: frozenset[State] = frozenset(("solved", "confirmed", "reviewed"))
OPEN: frozenset[State] = frozenset(STATES) - CLOSED
TO_CUSTOMER: frozenset[Verb] = frozenset(("responded", "planned", "updated", "asked", "solved"))
"""What the customer is told: these alone restart the clock of progress and stop that of the first response."""
VISIBLE = TO_CUSTOMER | {"opened", "answered", "confirmed", "reopened"}


class NotNow(Exception):
    """The step is not possible as the case stands; the message says why and names no person."""


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who takes part, by subject, and as what."""

    subject: str
    role: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it stands.

    `profile_id` is the fragment it is kept under; `cycle` counts solutions tried, from 1. From its clocks follow the
    promise that is due next, and the clocks of this cycle that ran out.
    """

    case_id: UUID
    number: str
    profile_id: UUID
    kind: Kind
    priority: Priority
    team: str
    source: Source
    opened_at: datetime
    category: Category | None = None
    cause: str | None = None
    state: State = "received"
    owner: str | None = None
    duplicate_of: UUID | None = None
    closed_at: datetime | None = None
    participants: tuple[Participant, ...] = ()
    cycle: int = 1
    version: int = 1
    next_due_at: datetime | None = None
    next_clock: str | None = None
    breached: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether something is still owed to the customer here; of duplicates the case they are linked to owes it."""
        return self.state in OPEN and self.duplicate_of is None


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody does to a case; `changes` are new values of its fields."""

    verb: Verb
    changes: Mapping[str, object] = field(default_factory=dict)


_ACTIVE = OPEN - {"waiting_for_customer"}
_ALLOWED: Mapping[Verb, frozenset[State]] = {
    "responded": frozenset(("received",)),
    "planned": OPEN,
    "updated": OPEN,
    "asked": OPEN,
    "solved": OPEN,
    "confirmed": frozenset(("solved",)),
    "reviewed": frozenset(("confirmed",)),
    "reopened": frozenset(STATES),
    "prioritised": OPEN,
    "reclassified": OPEN,
    "linked": OPEN,
}
"""States in which a verb is possible; one that is not named here always is."""
_LEADS_TO: Mapping[Verb, State] = {
    "responded": "responded",
    "asked": "waiting_for_customer",
    "solved": "solved",
    "confirmed": "confirmed",
    "reviewed": "reviewed",
    "reopened": "reopened",
}
_WORKED_ON: Mapping[Verb, frozenset[State]] = {
    "planned": _ACTIVE,
    "updated": _ACTIVE,
    "answered": frozenset(("waiting_for_customer",)),
    "unlinked": frozenset(("waiting_for_customer",)),
}
"""Verbs that show that work goes on, and the states that they lead out of, into `in_progress`."""


def take(case: Case, step: Step, at: datetime) -> Case:
    """Return the case after a step. Raises NotNow.

    A word of the customer on a closed case (a "thank you") is recorded and reopens nothing.
    """
    verb = step.verb
    if case.duplicate_of is not None and verb not in _OF_LINKED:
        raise NotNow("is linked to another case, which is the one to work on")
    if case.state not in _ALLOWED.get(verb, frozenset(STATES)):
        raise NotNow(f"cannot be {_SAID.get(verb, verb)} while it is {case.state}")
    if verb == "reopened" and case.is_open:
        raise NotNow("is open")
    state = _LEADS_TO.get(verb, case.state)
    if case.state in _WORKED_ON.get(verb, frozenset()):
        state = "in_progress"
    after = replace(case, state=state, version=case.version + 1, **step.changes)  # type: ignore[arg-type]
    if verb == "solved":
        return _solved(after, at)
    if verb == "reopened":
        return replace(after, cycle=case.cycle + 1, closed_at=None, duplicate_of=None, breached=())
    if verb == "unlinked":
        return replace(after, closed_at=None, duplicate_of=None)
    return replace(after, closed_at=at) if verb == "linked" else after


_SAID: Mapping[Verb, str] = {
    "responded": "responded to",
    "asked": "asked about",
    "prioritised": "given a priority",
    "reclassified": "made one of another kind",
}
_OF_LINKED: frozenset[Verb] = frozenset(("noted", "answered", "reopened", "unlinked", "attached"))
"""What is possible with a case that is linked to another."""


def first_standing(case: Case) -> dict[str, str]:
    """Return what the history tells of a case that is opened."""
    told = {name: getattr(case, name) for name in ("source", *_RECORDED)}
    return {name: value for name, value in told.items() if value is not None}


def differences(before: Case, after: Case) -> dict[str, Any]:
    """Return what the history tells of a step: what the fields that changed are, and `was`, what they were."""
    names = [name for name in _RECORDED if getattr(before, name) != getattr(after, name)]
    if not names:
        return {}
    now, was = ({name: getattr(case, name) for name in names} for case in (after, before))
    return {**now, "was": was}


_RECORDED = ("kind", "priority", "category", "cause", "owner", "team")


def check_link(case: Case, other: Case, *, has_links: bool) -> None:
    """Raise NotNow where the other one could not take over what is owed in this case.

    `has_links`: other cases are linked to this one; whoever follows a link is to find the case that is worked on.
    """
    if other.case_id == case.case_id or other.duplicate_of is not None:
        raise NotNow("cannot be linked to itself, or to a case that is linked to another")
    if not other.is_open:
        raise NotNow("cannot be linked to a case that is closed: open that again first")
    if case.kind == "complaint" and other.kind != "complaint":
        raise NotNow("is a complaint and can be linked to a complaint only")
    if has_links:
        raise NotNow("is what other cases are linked to: link the other one to this")


def _solved(case: Case, at: datetime) -> Case:
    if case.kind == "complaint" and case.category is None:
        raise NotNow("is a complaint without a category: say where its cause lies")
    return replace(case, closed_at=at)
