"""What the case desk needs of the outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from interaction_service.domain.case_clocks import Clock, Rung
from interaction_service.domain.cases import Case, Category, Kind, Priority, Verb
from interaction_service.domain.clocks import ClockEvent, ClockState, Policy


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry of a case's history. `said` is free text and the like, to be sealed; `detail` names no person.

    `number` counts the entries of a case from 1; `repeat_key` recognises a repeat. `gave_to` is to hear that the case
    was given to them.
    """

    case_id: UUID
    number: int
    verb: Verb
    at: datetime
    actor: str
    detail: Mapping[str, Any]
    said: Mapping[str, Any] | None = None
    repeat_key: bytes | None = None
    gave_to: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a clock of a case: its events, and the levels of the alarms that it raised."""

    case_id: UUID
    cycle: int
    clock: Clock
    number: int
    events: tuple[ClockEvent, ...]
    raised: frozenset[str] = frozenset()

    @property
    def is_stopped(self) -> bool:
        """Whether it has ended for good."""
        return self.events[-1].kind == "stop"


@dataclass(frozen=True, slots=True)
class Derived:
    """A run and what follows from its events."""

    run: Run
    state: ClockState


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm that is raised."""

    run: Run
    level: str
    due_at: datetime
    raised_at: datetime
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookAgain:
    """When a run of a clock is to be looked at next; None: never."""

    run: Run
    at: datetime | None


class NoSuchCause(Exception):
    """The pack declares causes, and none of this name."""


class CauseRule(NamedTuple):
    """Where a cause lies, and how urgent a case is that names it unless somebody says otherwise."""

    category: Category
    priority: Priority


class CaseRules(Protocol):
    """The promises and causes of a pack."""

    @property
    def warn(self) -> Sequence[int]:
        """Percents of a clock's time at which its owner is warned."""
        ...

    @property
    def ladder(self) -> Sequence[Rung]:
        """Who is told when a clock has run out."""
        ...

    @property
    def default_team(self) -> str:
        """The team of cases that name none."""
        ...

    @property
    def teams(self) -> Collection[str]:
        """Teams that cases may be given to."""
        ...

    def cause(self, name: str) -> CauseRule | None:
        """Return what is declared of a cause; None where the pack declares none at all. Raises NoSuchCause."""
        ...

    def policy_of(self, clock: Clock, kind: Kind, priority: Priority, team: str) -> Policy | None:
        """Return what holds for a clock of such a case; None where there is no such promise."""
        ...


class CaseStore(Protocol):
    """Reads and writes within one transaction."""

    async def customers_of(self, profile_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
        """Return the customer that each of these fragments belongs to now; unknown ones are absent."""
        ...

    async def next_number(self, at: datetime) -> str:
        """Return the number of the next case of a day."""
        ...

    async def hold(self, case_ids: Collection[UUID]) -> Mapping[UUID, Case]:
        """Return cases, locked until the transaction ends; unknown ones are absent."""
        ...

    async def is_repeat(self, case_id: UUID, repeat_key: bytes) -> bool:
        """Tell whether the case's history has an entry of this key."""
        ...

    async def has_links(self, case_id: UUID) -> bool:
        """Tell whether other cases are linked to this one."""
        ...

    async def runs(self, case_ids: Collection[UUID]) -> Sequence[Run]:
        """Return the newest run of each clock in the present cycle of each case."""
        ...

    async def add(self, case: Case, said: Mapping[str, Any]) -> None:
        """Write a new case."""
        ...

    async def save(self, cases: Sequence[Case], now: datetime) -> None:
        """Write how cases stand now."""
        ...

    async def add_happening(self, happening: Happening) -> None:
        """Append to a case's history."""
        ...

    async def add_clock_events(self, added: Sequence[tuple[Run, int]]) -> None:
        """Append the events of each run from this place on."""
        ...

    async def keep_clocks(self, derived: Sequence[Derived]) -> None:
        """Write what follows from the events of runs."""
        ...

    async def add_alarms(self, alarms: Sequence[Raised]) -> None:
        """Note that alarms were raised."""
        ...

    async def look_again(self, looks: Sequence[LookAgain]) -> None:
        """Set the timers of runs."""
        ...


class CaseNews(Protocol):
    """Publishes when the transaction commits."""

    def changed(self, case: Case, customer_id: UUID, what: Sequence[str], gave_to: str | None = None) -> None:
        """Tell that a case changed, and who is to hear that it was given to them."""
        ...

    def alarm(self, case: Case, customer_id: UUID, raised: Raised) -> None:
        """Tell that a clock raised an alarm."""
        ...

    def happened(self, case: Case, happening: Happening, said: Mapping[str, Any] | None) -> None:
        """Put a happening on the customer's timeline, if it belongs there, with what was said."""
        ...


class CaseCounts(Protocol):
    """Counts for reports, in the transaction of what is counted."""

    async def cases(self, case_ids: Collection[UUID]) -> None:
        """Count these cases as they stand now, in place of what was counted of them before."""
        ...

    async def responded(self, case: Case, actor: str, seconds: float, at: datetime) -> None:
        """Count the first response to a case; `seconds` of its clock's time were used."""
        ...


class CaseFollower(Protocol):
    """Does what follows from a happening of a case, in its transaction, while the case is locked."""

    async def happened(self, case: Case, happening: Happening) -> None:
        """Follow up on a case as it stands now."""
        ...
