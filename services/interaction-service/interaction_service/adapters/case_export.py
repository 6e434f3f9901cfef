"""Everything kept of a person's cases, in clear, for the person alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from interaction_service.adapters.case_reads import CaseFilter, PostgresCaseReads

PAGE = 200
_NOT_SHOWN = frozenset(("sealed", "repeat_key"))


class PostgresCaseExport:
    """Reads page by page, so that nobody holds it all."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def export(self, people: Sequence[UUID]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
        """Yield pages of the sections `cases` and `case_events` of these fragments."""
        case_ids: list[UUID] = []
        behind = None
        while people:
            async with self._database.connection() as connection:
                reads = PostgresCaseReads(connection, self._keyring)
                rows = await reads.page(CaseFilter(people), PAGE, behind)
                items = [_item(row, reads.said_of_case(row)) for row in rows]
                for row, item in zip(rows, items, strict=True):
                    item["clocks"] = [dict(clock) for clock in await reads.clocks(row["case_id"])]
            yield "cases", items
            case_ids += [row["case_id"] for row in rows]
            if len(rows) < PAGE:
                break
            behind = rows[-1]["opened_at"], rows[-1]["case_id"]
        for case_id in case_ids:
            async for page in self._events(case_id):
                yield "case_events", page

    async def _events(self, case_id: UUID) -> AsyncIterator[list[dict[str, Any]]]:
        after = 0
        while True:
            async with self._database.connection() as connection:
                reads = PostgresCaseReads(connection, self._keyring)
                rows = await reads.events(case_id, after, PAGE)
            yield [_item(row, reads.said_of_event(row)) for row in rows]
            if len(rows) < PAGE:
                return
            after = rows[-1]["seq"]


def _item(row: Any, said: dict[str, Any] | None) -> dict[str, Any]:
    return {**{name: value for name, value in row.items() if name not in _NOT_SHOWN}, "said": said}
