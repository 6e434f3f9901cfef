"""score.changed: tell staff of valuable customers who may be lost."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from guanxi_contracts.catalog import SCORE_CHANGED_TOPIC
from guanxi_contracts.score import ScoreChangedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from guanxi_kit.packs import Pack
from guanxi_kit.packs.scores import RiskAlert
from notification_service.adapters.risk_alerts import AtRisk, keep_newly_at_risk
from notification_service.application.notice_ports import Directory
from notification_service.consumers.occasions import plan_occasions
from notification_service.domain.notices import Occasion


def subscription(pack: Pack, directory: Directory) -> Subscription:
    """Return the subscription; who hears of whom is what the pack says. Erased persons are left out."""
    alert = pack.scores.risk.alert if pack.scores.risk else None
    team = next(iter(pack.clocks.teams), "")

    async def handle(unit: Unit, received: Sequence[Received[ScoreChangedV1]]) -> None:
        if alert is None:
            return
        erased = await erased_among(unit.connection, {each.event.data.customer_id for each in received})
        newest: dict[UUID, ScoreChangedV1] = {}
        for each in received:
            score = each.event.data
            standing = newest.get(score.customer_id)
            if score.customer_id not in erased and (standing is None or standing.revision < score.revision):
                newest[score.customer_id] = score
        told = [AtRisk(one.customer_id, one.revision, _is_alarming(one, alert)) for one in newest.values()]
        found = await keep_newly_at_risk(unit.connection, told)
        occasions = [_occasion(newest[customer_id], alert, team) for customer_id in sorted(found)]
        await plan_occasions(unit, occasions, directory)

    return Subscription(SCORE_CHANGED_TOPIC.name, SCORE_CHANGED_TOPIC.decoders, handle)


def _is_alarming(score: ScoreChangedV1, alert: RiskAlert) -> bool:
    return score.risk is not None and score.risk.level == "high" and score.tier in alert.tiers


def _occasion(score: ScoreChangedV1, alert: RiskAlert, team: str) -> Occasion:
    return Occasion(
        identity=f"{score.customer_id}/churn/{score.revision}",
        template="churn_alert",
        profile_id=score.customer_id,
        team=team,
        happened_at=score.computed_at,
        recipients=tuple(f"role:{role}" for role in alert.to),
        told={"team": team, "score": str(score.risk.score if score.risk else 0)},
        customer_id=score.customer_id,
    )
