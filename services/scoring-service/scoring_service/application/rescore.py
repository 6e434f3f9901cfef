"""Scoring a set of customers anew inside one transaction, and counting the tiers along."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from scoring_service.application.ports import Score, ScoreChange, ScoreStore, TierChange
from scoring_service.domain.features import Features
from scoring_service.domain.rfm import Cuts, RfmRules, Tier, classify, explain, next_review
from scoring_service.domain.risk import Risk, assess

_BYTES = attrgetter("bytes")


async def rescore(
    store: ScoreStore,
    rules: RfmRules,
    customer_ids: Collection[UUID],
    now: datetime,
    *,
    announce: Collection[UUID] = (),
) -> list[ScoreChange]:
    """Lock the customers, score them from their features and return the changes, with those of `announce` anyway.

    A customer left without fragments loses the score: a merge has taken all of them to another one.
    """
    # By bytes, as PostgreSQL orders them; comparing UUID objects costs several times as much.
    ordered = sorted(customer_ids, key=_BYTES)
    if not ordered:
        return []
    before = await store.lock_scores(ordered)
    # Read after the locks are held: whoever changed these customers before has committed, fragments included.
    features = await store.features_of(ordered)
    scoring = _Scoring(rules, await store.hold_cuts(rules), now, await store.next_revision())
    fresh = {
        customer: scoring.score(customer, features[customer]) for customer in ordered if customer in features
    }
    changed = [s for c, s in fresh.items() if c in announce or _differs(before[c], s)]
    rescheduled = [
        replace(old, next_review_at=score.next_review_at)
        for customer, score in fresh.items()
        if (old := before[customer])
        and not _differs(old, score)
        and old.next_review_at != score.next_review_at
    ]
    await store.write_scores(sorted([*changed, *rescheduled], key=lambda score: score.customer_id.bytes))
    await store.remove_scores([customer for customer in ordered if customer not in features])
    await store.count_tiers(_tier_changes(before, fresh))
    return [
        scoring.change(score, before[score.customer_id], features[score.customer_id]) for score in changed
    ]


@dataclass(frozen=True)
class _Scoring:
    """What all customers of one transaction are scored by."""

    rules: RfmRules
    cuts: Cuts | None
    now: datetime
    revision: int

    def score(self, customer_id: UUID, features: Features) -> Score:
        risk = self.risk(features)
        return Score(
            customer_id=customer_id,
            classes=classify(features, self.rules, self.cuts, self.now),
            purchases=features.purchases,
            amount_minor=features.amount_minor,
            last_purchase_at=features.last_purchase_at,
            revision=self.revision,
            computed_at=self.now,
            next_review_at=next_review(features, self.rules, self.now),
            risk=risk.score if risk else 0,
            is_silent=risk is not None and risk.is_silent,
        )

    def risk(self, features: Features) -> Risk | None:
        return assess(features, self.rules.risk, self.now) if self.rules.risk else None

    def change(self, score: Score, old: Score | None, features: Features) -> ScoreChange:
        reasons = explain(features, score.classes, self.rules, self.cuts, self.now)
        return ScoreChange(score, old.classes.tier if old else None, reasons, self.risk(features))


def _differs(old: Score | None, new: Score) -> bool:
    return (
        old is None
        or old.classes != new.classes
        or old.amount_minor != new.amount_minor
        or old.purchases != new.purchases
        or old.last_purchase_at != new.last_purchase_at
        or old.risk != new.risk
        or old.is_silent != new.is_silent
    )


def _tier_changes(before: dict[UUID, Score | None], fresh: dict[UUID, Score]) -> dict[Tier, TierChange]:
    changes: defaultdict[Tier, TierChange] = defaultdict(TierChange)
    counted = [(score, 1) for score in fresh.values()] + [(old, -1) for old in before.values() if old]
    for score, sign in counted:
        change = changes[score.classes.tier]
        change.customers += sign
        change.buyers += sign if score.purchases else 0
        change.purchases += sign * score.purchases
    return {tier: change for tier, change in changes.items() if change != TierChange()}
