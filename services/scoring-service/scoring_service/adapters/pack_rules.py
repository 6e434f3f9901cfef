"""The RFM rules of an industry pack."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from guanxi_kit.packs import Pack, Tier
from guanxi_kit.packs.scores import SilenceSettings
from scoring_service.domain.rfm import RfmRules, TierRule
from scoring_service.domain.risk import RiskRules
from scoring_service.domain.silence import SilenceRules


def rfm_rules(pack: Pack) -> RfmRules:
    """Return the rules that a pack declares; amounts count in its default currency."""
    rfm = pack.scores.rfm
    return RfmRules(
        recency_days=rfm.recency_days,
        frequency_purchases=rfm.frequency_purchases,
        monetary_quantiles=rfm.monetary_quantiles,
        tiers=tuple(_tier_rule(tier) for tier in rfm.tiers),
        without_purchase=rfm.without_purchase,
        currency=pack.events.default_currency,
        risk=_risk_rules(pack),
    )


def _risk_rules(pack: Pack) -> RiskRules | None:
    risk = pack.scores.risk
    if risk is None:
        return None
    return RiskRules(
        points=tuple(sorted(risk.points.items())),
        recent=timedelta(days=risk.recent_days),
        elevated=risk.elevated,
        high=risk.high,
        silence=_silence_rules(risk.silence) if "silence" in risk.points else None,
    )


def _silence_rules(silence: SilenceSettings) -> SilenceRules:
    return SilenceRules(Fraction(str(silence.times)), silence.days)


def _tier_rule(tier: Tier) -> TierRule:
    when = tier.when
    if when.monetary_top_share is not None:
        return TierRule(tier.name, "top_share", when.monetary_top_share)
    if when.no_purchase_days is not None:
        return TierRule(tier.name, "silent_days", when.no_purchase_days)
    if when.amount_rising_days is not None:
        return TierRule(tier.name, "rising_days", when.amount_rising_days)
    return TierRule(tier.name, "otherwise")
