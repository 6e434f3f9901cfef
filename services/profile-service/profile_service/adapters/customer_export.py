"""Hands out everything that profile-service has of a person, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.exporting import export_line
from profile_service.adapters.export_sections import SECTIONS, Section

PAGE = 500


async def export_lines(
    database: Database, keyring: Keyring, profile_ids: Sequence[UUID]
) -> AsyncIterator[bytes]:
    """Yield the lines of every section. Each page takes a connection of its own, so that no slow reader holds one."""
    for section in SECTIONS:
        async for rows in _pages(database, section, list(profile_ids)):
            yield b"".join(export_line(section.name, section.show(row, keyring)) for row in rows)


async def _pages(
    database: Database, section: Section, profile_ids: list[UUID]
) -> AsyncIterator[list[asyncpg.Record]]:
    if not section.key:
        async with database.connection() as connection:
            rows = await connection.fetch(section.sql, profile_ids)
        yield rows
        return
    for profile_id in profile_ids:
        last: list[Any] = []
        while True:
            sql = section.page_sql(PAGE, is_first=not last)
            async with database.connection() as connection:
                rows = await connection.fetch(sql, profile_id, *last)
            yield rows
            if len(rows) < PAGE:
                break
            last = [rows[-1][name] for name, _ in section.key]
