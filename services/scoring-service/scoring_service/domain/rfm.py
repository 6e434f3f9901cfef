"""RFM: classes of recency, frequency and monetary value, the tier they give, and why.

Recency counts whole elapsed days (24 hours each, whatever the zone) between the last purchase and the moment of
scoring. Business time is the time a touchpoint occurred, as its channel told it, corrected for clock skew.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal, NamedTuple

from scoring_service.domain.features import BUCKET, Features, bucket_of, bucket_start
from scoring_service.domain.reasons import Reason
from scoring_service.domain.risk import RiskRules, risk_review

Tier = Literal["high_value", "potential", "ordinary", "dormant"]
TIERS: tuple[Tier, ...] = ("high_value", "potential", "ordinary", "dormant")
UNKNOWN_MONETARY = 3
_DAY = timedelta(days=1)

Condition = Literal["top_share", "silent_days", "rising_days", "otherwise"]


@dataclass(frozen=True, slots=True)
class TierRule:
    """A tier and its condition on a customer with purchases.

    `top_share`: the amount is at or above the cut of the upper `value` share. `silent_days`: the last purchase is
    at least `value` days ago. `rising_days`: more was spent in the last `value` days than in as many before.
    """

    tier: Tier
    condition: Condition
    value: float = 0


@dataclass(frozen=True)
class RfmRules:
    """Thresholds of the classes and the tiers in order of precedence; `currency` is the one amounts count in.

    `risk` are the rules of the risk that is told with the score; a pack may declare none.
    """

    recency_days: tuple[int, ...]
    frequency_purchases: tuple[int, ...]
    monetary_quantiles: tuple[float, ...]
    tiers: tuple[TierRule, ...]
    without_purchase: Tier
    currency: str
    risk: RiskRules | None = None

    @cached_property
    def steps(self) -> list[timedelta]:
        """Ages of the last purchase at which a recency class ends or silence begins, rising."""
        classes = [(days + 1) * _DAY for days in self.recency_days]
        return sorted(classes + [rule.value * _DAY for rule in self.tiers if rule.condition == "silent_days"])

    @cached_property
    def quantiles(self) -> tuple[float, ...]:
        """All quantiles whose cuts are needed: those of the classes, then those of the tiers."""
        shares = [rule.value for rule in self.tiers if rule.condition == "top_share"]
        return (*self.monetary_quantiles, *(float(1 - Decimal(str(share))) for share in shares))


@dataclass(frozen=True, slots=True)
class Cuts:
    """Amounts at the rules' quantiles, in the order of `RfmRules.quantiles`, over the customers with purchases.

    A customer at a cut counts as above it. So equal amounts always share a class, on whichever side most of a tie
    lies, and the upper share may be larger than declared when many tie at its cut.
    """

    version: int
    amounts: tuple[int, ...]


class Classes(NamedTuple):
    """Tier and classes 1 (worst) to 5 (best); all 0 without a purchase."""

    tier: Tier
    recency: int
    frequency: int
    monetary: int


def cut_ranks(population: int, quantiles: Sequence[float]) -> list[int]:
    """Rank from 0, by rising amount, of the customer whose amount is the cut of each quantile.

    Exactly `population * (1 - quantile)` customers, rounded up, stand at or above it when no amounts are equal.
    """
    return [min(int(Decimal(str(quantile)) * population), population - 1) for quantile in quantiles]


def classify(features: Features, rules: RfmRules, cuts: Cuts | None, now: datetime) -> Classes:
    """Tier and classes at `now`. Without cuts the monetary class is the middle one and no top share is met."""
    if features.last_purchase_at is None:
        return Classes(rules.without_purchase, 0, 0, 0)
    days = (now - features.last_purchase_at) // _DAY
    recency = 5 - bisect_left(rules.recency_days, days)
    frequency = 1 + bisect_right(rules.frequency_purchases, features.purchases)
    monetary = UNKNOWN_MONETARY
    if cuts is not None:
        monetary = 1 + sum(
            features.amount_minor >= cut for cut in cuts.amounts[: len(rules.monetary_quantiles)]
        )
    return Classes(_tier(features, rules, cuts, now, days), recency, frequency, monetary)


def _tier(features: Features, rules: RfmRules, cuts: Cuts | None, now: datetime, days: int) -> Tier:
    shares_seen = 0
    for rule in rules.tiers:
        match rule.condition:
            case "top_share":
                cut = cuts.amounts[len(rules.monetary_quantiles) + shares_seen] if cuts is not None else None
                shares_seen += 1
                holds = cut is not None and features.amount_minor >= cut
            case "silent_days":
                holds = days >= rule.value
            case "rising_days":
                recent, before = amounts_around(features, int(rule.value), bucket_of(now))
                holds = recent > before
            case "otherwise":
                holds = True
        if holds:
            return rule.tier
    raise ValueError("no tier is declared `otherwise`")


def amounts_around(features: Features, days: int, bucket: int) -> tuple[int, int]:
    """Amounts of the period that ends with `bucket`, and of the one before it, each of `days` in whole buckets."""
    span = max(1, round(days / BUCKET.days))
    recent = before = 0
    for at, amount in features.amounts.items():
        if bucket - span < at <= bucket:
            recent += amount
        elif bucket - 2 * span < at <= bucket - span:
            before += amount
    return recent, before


def next_review(features: Features, rules: RfmRules, now: datetime) -> datetime | None:
    """First moment after `now` at which time alone may change a class, the tier or the risk; None: it never will."""
    settled = risk_review(features, rules.risk, now) if rules.risk else None
    reviews = [at for at in (_purchase_review(features, rules, now), settled) if at is not None]
    return min(reviews, default=None)


def _purchase_review(features: Features, rules: RfmRules, now: datetime) -> datetime | None:
    last = features.last_purchase_at
    if last is None:
        return None
    step = bisect_right(rules.steps, now - last)
    review = last + rules.steps[step] if step < len(rules.steps) else None
    for rule in rules.tiers:
        if rule.condition == "rising_days":
            turn = _next_turn(features, int(rule.value), now)
            if turn is not None and (review is None or turn < review):
                review = turn
    return review


def _next_turn(features: Features, days: int, now: datetime) -> datetime | None:
    """Next start of a bucket at which "rising" turns into its opposite."""
    current = bucket_of(now)
    latest = max(features.amounts, default=current)
    span = max(1, round(days / BUCKET.days))
    recent, before = amounts_around(features, days, current)
    rising = recent > before
    for bucket in range(current + 1, min(latest, current + 2 * span) + 2 * span + 1):
        recent, before = amounts_around(features, days, bucket)
        if (recent > before) != rising:
            return bucket_start(bucket)
    return None


def explain(
    features: Features, classes: Classes, rules: RfmRules, cuts: Cuts | None, now: datetime
) -> list[Reason]:
    """Why the classes and the tier are what they are, tier first; codes are stable, figures are its evidence."""
    if features.last_purchase_at is None:
        return [Reason("no_purchase", {})]
    days = (now - features.last_purchase_at) // _DAY
    reasons = [_tier_reason(features, classes.tier, rules, cuts, now)]
    reasons.append(Reason("recency", {"class": classes.recency, "days_since_purchase": days}))
    reasons.append(Reason("frequency", {"class": classes.frequency, "purchases": features.purchases}))
    money: dict[str, float | int | str] = {
        "class": classes.monetary,
        "amount_minor": features.amount_minor,
        "currency": rules.currency,
    }
    if cuts is not None and classes.monetary > 1:
        money["cut_minor"] = cuts.amounts[classes.monetary - 2]
    reasons.append(Reason("monetary" if cuts is not None else "monetary_not_ranked_yet", money))
    if features.foreign_purchases:
        reasons.append(Reason("other_currencies_left_out", {"purchases": features.foreign_purchases}))
    return reasons


def _tier_reason(features: Features, tier: Tier, rules: RfmRules, cuts: Cuts | None, now: datetime) -> Reason:
    shares = [rule for rule in rules.tiers if rule.condition == "top_share"]
    rule = next(rule for rule in rules.tiers if rule.tier == tier)
    match rule.condition:
        case "top_share" if cuts is not None:
            cut = cuts.amounts[len(rules.monetary_quantiles) + shares.index(rule)]
            return Reason(
                "top_share", {"share": rule.value, "cut_minor": cut, "amount_minor": features.amount_minor}
            )
        case "silent_days":
            return Reason("no_purchase_for_days", {"days": int(rule.value)})
        case "rising_days":
            recent, before = amounts_around(features, int(rule.value), bucket_of(now))
            return Reason(
                "amount_rising", {"days": int(rule.value), "recent_minor": recent, "before_minor": before}
            )
        case _:
            return Reason("no_other_tier", {})
