"""Cases and runs of clocks as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from interaction_service.application.case_ports import Run
from interaction_service.domain.cases import Case, Participant
from interaction_service.domain.clocks import ClockEvent, Policy


class PolicyBook(Protocol):
    """Writes policies with the names of their calendars, and reads them again."""

    def write(self, policy: Policy) -> dict[str, Any]: ...
    def read(self, document: Mapping[str, Any]) -> Policy: ...


def case_aad(case_id: UUID) -> bytes:
    """What binds what a case is about to the case."""
    return b"case\0" + case_id.bytes


def event_aad(case_id: UUID, seq: int) -> bytes:
    """What binds what was said to its place in the history of a case."""
    return b"case_event\0" + case_id.bytes + seq.to_bytes(4, "big")


def case_of(row: asyncpg.Record) -> Case:
    """Return the case of a row."""
    return Case(
        case_id=row["case_id"],
        number=row["number"],
        profile_id=row["profile_id"],
        kind=row["kind"],
        priority=row["priority"],
        team=row["team"],
        source=row["source"],
        opened_at=row["opened_at"],
        category=row["category"],
        cause=row["cause"],
        state=row["state"],
        owner=row["owner"],
        duplicate_of=row["duplicate_of"],
        closed_at=row["closed_at"],
        participants=tuple(Participant(one["subject"], one["role"]) for one in row["participants"]),
        cycle=row["cycle"],
        version=row["version"],
        next_due_at=row["next_due_at"],
        next_clock=row["next_clock"],
        breached=tuple(row["breached"]),
    )


def case_values(case: Case, changed_at: datetime) -> tuple[Any, ...]:
    """Return what may change of a case, in the order of its statements."""
    return (
        case.kind,
        case.category,
        case.cause,
        case.priority,
        case.state,
        case.is_open,
        case.owner,
        case.team,
        case.duplicate_of,
        [{"subject": one.subject, "role": one.role} for one in case.participants],
        case.closed_at,
        changed_at,
        case.cycle,
        case.version,
        case.next_due_at,
        case.next_clock,
        list(case.breached),
    )


def runs_of(rows: Sequence[asyncpg.Record], book: PolicyBook) -> list[Run]:
    """Return the runs of clocks whose events these rows are, in their order."""
    runs = []
    for key, events in groupby(
        rows, key=lambda row: (row["case_id"], row["cycle"], row["clock"], row["run"])
    ):
        of_run = list(events)
        happened = tuple(
            ClockEvent(row["kind"], row["at"], None if row["policy"] is None else book.read(row["policy"]))
            for row in of_run
        )
        runs.append(Run(*key, happened, frozenset(of_run[0]["raised"])))
    return runs


def timer_name(run: Run) -> str:
    """Return the name of a run's timer; its key is the case."""
    return f"{run.cycle}/{run.clock}/{run.number}"
