"""The case desk over one transaction that publishes, for the API and for timers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.crypto import Keyring
from guanxi_kit.erasure import hold_off_erasures
from guanxi_kit.timers import Timer
from interaction_service.adapters.case_news import Emit, StreamNews
from interaction_service.adapters.case_store import PostgresCases
from interaction_service.adapters.pack_case_rules import PackCaseRules
from interaction_service.adapters.survey_work import SurveyWork
from interaction_service.adapters.tallies import Tallies
from interaction_service.application.case_commands import TimerOf
from interaction_service.application.case_desk import CaseDesk

REPEATS = "case.repeat"


@dataclass(frozen=True)
class CaseWork:
    """What desks are made of; it handles the timers of clocks."""

    keyring: Keyring
    rules: PackCaseRules
    surveys: SurveyWork

    def desk(self, unit: StreamUnit) -> CaseDesk:
        """Return the desk of a transaction."""
        return self.desk_on(unit.connection, unit.emit, unit.now)

    def desk_on(self, connection: asyncpg.Connection[Any], emit: Emit, now: datetime) -> CaseDesk:
        """Return the desk of a transaction that publishes by `emit`."""
        return CaseDesk(
            self._store(connection),
            StreamNews(emit, now, self.keyring),
            self.rules,
            now,
            lambda actor, key: self.keyring.blind(REPEATS, f"{actor}\0{key}"),
            counts=Tallies(connection, self.surveys.zone),
            followers=[self.surveys.desk(connection, emit, now)],
        )

    async def lock(self, unit: StreamUnit, keys: Sequence[UUID]) -> None:
        """Lock the cases whose clocks' timers are due; nobody is erased meanwhile."""
        await hold_off_erasures(unit.connection)
        await self._store(unit.connection).hold(keys)

    async def fire(self, unit: StreamUnit, timers: Sequence[Timer]) -> None:
        """Raise the alarms of clocks that are due."""
        await self.desk(unit).raise_alarms([_run_of(timer) for timer in timers])

    def _store(self, connection: asyncpg.Connection[Any]) -> PostgresCases:
        return PostgresCases(connection, self.keyring, self.rules, self.surveys.zone)


def _run_of(timer: Timer) -> TimerOf:
    cycle, clock, number = timer.name.split("/")
    return TimerOf(timer.key, int(cycle), clock, int(number))
