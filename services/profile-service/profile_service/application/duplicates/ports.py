"""What the search for duplicates needs of the outside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from profile_service.domain.duplicates.model import Model, Score
from profile_service.domain.duplicates.person import Person

Compare = Callable[[Person, Person], dict[str, str]]
"""Returns the level of agreement of every field."""


class Found(NamedTuple):
    """Two customers (`left` has the smaller id) who are probably one, with the level and score of every field."""

    left: UUID
    right: UUID
    levels: dict[str, str]
    score: Score


class Standing(NamedTuple):
    """Customers as they are now: a person for each, and all ids under which they may have been known."""

    people: dict[UUID, Person]
    known_as: set[UUID]


class People(Protocol):
    """Comparable people of stored customers."""

    async def read(self, customers: Collection[UUID]) -> Standing:
        """Return the individuals that these ids mean now; those without a name are left out."""
        ...


class Keys(Protocol):
    """Blocking keys of customers, under keyed hashes."""

    async def replace(self, people: Mapping[UUID, Person], known_as: Collection[UUID]) -> None:
        """Keep the keys of these people; what else is kept under these ids is forgotten."""
        ...

    async def candidates(self, people: Mapping[UUID, Person]) -> dict[UUID, set[UUID]]:
        """Return by customer who shares a key, without keys that too many share."""
        ...


class Models(Protocol):
    """Trained models and the frequencies that belong to them."""

    async def newest(self) -> Model:
        """Return the last trained model, or what is assumed before there is one."""
        ...

    async def frequencies(self, values: Collection[tuple[str, str]]) -> dict[tuple[str, str], float]:
        """Return the shares of people by (column, value); empty before anything was learnt."""
        ...


class DuplicateSuggestions(Protocol):
    """Suggestions of the source `duplicate`, inside one transaction."""

    async def ruled_out(self, pairs: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
        """Return pairs of whom a person said that they are two."""
        ...

    async def keep(self, found: Iterable[Found], now: datetime) -> int:
        """Store suggestions; those decided before stay as they are. Return how many are open now."""
        ...

    async def retire(self, customers: Collection[UUID], standing: Sequence[Found], now: datetime) -> None:
        """Make open suggestions about these customers obsolete, except those that stand."""
        ...
