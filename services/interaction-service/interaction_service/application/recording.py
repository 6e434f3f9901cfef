"""Records resolved touchpoints in the timeline and keeps track of which fragment belongs to which customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from interaction_service.application.noticing import Noticed, Noticing
from interaction_service.application.ports import TimelineRow
from interaction_service.domain.months import month_of


@dataclass(frozen=True, slots=True)
class Belonging:
    """To which customer a fragment belongs, as of a version that grows with every change."""

    profile_id: UUID
    customer_id: UUID
    version: int


class MonthPartitions(Protocol):
    """Storage of the timeline by month."""

    async def ensure(self, months: Iterable[int]) -> None:
        """Have room for these months (see domain.months)."""
        ...


class TimelineWriter(Protocol):
    """Writes within one transaction."""

    async def add(self, rows: Sequence[TimelineRow]) -> None:
        """Add touchpoints; those already there stay as they are."""
        ...

    async def notice(self, noticed: Noticed) -> None:
        """Add to the indexes; a moment that is there already stays as it is."""
        ...

    async def place(self, belongings: Sequence[Belonging], months: Sequence[tuple[UUID, int]]) -> None:
        """Remember where fragments belong, unless a newer version is known, and in which months they occur."""
        ...


@dataclass(frozen=True, slots=True)
class RecordTouchpoints:
    """Command: these touchpoints belong to these fragments and customers."""

    rows: Sequence[TimelineRow]
    belongings: Sequence[Belonging]


@dataclass(frozen=True, slots=True)
class MoveFragments:
    """Command: these fragments now belong to another customer."""

    belongings: Sequence[Belonging]


class Recording:
    """Handles both commands. Time plays no part: whatever the order, the newest version of a belonging stays."""

    def __init__(self, partitions: MonthPartitions, noticing: Noticing) -> None:
        self._partitions = partitions
        self._noticing = noticing

    async def record(self, command: RecordTouchpoints, writer: TimelineWriter) -> None:
        """Write touchpoints, belongings and what the indexes keep of them."""
        months = {(row.profile_id, month_of(row.occurred_at)) for row in command.rows}
        await self._partitions.ensure({month for _, month in months})
        await writer.place(_newest(command.belongings), sorted(months))
        await writer.add(sorted(command.rows, key=_place))
        await writer.notice(self._noticing.look_at(command.rows))

    async def move(self, command: MoveFragments, writer: TimelineWriter) -> None:
        """Write belongings."""
        await writer.place(_newest(command.belongings), [])


def _newest(belongings: Iterable[Belonging]) -> list[Belonging]:
    """Return one belonging a fragment, sorted, so that concurrent transactions lock in one order."""
    newest: dict[UUID, Belonging] = {}
    for belonging in belongings:
        known = newest.get(belonging.profile_id)
        if known is None or known.version < belonging.version:
            newest[belonging.profile_id] = belonging
    return sorted(newest.values(), key=lambda belonging: belonging.profile_id)


def _place(row: TimelineRow) -> tuple[UUID, datetime]:
    return row.profile_id, row.occurred_at
