"""Score events."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from guanxi_contracts.envelope import EventType, Instant

RiskLevel = Literal["low", "elevated", "high"]
RfmTier = Literal["high_value", "potential", "ordinary", "dormant"]


class ReasonWords(msgspec.Struct, frozen=True):
    """A reason in words, in Chinese and in English."""

    zh: str
    en: str


class ScoreReason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a score is what it is: a stable `code` for translation and the figures that go with it.

    `words` says it in Chinese and English, where it is a signal of the risk.
    """

    code: str
    figures: dict[str, float | int | str]
    words: ReasonWords | None = None


class RiskScore(msgspec.Struct, kw_only=True):
    """The risk of losing the customer, over what went wrong or by silence: points from 0 to 100, and why."""

    score: int
    level: RiskLevel
    reasons: list[ScoreReason]


class ScoreChangedV1(msgspec.Struct, kw_only=True):
    """The scores of a customer changed.

    `recency`, `frequency` and `monetary` are classes 1 (worst) to 5 (best), 0 without a purchase.
    `revision` grows with every change of this customer's score, so that a reader keeps the newest.
    `risk` is absent where the pack has no rules of it.
    """

    customer_id: UUID
    revision: int
    tier: RfmTier
    previous_tier: RfmTier | None
    recency: int
    frequency: int
    monetary: int
    purchases: int
    amount_minor: int
    last_purchase_at: Instant | None
    computed_at: Instant
    reasons: list[ScoreReason] = []
    risk: RiskScore | None = None


SCORE_CHANGED = EventType("guanxi.score.changed.v1", ScoreChangedV1)
