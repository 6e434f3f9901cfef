"""What the endpoints work with, put together by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from guanxi_kit.clock import Clock
from guanxi_kit.db import Database
from scoring_service.domain.rfm import RfmRules


@dataclass(frozen=True)
class ApiState:
    """Database, rules and clock of the API process."""

    database: Database
    rules: RfmRules
    clock: Clock


async def state_of(request: Request) -> ApiState:
    """FastAPI dependency: the state of this process."""
    state: ApiState = request.app.state.scoring
    return state
