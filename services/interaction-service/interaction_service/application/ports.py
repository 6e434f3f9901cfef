"""What the application needs of the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from interaction_service.domain.page import Place
from interaction_service.domain.timeline_filter import TimelineFilter, Window


@dataclass(frozen=True, slots=True)
class Channel:
    """A source of touchpoints. `channel_id` goes into every touchpoint's id; `name` is what people see."""

    channel_id: str
    name: str
    kind: str


class Unavailable(Exception):
    """The touchpoints could not be taken now; the sender should try again."""


class TouchpointLog(Protocol):
    """Makes accepted touchpoints durable."""

    async def append(self, touchpoints: Sequence[TouchpointReceivedV1]) -> None:
        """Return once all are durable. Raises Unavailable; then any number of them may be."""
        ...


class Channels(Protocol):
    """Finds channels by write key."""

    async def find(self, write_key: str) -> Channel | None:
        """Return the enabled channel of a key. Raises Unavailable when that cannot be told now."""
        ...


class TimelineRow(NamedTuple):
    """A touchpoint as stored."""

    touchpoint_id: UUID
    profile_id: UUID
    occurred_at: datetime
    received_at: datetime
    channel: str
    kind: str
    name: str | None
    amount_minor: int | None
    currency: str | None
    quantity: int | None
    sealed: bytes


class Spot(NamedTuple):
    """Where a touchpoint is stored."""

    profile_id: UUID
    occurred_at: datetime
    touchpoint_id: UUID


class Found(NamedTuple):
    """Where what was looked for is stored, newest first, and how far was looked; None: to the end."""

    spots: Sequence[Spot]
    until: Place | None


@dataclass(frozen=True, slots=True)
class MomentNames:
    """The key moments of a pack, and those of which only a customer's earliest counts."""

    all: Sequence[str] = ()
    first: Sequence[str] = ()


class KeyMoment(NamedTuple):
    """A key moment that a customer had, and its first and last touchpoint."""

    name: str
    first: Spot
    last: Spot


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment of a customer and the months (see domain.months) in which it has touchpoints."""

    profile_id: UUID
    customer_id: UUID
    months: Sequence[int]


class Scanned(NamedTuple):
    """The wanted touchpoints among so many that were looked at, newest first, and the place of the last of those."""

    rows: Sequence[TimelineRow]
    looked_at: int
    until: Place | None


class Timelines(Protocol):
    """Reads timelines."""

    async def fragments(self, customer_id: UUID) -> Sequence[Fragment]:
        """Return the fragments of the customer that `customer_id` is or was merged into; empty if unknown."""
        ...

    async def page(
        self,
        profile_ids: Sequence[UUID],
        window: Window,
        after: Place | None,
        only: TimelineFilter,
        limit: int,
    ) -> Scanned:
        """Look at `limit` touchpoints at most within the half-open window and behind `after`, newest first."""
        ...

    async def at(self, spots: Sequence[Spot]) -> Sequence[TimelineRow]:
        """Return the touchpoints stored there, newest first."""
        ...

    async def search(
        self,
        asked: Sequence[tuple[UUID, Sequence[int]]],
        window: Window,
        after: Place | None,
        limit: int,
    ) -> Found:
        """Return the touchpoints of fragments whose text has the words asked of it; as many words of each fragment.

        Looks at `limit` texts at most, within the half-open window and behind `after`.
        """
        ...

    async def moments(
        self, people: Sequence[UUID], names: MomentNames, window: Window, after: Place | None, limit: int
    ) -> Found:
        """Return at most `limit` touchpoints of all of a customer's fragments that are key moments, behind `after`."""
        ...

    async def marks(
        self, people: Sequence[UUID], names: MomentNames, window: Window
    ) -> Mapping[UUID, Sequence[str]]:
        """Return the key moments among a customer's touchpoints of a window, its end included, by touchpoint."""
        ...

    async def ends(self, people: Sequence[UUID], names: MomentNames) -> Sequence[KeyMoment]:
        """Return the key moments that a customer had."""
        ...
