"""Totals."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Depends

from guanxi_kit.auth import require
from profile_service.api.customers import State


@dataclass(frozen=True)
class Stats:
    """Exact totals at this moment."""

    customers: int
    fragments: int
    touchpoints: int
    merges: int


router = APIRouter(prefix="/v1", tags=["stats"])


@router.get("/stats", summary="Totals", dependencies=[Depends(require("stats.read"))])
async def get_stats(state: State) -> Stats:
    """How many customers, fragments, touchpoints and merges there are: exact, and summed from a few rows."""
    async with state.reads() as reads:
        return Stats(**(await reads.totals())._asdict())
