"""Score changes as events of the catalog."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from guanxi_contracts.catalog import SCORE_CHANGED_TOPIC
from guanxi_contracts.score import SCORE_CHANGED, ReasonWords, RiskScore, ScoreChangedV1, ScoreReason
from guanxi_kit.consumer import Cause
from guanxi_kit.consumer.unit import Outbox
from scoring_service.application.ports import ScoreChange
from scoring_service.domain.reasons import Reason
from scoring_service.domain.risk import Risk

SOURCE = "scoring-service"
TOPIC = SCORE_CHANGED_TOPIC.name


def encode(change: ScoreChange) -> bytes:
    """Return the encoded `score.changed` event; its id names the customer and the revision."""
    score = change.score
    return SCORE_CHANGED.encode(
        ScoreChangedV1(
            customer_id=score.customer_id,
            revision=score.revision,
            tier=score.classes.tier,
            previous_tier=change.previous_tier,
            recency=score.classes.recency,
            frequency=score.classes.frequency,
            monetary=score.classes.monetary,
            purchases=score.purchases,
            amount_minor=score.amount_minor,
            last_purchase_at=score.last_purchase_at,
            computed_at=score.computed_at,
            reasons=_reasons(change.reasons),
            risk=None if change.risk is None else _risk(change.risk),
        ),
        id=f"{score.customer_id}:{score.revision}",
        source=SOURCE,
        time=score.computed_at,
        subject=str(score.customer_id),
    )


def _risk(risk: Risk) -> RiskScore:
    return RiskScore(score=risk.score, level=risk.level, reasons=_reasons(risk.reasons))


def _reasons(reasons: Sequence[Reason]) -> list[ScoreReason]:
    return [
        ScoreReason(reason.code, reason.figures, None if reason.words is None else ReasonWords(*reason.words))
        for reason in reasons
    ]


def publish_to(outbox: Outbox) -> Callable[[Cause, ScoreChange], None]:
    """Return what announces score changes with the transaction of this outbox."""

    def publish(cause: Cause, change: ScoreChange) -> None:
        outbox.add(cause, TOPIC, change.score.customer_id.bytes, encode(change))

    return publish
