"""Traits: the value that was true last wins, whichever arrives last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Trait:
    """A value told about a person (`value` is JSON text), with its source and time."""

    profile_id: UUID
    name: str
    value: bytes
    channel: str
    occurred_at: datetime
    touchpoint_id: UUID

    @property
    def rank(self) -> tuple[datetime, UUID]:
        """Which of two values wins; the touchpoint decides between values of one moment."""
        return self.occurred_at, self.touchpoint_id


def winners(told: Iterable[Trait]) -> list[Trait]:
    """Return the winning trait of each fragment and name."""
    best: dict[tuple[UUID, str], Trait] = {}
    for trait in told:
        key = (trait.profile_id, trait.name)
        standing = best.get(key)
        if standing is None or standing.rank < trait.rank:
            best[key] = trait
    return list(best.values())
