"""Everything kept of a person's cases, in clear, for the person alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from interaction_service.adapters.case_reads import CaseFilter, PostgresCaseReads
from interaction_service.adapters.export_pages import PAGE, Item, Page, Place, item, pages

_HIDDEN = frozenset(("sealed", "repeat_key"))


class PostgresCaseExport:
    """Reads page by page."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def export(self, people: Sequence[UUID]) -> AsyncIterator[tuple[str, list[Item]]]:
        """Yield pages of the sections `cases` and `case_events` of these fragments."""
        case_ids: list[UUID] = []

        async def cases(connection: asyncpg.Connection[Any], behind: Place) -> Page:
            reads = PostgresCaseReads(connection, self._keyring)
            rows = await reads.page(CaseFilter(people), PAGE, behind)
            case_ids.extend(row["case_id"] for row in rows)
            return rows, [await _case(row, reads) for row in rows]

        async for page in pages(self._database, "cases", ("opened_at", "case_id"), cases):
            yield page
        for case_id in case_ids:
            async for events in self._events(case_id):
                yield "case_events", events

    async def _events(self, case_id: UUID) -> AsyncIterator[list[Item]]:
        after = 0
        while True:
            async with self._database.connection() as connection:
                reads = PostgresCaseReads(connection, self._keyring)
                rows = await reads.events(case_id, after, PAGE)
            yield [item(row, _HIDDEN, said=reads.said_of_event(row)) for row in rows]
            if len(rows) < PAGE:
                return
            after = rows[-1]["seq"]


async def _case(row: asyncpg.Record, reads: PostgresCaseReads) -> Item:
    clocks = [dict(clock) for clock in await reads.clocks(row["case_id"])]
    return item(row, _HIDDEN, said=reads.said_of_case(row), clocks=clocks)
