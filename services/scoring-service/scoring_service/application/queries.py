"""Reading scores and tiers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from scoring_service.application.ports import Score
from scoring_service.domain.features import Features
from scoring_service.domain.reasons import Reason
from scoring_service.domain.rfm import TIERS, Cuts, RfmRules, Tier, explain
from scoring_service.domain.risk import Risk, assess


class ScoreReader(Protocol):
    """Reads outside any batch."""

    async def customer_of(self, customer_id: UUID) -> UUID | None: ...
    async def read_score(self, customer_id: UUID) -> Score | None: ...
    async def features_of(self, customer_ids: list[UUID]) -> dict[UUID, Features]: ...
    async def current_cuts(self, rules: RfmRules) -> Cuts | None: ...
    async def fragments_of(self, customer_id: UUID) -> list[UUID]: ...
    async def read_tiers(self) -> dict[str, int]: ...


@dataclass(frozen=True, slots=True)
class ExplainedScore:
    """A score with the features behind it, the reasons, and the fragments that it is of."""

    score: Score
    features: Features
    reasons: list[Reason]
    people: list[UUID]
    risk: Risk | None


async def explained_score(
    reader: ScoreReader, rules: RfmRules, customer_id: UUID, now: datetime
) -> ExplainedScore | None:
    """Return the score of the customer that this id means today, or None for an id never heard of."""
    current = await reader.customer_of(customer_id) or customer_id
    score = await reader.read_score(current)
    if score is None:
        return None
    features = (await reader.features_of([current])).get(current, Features())
    reasons = explain(features, score.classes, rules, await reader.current_cuts(rules), now)
    risk = assess(features, rules.risk, now) if rules.risk else None
    return ExplainedScore(score, features, reasons, await reader.fragments_of(current), risk)


async def tier_counts(reader: ScoreReader) -> dict[Tier, int]:
    """Return the number of customers of every tier."""
    counted = await reader.read_tiers()
    return {tier: counted.get(tier, 0) for tier in TIERS}
