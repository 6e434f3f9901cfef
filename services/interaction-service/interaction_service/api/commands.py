"""Commands of staff: one transaction each, which publishes what it emits when it commits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from guanxi_kit.clock import Clock
from guanxi_kit.consumer.relay import Relay
from guanxi_kit.consumer.unit import StreamUnit, stream_unit
from guanxi_kit.db import Database
from guanxi_kit.erasure import hold_off_erasures

COMMANDS = "interaction.commands"
"""The outbox stream of what staff do through the API."""
TRIES = 8
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Commands:
    """What commands need; `relay` must serve the stream."""

    database: Database
    relay: Relay
    clock: Clock

    async def carry_out(self, command: Callable[[StreamUnit], Awaitable[T]]) -> T:
        """Work a command; nobody is erased meanwhile. Again when another transaction was in its way."""
        for _ in range(TRIES - 1):
            try:
                return await self._once(command)
            except asyncpg.TransactionRollbackError:
                continue
        return await self._once(command)

    async def _once(self, command: Callable[[StreamUnit], Awaitable[T]]) -> T:
        async with stream_unit(self.database, self.relay, COMMANDS, self.clock) as unit:
            await hold_off_erasures(unit.connection)
            return await command(unit)
