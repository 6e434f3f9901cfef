"""The need log: what customers need, and why they do not get it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol
from uuid import UUID

from guanxi_kit.packs import NeedSettings
from interaction_service.application.counting import Counts, Place
from interaction_service.application.desk_faults import NoSuchCustomer
from interaction_service.application.request_ids import id_of_request

Kind = Literal["stated", "unmet"]
_NEEDS = UUID("8f0a5e2c-92d1-5c19-a4a7-3a5c7b1d60e2")


class NoSuchReason(Exception):
    """The pack declares reasons, and none of this name."""


class NoSuchScene(Exception):
    """The pack declares scenes, and none of this name."""


@dataclass(frozen=True, slots=True)
class LogNeed:
    """Command. `key` makes a repeat by the same actor the same need."""

    customer_id: UUID
    kind: Kind
    what: str
    scene: str
    reason: str | None
    actor: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """A need as it was logged, under the fragment `profile_id`; what the customer said is sealed."""

    need_id: UUID
    profile_id: UUID
    kind: Kind
    scene: str
    reason: str | None
    actor: str
    logged_at: datetime


class NeedStore(Protocol):
    """Reads and writes within one transaction."""

    async def is_known(self, profile_id: UUID) -> bool:
        """Tell whether anybody has this id."""
        ...

    async def add(self, need: Need, what: str) -> Need | None:
        """Write a need; return the one that is there already, if any."""
        ...


class NeedCounts(Protocol):
    """Counts for reports."""

    async def add(self, counts: Counts) -> None:
        """Add to the counts of days."""
        ...


class NeedLog:
    """Works within one transaction."""

    def __init__(
        self,
        store: NeedStore,
        tell: Callable[[Need, str], None],
        settings: NeedSettings,
        now: datetime,
        *,
        counts: NeedCounts,
        day: date,
    ) -> None:
        """`tell` puts a need on the customer's timeline; `day` is the one that it is counted on."""
        self._store = store
        self._tell = tell
        self._settings = settings
        self._now = now
        self._counts = counts
        self._day = day

    async def log(self, asked: LogNeed) -> Need:
        """Log a need, or return the one that the same request logged.

        Raises NoSuchCustomer, NoSuchReason, NoSuchScene.
        """
        _check(asked.reason, self._settings.reasons, NoSuchReason)
        _check(asked.scene, self._settings.scenes, NoSuchScene)
        if not await self._store.is_known(asked.customer_id):
            raise NoSuchCustomer
        need = Need(
            need_id=id_of_request(_NEEDS, asked.key, asked.actor, asked.customer_id),
            profile_id=asked.customer_id,
            kind=asked.kind,
            scene=asked.scene,
            reason=asked.reason,
            actor=asked.actor,
            logged_at=self._now,
        )
        standing = await self._store.add(need, asked.what)
        if standing is not None:
            return standing
        place = Place("need", self._day, need.kind, need.reason or "", need.scene)
        await self._counts.add(Counter([place]))
        self._tell(need, asked.what)
        return need


def _check(name: str | None, declared: Collection[str], refusal: type[Exception]) -> None:
    if name is not None and declared and name not in declared:
        raise refusal
