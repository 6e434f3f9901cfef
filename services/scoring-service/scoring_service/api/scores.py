"""GET /v1/customers/{customer_id}/scores and GET /v1/tiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from guanxi_kit.audit import Reading, masked
from guanxi_kit.auth import require
from guanxi_kit.errors import Problem
from scoring_service.adapters.score_store import PostgresScoreStore
from scoring_service.api.schemas import (
    ReasonDocument,
    RfmDocument,
    RiskDocument,
    ScoresDocument,
    TiersDocument,
    WordsDocument,
)
from scoring_service.api.state import ApiState, state_of
from scoring_service.application.queries import ExplainedScore, explained_score, tier_counts
from scoring_service.domain.reasons import Reason
from scoring_service.domain.risk import Risk

router = APIRouter()
State = Annotated[ApiState, Depends(state_of)]


@router.get("/v1/customers/{customer_id}/scores", tags=["scores"])
async def read_scores(
    customer_id: UUID, state: State, reading: Annotated[Reading, masked("score.read", "scores")]
) -> ScoresDocument:
    """Return a customer's scores with their reasons, under the surviving id after a merge."""
    async with state.database.transaction(isolation="repeatable_read", readonly=True) as connection:
        reader = PostgresScoreStore(connection)
        found = await explained_score(reader, state.rules, customer_id, state.clock.now())
    if found is None:
        raise Problem(404, detail="No customer with this id has been scored.")
    await reading.of(found.people)
    current = found.score.customer_id
    return ScoresDocument(
        customer_id=current,
        redirected_from=customer_id if customer_id != current else None,
        rfm=_rfm(found, state.rules.currency),
        risk=None if found.risk is None else _risk(found.risk),
    )


@router.get("/v1/tiers", dependencies=[Depends(require("stats.read"))], tags=["scores"])
async def read_tiers(state: State) -> TiersDocument:
    """Return how many customers each tier has."""
    async with state.database.connection() as connection:
        counts = await tier_counts(PostgresScoreStore(connection))
    return TiersDocument(tiers=dict(counts), customers=sum(counts.values()))


async def fragments_of(request: Request, customer_id: UUID) -> list[UUID]:
    """Return the fragments of the customer that an id belongs to now."""
    async with (await state_of(request)).database.connection() as connection:
        reader = PostgresScoreStore(connection)
        return await reader.fragments_of(await reader.customer_of(customer_id) or customer_id)


def _rfm(found: ExplainedScore, currency: str) -> RfmDocument:
    score, features = found.score, found.features
    return RfmDocument(
        tier=score.classes.tier,
        recency=score.classes.recency,
        frequency=score.classes.frequency,
        monetary=score.classes.monetary,
        touchpoints=features.touchpoints,
        purchases=score.purchases,
        amount_minor=score.amount_minor,
        currency=currency,
        first_purchase_at=features.first_purchase_at,
        last_purchase_at=score.last_purchase_at,
        revision=score.revision,
        computed_at=score.computed_at,
        reasons=_reasons(found.reasons),
    )


def _risk(risk: Risk) -> RiskDocument:
    return RiskDocument(score=risk.score, level=risk.level, reasons=_reasons(risk.reasons))


def _reasons(reasons: Sequence[Reason]) -> list[ReasonDocument]:
    return [
        ReasonDocument(
            code=reason.code,
            figures=reason.figures,
            words=None if reason.words is None else WordsDocument(**reason.words._asdict()),
        )
        for reason in reasons
    ]
