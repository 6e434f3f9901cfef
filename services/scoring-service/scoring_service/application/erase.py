"""Command: forget a person's figures and score."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from guanxi_contracts.privacy import ErasureRequestedV1
from scoring_service.application.ports import ScoreChange, ScoreStore
from scoring_service.application.rescore import rescore
from scoring_service.domain.rfm import RfmRules


class Erasure(Protocol):
    """Removes figures within one transaction."""

    async def alone(self) -> None: ...
    async def remove(self, request: ErasureRequestedV1) -> tuple[dict[str, int], set[UUID]]:
        """Remove the person's figures; return the rows removed by table, and whose scores rested on them."""
        ...


async def erase(
    request: ErasureRequestedV1,
    erasure: Erasure,
    store: ScoreStore,
    rules: RfmRules,
    *,
    now: datetime,
    publish: Callable[[ScoreChange], None],
) -> dict[str, int]:
    """Remove the figures and score anew without them, which removes the score and counts the tiers down."""
    await erasure.alone()
    erased, scored = await erasure.remove(request)
    if scored:
        changes = await rescore(store, rules, scored, now)
        erased["customer_score"] = len(scored) - len(changes)
        for change in changes:
            publish(change)
    return erased
