"""Carrying commands out: one transaction each, again when another transaction was in the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import asyncpg
from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.masking import mask_content
from profile_service.api.state import ApiState, profile_state

TRIES = 8
State = Annotated[ApiState, Depends(profile_state)]
T = TypeVar("T")


class Reasoned(BaseModel):
    """Why somebody decides something; kept with the decision, addresses and telephone numbers masked."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500)]

    @property
    def kept_reason(self) -> str:
        """The reason as it may be stored in clear."""
        return str(mask_content(self.reason))


async def carry_out(state: ApiState, command: Callable[[StreamUnit], Awaitable[T]]) -> T:
    """Work a command in one transaction that publishes what it emits.

    A deadlock or a serialization failure undid all of it: then it is worked again. Anything else is raised.
    """
    for _ in range(TRIES - 1):
        try:
            async with state.command() as unit:
                return await command(unit)
        except asyncpg.TransactionRollbackError:
            continue
    async with state.command() as unit:
        return await command(unit)
