"""Everything kept of a person's contacts and tasks, in clear, for the person alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from interaction_service.adapters.contact_store import PostgresContacts
from interaction_service.adapters.export_pages import PAGE, Item, Page, Place, item, pages
from interaction_service.adapters.task_reads import PostgresTaskReads, TaskFilter

_HIDDEN = frozenset(("sealed", "closing_seq", "closing_sealed"))
_OLDEST = datetime.min.replace(tzinfo=UTC), UUID(int=0)


class PostgresTaskExport:
    """Reads page by page."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def export(self, people: Sequence[UUID]) -> AsyncIterator[tuple[str, list[Item]]]:
        """Yield pages of the sections `contact_records` and `tasks` of these fragments."""

        async def contacts(connection: asyncpg.Connection[Any], behind: Place) -> Page:
            reads = PostgresContacts(connection, self._keyring)
            rows = await reads.page(people, PAGE, behind, corrected=True)
            return rows, [item(row, _HIDDEN, said=reads.said(row)) for row in rows]

        async def tasks(connection: asyncpg.Connection[Any], behind: Place) -> Page:
            reads = PostgresTaskReads(connection, self._keyring)
            rows = await reads.page(TaskFilter(people), PAGE, behind)
            return rows, [await _task(row, reads) for row in rows]

        async for page in pages(self._database, "contact_records", ("at", "contact_id"), contacts):
            yield page
        async for page in pages(self._database, "tasks", ("due_at", "task_id"), tasks, begin=_OLDEST):
            yield page


async def _task(row: asyncpg.Record, reads: PostgresTaskReads) -> Item:
    events = await reads.events(row["task_id"])
    history = [item(event, _HIDDEN, said=reads.said_of_event(event)) for event in events]
    return item(row, _HIDDEN, said=reads.said_of_task(row), history=history)
