"""Every survey of a person, in clear, for the person alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from guanxi_kit.crypto import Keyring
from guanxi_kit.cursors import NEWEST
from guanxi_kit.db import Database
from interaction_service.adapters.survey_store import PostgresSurveys

PAGE = 200
_NOT_SHOWN = frozenset(("sealed", "nonce"))


class PostgresSurveyExport:
    """Reads page by page, so that nobody holds it all."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def export(self, people: Sequence[UUID]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
        """Yield pages of the section `surveys` of these fragments."""
        behind = NEWEST
        while people:
            async with self._database.connection() as connection:
                surveys = PostgresSurveys(connection, self._keyring)
                rows = await surveys.page(people, None, PAGE, behind)
                items = [
                    {name: value for name, value in row.items() if name not in _NOT_SHOWN}
                    | {"words": surveys.words_of(row)}
                    for row in rows
                ]
            yield "surveys", items
            if len(rows) < PAGE:
                return
            behind = rows[-1]["due_at"], rows[-1]["survey_id"]
