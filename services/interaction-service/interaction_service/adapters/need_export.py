"""Every need of a person, in clear, for the person alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from interaction_service.adapters.export_pages import PAGE, Item, Page, Place, item, pages
from interaction_service.adapters.need_store import PostgresNeeds

_HIDDEN = frozenset(("sealed",))


class PostgresNeedExport:
    """Reads page by page."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    def export(self, people: Sequence[UUID]) -> AsyncIterator[tuple[str, list[Item]]]:
        """Yield pages of the section `needs` of these fragments."""

        async def read(connection: asyncpg.Connection[Any], behind: Place) -> Page:
            needs = PostgresNeeds(connection, self._keyring)
            rows = await needs.page(people, PAGE, behind)
            return rows, [item(row, _HIDDEN, what=needs.what_of(row)) for row in rows]

        return pages(self._database, "needs", ("logged_at", "need_id"), read)
