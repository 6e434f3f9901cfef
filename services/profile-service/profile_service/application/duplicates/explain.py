"""Query: why two customers were suggested as one, with what is known of both sides."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from guanxi_kit.masking import Shown
from profile_service.application.suggestions import NoSuchSuggestion, Suggestion, Suggestions
from profile_service.domain.duplicates.comparisons import UNKNOWN
from profile_service.domain.duplicates.words import LEVELS, Words, describe, explain_limit, summarise


class Told(NamedTuple):
    """What is compared of a customer, in clear: traits by name, identifiers as (type, value)."""

    traits: dict[str, Any]
    identifiers: list[tuple[str, str]]


class KnownPeople(Protocol):
    """What is stored of people whom a suggestion is about."""

    async def members(self, customers: Collection[UUID]) -> dict[UUID, list[UUID]]: ...
    async def told(self, members: Mapping[UUID, Collection[UUID]]) -> dict[UUID, Told]: ...


@dataclass(frozen=True, slots=True)
class FieldCompared:
    """One field of both sides as it may be shown. `weight`: bits of evidence against two strangers (negative: for
    two), `kin_weight`: against two people of one household. Fields that were not known on both sides have no level.
    """

    field: str
    level: str | None
    weight: float | None
    kin_weight: float | None
    words: Words | None
    left: dict[str, Any]
    right: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SuggestionExplained:
    """A suggestion with its evidence in words; one that a limit raised shows what is known of both, uncompared."""

    suggestion: Suggestion
    words: Words
    fields: list[FieldCompared]


class Explained(NamedTuple):
    """The answer and whose data is in it."""

    answer: SuggestionExplained
    people: list[UUID]


async def explain_suggestion(
    suggestion_id: UUID,
    suggestions: Suggestions,
    people: KnownPeople,
    traits_of: Mapping[str, Sequence[str]],
    show: Shown,
) -> Explained:
    """Return a suggestion with what was compared; `traits_of` names the traits of a field. Raises NoSuchSuggestion."""
    found = await suggestions.suggestion(suggestion_id)
    if found is None:
        raise NoSuchSuggestion(str(suggestion_id))
    ends = [found.left_profile_id, found.right_profile_id]
    members = await people.members([found.left_customer_id, found.right_customer_id])
    told = await people.told(members)
    nothing = Told({}, [])
    left, right = (
        told.get(customer, nothing) for customer in (found.left_customer_id, found.right_customer_id)
    )
    fields = [
        _compared(field, found.evidence.get(field), _shown(field, left, traits_of, show),
                  _shown(field, right, traits_of, show))
        for field in LEVELS
    ]  # fmt: skip
    fields = [each for each in fields if each.level or each.left or each.right]
    fields.sort(key=lambda each: -abs(each.weight or 0.0))
    words = summarise(found.score or 0.0) if found.source == "duplicate" else explain_limit(found.source)
    answer = SuggestionExplained(found, words, fields)
    return Explained(answer, [*ends, *(each for of in members.values() for each in of)])


def _compared(
    field: str, evidence: Mapping[str, Any] | None, left: dict[str, Any], right: dict[str, Any]
) -> FieldCompared:
    if evidence is None or evidence["level"] == UNKNOWN:
        return FieldCompared(field, None, None, None, None, left, right)
    level, weight, kin_weight = evidence["level"], evidence["weight"], evidence["kin_weight"]
    words = describe(field, level, weight, kin_weight)
    return FieldCompared(field, level, weight, kin_weight, words, left, right)


def _shown(field: str, told: Told, traits_of: Mapping[str, Sequence[str]], show: Shown) -> dict[str, Any]:
    values = {name: show.trait(name, told.traits[name]) for name in traits_of[field] if name in told.traits}
    held = [show.identifier(kind, value) for kind, value in told.identifiers if kind == field]
    return values | ({"identifiers": held} if held else {})
