"""Draws customers at random from PostgreSQL without reading them all."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any
from uuid import UUID

import asyncpg

from profile_service.application.preview_segment import Sample

# As many rows as fit a page of 8 kB at most. A random place holds a live row, or is drawn again: so each row has the
# same chance, however full its page is.
PLACES = 291
DRAWS = 12
POPULATION = "SELECT coalesce(sum(fragments) - sum(merges), 0)::bigint FROM totals"
PAGES = "SELECT pg_relation_size('fragment') / current_setting('block_size')::int"
ALL = "SELECT profile_id FROM fragment WHERE customer_id = profile_id LIMIT $1"
AT = "SELECT profile_id FROM fragment WHERE ctid = ANY($1::tid[]) AND customer_id = profile_id"
NUMBERS = "SELECT customer_id, customer_number FROM customer WHERE customer_id = ANY($1::uuid[])"


class PostgresSampling:
    """The `Sampling` port on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def draw(self, size: int) -> Sample:
        """Return at most `size` customers, each with the same chance; all where there are no more."""
        population = await self._connection.fetchval(POPULATION)
        if population <= size:
            rows = await self._connection.fetch(ALL, size)
            return Sample([row[0] for row in rows], len(rows))
        pages = await self._connection.fetchval(PAGES)
        drawn: dict[UUID, None] = {}
        for _ in range(DRAWS):
            places = {(random.randrange(pages), random.randint(1, PLACES)) for _ in range(2 * size)}  # noqa: S311
            rows = await self._connection.fetch(AT, sorted(places))
            drawn.update((row[0], None) for row in rows)
            if len(drawn) >= size:
                break
        # The rows of one draw come in their order on disk: leave out by chance, not from the end.
        kept = random.sample(list(drawn), min(size, len(drawn)))
        return Sample(kept, population)

    async def numbers(self, customers: Collection[UUID]) -> dict[UUID, str]:
        """Return the customer numbers of customers."""
        rows = await self._connection.fetch(NUMBERS, list(customers))
        return {row[0]: row[1] for row in rows}
