"""Lists of a person, in clear and for the person alone, page by page, so that nobody holds it all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from guanxi_kit.cursors import NEWEST
from guanxi_kit.db import Database

PAGE = 200
Item = dict[str, Any]
Place = tuple[datetime, UUID]
Page = tuple[Sequence[asyncpg.Record], list[Item]]
Read: TypeAlias = "Callable[[asyncpg.Connection[Any], Place], Awaitable[Page]]"
"""Returns up to PAGE rows behind a place, and what is told of each."""


async def pages(
    database: Database, section: str, place: tuple[str, str], read: Read, *, begin: Place = NEWEST
) -> AsyncIterator[tuple[str, list[Item]]]:
    """Yield the pages of a section; `place` names the columns by which its list is ordered."""
    behind = begin
    while True:
        async with database.connection() as connection:
            rows, items = await read(connection, behind)
        yield section, items
        if len(rows) < PAGE:
            return
        behind = rows[-1][place[0]], rows[-1][place[1]]


def item(row: asyncpg.Record, hidden: Collection[str], **more: Any) -> Item:
    """Return what is told of a row: its columns but the hidden ones, and more."""
    return {**{name: value for name, value in row.items() if name not in hidden}, **more}
