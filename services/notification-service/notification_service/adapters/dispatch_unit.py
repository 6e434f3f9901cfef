"""Transactions of the dispatch, with a stream of causes of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from guanxi_kit.clock import Clock
from guanxi_kit.consumer import Relay, stream_unit
from guanxi_kit.db import Database
from notification_service.adapters import events
from notification_service.adapters.dispatch_store import PostgresDispatchStore
from notification_service.application.dispatch import DispatchUnit, OpenUnit
from notification_service.application.ports import Settlement

STREAM = "notification.dispatch"


def dispatch_units(db: Database, relay: Relay, clock: Clock) -> OpenUnit:
    """Return what opens a transaction of the dispatch; its announcements go out when it commits."""

    @asynccontextmanager
    async def open_unit() -> AsyncIterator[DispatchUnit]:
        async with stream_unit(db, relay, STREAM, clock) as unit:

            def announce(settlements: Sequence[Settlement]) -> None:
                for key, value in events.encode(settlements, unit.now):
                    unit.emit(events.TOPIC, key, value)

            yield DispatchUnit(PostgresDispatchStore(unit.connection), unit.now, announce)

    return open_unit
