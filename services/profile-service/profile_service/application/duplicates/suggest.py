"""Command: compare customers that changed with those who share a blocking key, and suggest the probable duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from profile_service.application.duplicates.ports import (
    Compare,
    DuplicateSuggestions,
    Found,
    Keys,
    Models,
    People,
)
from profile_service.domain.duplicates.comparisons import COMPARISONS
from profile_service.domain.duplicates.person import Person

MOST_OF_ONE = 10
"""Suggestions about one customer, the likeliest: a person can decide about no more."""

_FREQUENCY = {
    (comparison.field, level.name): level.frequency
    for comparison in COMPARISONS
    for level in comparison.levels
    if level.frequency
}


@dataclass(frozen=True, slots=True)
class SuggestDuplicates:
    """Looks at customers within one transaction."""

    people: People
    keys: Keys
    models: Models
    suggestions: DuplicateSuggestions
    compare: Compare

    async def __call__(self, customers: Collection[UUID], now: datetime) -> int:
        """Compare customers; ids of absorbed and erased ones will do. Return how many suggestions are open now."""
        standing = await self.people.read(customers)
        known_as = standing.known_as.union(customers)
        await self.keys.replace(standing.people, known_as)
        candidates = await self.keys.candidates(standing.people)
        others = {each for of in candidates.values() for each in of} - set(standing.people)
        people = standing.people | (await self.people.read(others)).people
        found = await self._score(_pairs(candidates, people), people)
        refused = await self.suggestions.ruled_out([(of.left, of.right) for of in found])
        found = [of for of in found if (of.left, of.right) not in refused]
        await self.suggestions.retire(known_as, found, now)
        return await self.suggestions.keep(found, now)

    async def _score(self, pairs: Iterable[tuple[UUID, UUID]], people: Mapping[UUID, Person]) -> list[Found]:
        model = await self.models.newest()
        compared = [(left, right, self.compare(people[left], people[right])) for left, right in pairs]
        agreed = {(left, right): values_agreed_on(levels, people[left]) for left, right, levels in compared}
        frequencies = await self.models.frequencies({v for of in agreed.values() for v in of.values()})
        found = []
        for left, right, levels in compared:
            shares = {field: frequencies[v] for field, v in agreed[left, right].items() if v in frequencies}
            score = model.score(levels, shares)
            if score.probability >= model.threshold:
                found.append(Found(left, right, levels, score))
        return _likeliest(found)


def values_agreed_on(levels: Mapping[str, str], person: Person) -> dict[str, tuple[str, str]]:
    """Return by field the (column, value) that two people have in common and whose frequency matters."""
    columns = {
        field: _FREQUENCY[field, level] for field, level in levels.items() if (field, level) in _FREQUENCY
    }
    return {field: (column, value) for field, column in columns.items() if (value := getattr(person, column))}


def _pairs(
    candidates: Mapping[UUID, Collection[UUID]], people: Mapping[UUID, Person]
) -> list[tuple[UUID, UUID]]:
    pairs = {
        (min(customer, other), max(customer, other))
        for customer, others in candidates.items()
        for other in others
        if other != customer and other in people
    }
    return sorted(pairs)


def _likeliest(found: list[Found]) -> list[Found]:
    """Keep for each customer the few suggestions that say most."""
    held: defaultdict[UUID, int] = defaultdict(int)
    kept = []
    for of in sorted(found, key=lambda of: (-of.score.probability, of.left, of.right)):
        if held[of.left] < MOST_OF_ONE and held[of.right] < MOST_OF_ONE:
            held[of.left] += 1
            held[of.right] += 1
            kept.append(of)
    return kept
