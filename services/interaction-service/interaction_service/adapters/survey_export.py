"""Every survey of a person, in clear, for the person alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from interaction_service.adapters.export_pages import PAGE, Item, Page, Place, item, pages
from interaction_service.adapters.survey_store import PostgresSurveys

_HIDDEN = frozenset(("sealed", "nonce"))


class PostgresSurveyExport:
    """Reads page by page."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    def export(self, people: Sequence[UUID]) -> AsyncIterator[tuple[str, list[Item]]]:
        """Yield pages of the section `surveys` of these fragments."""

        async def read(connection: asyncpg.Connection[Any], behind: Place) -> Page:
            surveys = PostgresSurveys(connection, self._keyring)
            rows = await surveys.page(people, None, PAGE, behind)
            return rows, [item(row, _HIDDEN, words=surveys.words_of(row)) for row in rows]

        return pages(self._database, "surveys", ("due_at", "survey_id"), read)
