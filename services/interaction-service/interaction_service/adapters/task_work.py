"""The desks of tasks and contacts over one transaction that publishes, for the API and for timers."""

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
from interaction_service.adapters.contact_store import PostgresContacts
from interaction_service.adapters.pack_teams import PackTeams
from interaction_service.adapters.task_news import Emit, StreamTaskNews
from interaction_service.adapters.task_store import PostgresTasks
from interaction_service.application.contact_desk import ContactDesk
from interaction_service.application.task_desk import TaskDesk

REPEATS = "task.repeat"


@dataclass(frozen=True)
class TaskWork:
    """What desks are made of; it handles the timers of reminders and of what becomes overdue."""

    keyring: Keyring
    teams: PackTeams

    def desk(self, unit: StreamUnit) -> TaskDesk:
        """Return the desk of a transaction."""
        return self.desk_on(unit.connection, unit.emit, unit.now)

    def desk_on(self, connection: asyncpg.Connection[Any], emit: Emit, now: datetime) -> TaskDesk:
        """Return the desk of a transaction that publishes by `emit`."""
        return TaskDesk(
            PostgresTasks(connection, self.keyring),
            StreamTaskNews(emit, now, self.keyring),
            self.teams,
            now,
            lambda actor, key: self.keyring.blind(REPEATS, f"{actor}\0{key}"),
        )

    def contacts(self, unit: StreamUnit) -> ContactDesk:
        """Return the desk of contacts of a transaction."""
        return ContactDesk(
            PostgresContacts(unit.connection, self.keyring),
            PostgresTasks(unit.connection, self.keyring),
            self.desk(unit),
            StreamTaskNews(unit.emit, unit.now, self.keyring),
            unit.now,
        )

    async def lock(self, unit: StreamUnit, keys: Sequence[UUID]) -> None:
        """Lock the tasks whose timers are due; nobody is erased meanwhile."""
        await hold_off_erasures(unit.connection)
        await PostgresTasks(unit.connection, self.keyring).hold(keys)

    async def fire(self, unit: StreamUnit, timers: Sequence[Timer]) -> None:
        """Raise what is due of these tasks."""
        await self.desk(unit).raise_due(sorted({timer.key for timer in timers}))
