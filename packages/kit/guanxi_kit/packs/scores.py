"""Pack file `scores.yaml`: classes and tiers of the RFM score."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from guanxi_contracts.score import RfmTier
from guanxi_kit.packs.model import Ascending, Labels, PackModel

Days = Annotated[int, Field(ge=1, le=3660)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Points = Annotated[int, Field(ge=1, le=100)]
RiskSignal = Literal[
    "open_complaint", "overdue_case", "reopened_case", "recent_complaint", "low_answer", "silence"
]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class TierRule(PackModel):
    """When a customer with purchases belongs to a tier: exactly one of the conditions.

    `monetary_top_share`: among this share of customers with the highest amounts (0.2 = top 20 %).
    `no_purchase_days`: the last purchase is at least so many days ago.
    `amount_rising_days`: the amount of the last N days is higher than that of the N days before.
    `otherwise`: every customer whom no tier above took.
    """

    monetary_top_share: Share | None = None
    no_purchase_days: Days | None = None
    amount_rising_days: Days | None = None
    otherwise: Literal[True] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> TierRule:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one condition, found {', '.join(given) or 'none'}")
        return self


class Tier(PackModel):
    """One tier with its labels and the condition for it."""

    name: RfmTier
    labels: Labels
    when: TierRule


class RfmSettings(PackModel):
    """How recency, frequency and monetary value become classes 1 (worst) to 5 (best), and a tier.

    `recency_days`: at most the first = class 5, at most the second = 4, ... more than the last = 1.
    `frequency_purchases`: fewer than the first = class 1, at least the first = 2, ... at least the last = 5.
    `monetary_quantiles`: shares of the customers with purchases at which the next class begins; customers
    with equal amounts share a class, and an amount on a boundary belongs to the higher class.
    `tiers`: the first whose condition holds wins. `without_purchase`: the tier of all who never bought.
    """

    recency_days: Annotated[tuple[Days, Days, Days, Days], Ascending]
    frequency_purchases: Annotated[tuple[Count, Count, Count, Count], Ascending]
    monetary_quantiles: Annotated[tuple[Share, Share, Share, Share], Ascending]
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    without_purchase: RfmTier

    @field_validator("tiers")
    @classmethod
    def _precedence_is_complete(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        names = [tier.name for tier in tiers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is declared more than once")
        if [tier.name for tier in tiers if tier.when.otherwise] != names[-1:]:
            raise ValueError("the last tier, and only the last, must be `otherwise: true`")
        return tiers

    @model_validator(mode="after")
    def _tiers_exist(self) -> RfmSettings:
        if self.without_purchase not in {tier.name for tier in self.tiers}:
            raise ValueError(f"without_purchase names {self.without_purchase}, which is not among the tiers")
        return self


class SilenceSettings(PackModel):
    """When a customer counts as silent: not heard of for more than `times` the customer's own usual interval.

    Who was heard of on fewer than four days has none. `days`: the longest for anybody; without it there is no such
    limit.
    """

    times: Annotated[float, Field(gt=1, le=100)] = 2
    days: Days | None = None


class RiskAlert(PackModel):
    """Who of the staff hears when a customer of these tiers comes to the high level."""

    tiers: Annotated[tuple[RfmTier, ...], Field(min_length=1)]
    to: Annotated[tuple[Literal["team_lead", "manager"], ...], Field(min_length=1)]


class RiskSettings(PackModel):
    """The risk of losing a customer: points that add up to 100 at most.

    `points`: of every open complaint, open case with a promise broken, open case that was reopened, and once, for
    `recent_days`, of a complaint that is settled and of a low answer to a survey that no better one came after; of
    `silence` as long as it lasts. `elevated` and `high`: the points from which these levels hold.
    """

    points: dict[RiskSignal, Points]
    recent_days: Days
    silence: SilenceSettings = SilenceSettings()
    elevated: Points
    high: Points
    alert: RiskAlert | None = None

    @model_validator(mode="after")
    def _levels_rise(self) -> RiskSettings:
        if self.elevated >= self.high:
            raise ValueError("elevated must be below high")
        return self


class ScoreSettings(PackModel):
    """All scores of a pack; the risk is optional."""

    rfm: RfmSettings
    risk: RiskSettings | None = None
