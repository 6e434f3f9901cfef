"""Everything kept of a person's contacts and tasks, in clear, for the person alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from guanxi_kit.crypto import Keyring
from guanxi_kit.cursors import NEWEST
from guanxi_kit.db import Database
from interaction_service.adapters.contact_store import PostgresContacts
from interaction_service.adapters.task_reads import PostgresTaskReads, TaskFilter

PAGE = 200
_NOT_SHOWN = frozenset(("sealed", "closing_seq", "closing_sealed"))
Section = tuple[str, list[dict[str, Any]]]


class PostgresTaskExport:
    """Reads page by page, so that nobody holds it all."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def export(self, people: Sequence[UUID]) -> AsyncIterator[Section]:
        """Yield pages of the sections `contact_records` and `tasks` of these fragments."""
        if people:
            async for page in self._contacts(people):
                yield page
            async for page in self._tasks(people):
                yield page

    async def _contacts(self, people: Sequence[UUID]) -> AsyncIterator[Section]:
        behind = NEWEST
        while True:
            async with self._database.connection() as connection:
                reads = PostgresContacts(connection, self._keyring)
                rows = await reads.page(people, PAGE, behind, corrected=True)
            yield "contact_records", [_item(row, said=reads.said(row)) for row in rows]
            if len(rows) < PAGE:
                return
            behind = rows[-1]["at"], rows[-1]["contact_id"]

    async def _tasks(self, people: Sequence[UUID]) -> AsyncIterator[Section]:
        behind = None
        while True:
            async with self._database.connection() as connection:
                reads = PostgresTaskReads(connection, self._keyring)
                rows = await reads.page(TaskFilter(people), PAGE, behind)
                items = [_item(row, said=reads.said_of_task(row)) for row in rows]
                for row, item in zip(rows, items, strict=True):
                    events = await reads.events(row["task_id"])
                    item["history"] = [_item(event, said=reads.said_of_event(event)) for event in events]
            yield "tasks", items
            if len(rows) < PAGE:
                return
            behind = rows[-1]["due_at"], rows[-1]["task_id"]


def _item(row: Any, **more: Any) -> dict[str, Any]:
    return {**{name: value for name, value in row.items() if name not in _NOT_SHOWN}, **more}
