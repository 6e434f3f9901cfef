"""The timeline's tables: touchpoints by month, and which fragment belongs to which customer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.db import Database
from interaction_service.adapters.timeline_index import (
    add_to_indexes,
    ends_of_moments,
    marks_of,
    page_of_moments,
    search_words,
)
from interaction_service.application.noticing import Noticed
from interaction_service.application.ports import (
    Found,
    Fragment,
    KeyMoment,
    MomentNames,
    Scanned,
    Spot,
    TimelineRow,
)
from interaction_service.application.recording import Belonging
from interaction_service.domain.page import Place
from interaction_service.domain.timeline_filter import TimelineFilter, Window

_COLUMNS = len(TimelineRow._fields)
FRAGMENTS_SQL = """
SELECT f.profile_id, f.customer_id, f.months
FROM membership AS asked JOIN membership AS f ON f.customer_id = asked.customer_id
WHERE asked.profile_id = $1
"""

# Rows that the filter leaves out have no content here; the last of them comes all the same, to tell how far was looked.
# The plain bounds on occurred_at let months be skipped; the row comparison, which must not depend on whether there is a
# place to begin behind, lets the index begin there.
_PAGE = """
SELECT * FROM (
    SELECT t.*, least(count(*) OVER (), $8) AS looked_at,
           row_number() OVER (ORDER BY t.occurred_at DESC, t.touchpoint_id DESC) AS number
    FROM unnest($1::uuid[]) AS fragment(id) {names} CROSS JOIN LATERAL (
        SELECT touchpoint_id, profile_id, occurred_at, received_at, channel, kind, name,
               amount_minor, currency, quantity,
               CASE WHEN ($6::text[] = '{{}}' OR kind = ANY($6)) AND ($7::text[] = '{{}}' OR channel = ANY($7))
                    THEN sealed END AS sealed
        FROM touchpoint
        WHERE profile_id = fragment.id {named} AND occurred_at >= $2 AND occurred_at < $3
          AND (occurred_at, touchpoint_id) < ($4, $5::uuid)
        ORDER BY occurred_at DESC, touchpoint_id DESC
        LIMIT $8
    ) AS t
) AS looked
WHERE number <= looked_at AND (sealed IS NOT NULL OR number = looked_at)
ORDER BY number
"""
PAGE_SQL = _PAGE.format(names="", named="")
# By the names of events an index finds what lies behind any number of others.
NAMED_PAGE_SQL = _PAGE.format(
    names="CROSS JOIN (SELECT DISTINCT unnest($9::text[])) AS wanted(name)", named="AND name = wanted.name"
)

# The times alone let the planner skip months.
AT_SQL = """
SELECT t.touchpoint_id, t.profile_id, t.occurred_at, t.received_at, t.channel, t.kind, t.name,
       t.amount_minor, t.currency, t.quantity, t.sealed
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) AS spot (profile_id, occurred_at, touchpoint_id)
JOIN touchpoint AS t USING (profile_id, occurred_at, touchpoint_id)
WHERE t.occurred_at = ANY($2)
ORDER BY t.occurred_at DESC, t.touchpoint_id DESC
"""

_ADD_SQL = """
INSERT INTO touchpoint (touchpoint_id, profile_id, occurred_at, received_at, channel, kind, name,
                        amount_minor, currency, quantity, sealed)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
                     $8::bigint[], $9::text[], $10::bigint[], $11::bytea[])
ON CONFLICT DO NOTHING
"""

# Only what is new is written: in the steady state a touchpoint changes nothing here. The look may be stale, but
# versions and months only grow, so that what it leaves out stays superfluous.
_PLACE_SQL = """
INSERT INTO membership AS m (profile_id, customer_id, version, months)
SELECT s.profile_id, s.customer_id, s.version, coalesce(s.months, '{}')
FROM (
    SELECT b.profile_id, b.customer_id, b.version, array_agg(o.month) FILTER (WHERE o.month IS NOT NULL) AS months
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS b(profile_id, customer_id, version)
    LEFT JOIN unnest($4::uuid[], $5::int[]) AS o(profile_id, month) USING (profile_id)
    GROUP BY b.profile_id, b.customer_id, b.version
) AS s LEFT JOIN membership AS known USING (profile_id)
WHERE known.profile_id IS NULL OR known.version < s.version OR NOT known.months @> coalesce(s.months, '{}')
ORDER BY s.profile_id
ON CONFLICT (profile_id) DO UPDATE SET
    customer_id = CASE WHEN excluded.version > m.version THEN excluded.customer_id ELSE m.customer_id END,
    version = greatest(m.version, excluded.version),
    months = ARRAY(SELECT DISTINCT month FROM unnest(m.months || excluded.months) AS month ORDER BY month)
"""


class PostgresTimelines:
    """Reads timelines.

    `pages` are connections that plan a page once for all months (plan_cache_mode = force_generic_plan) and skip those
    outside its window when it is read: planning anew takes longer than reading.
    """

    def __init__(self, db: Database, pages: Database) -> None:
        self._db = db
        self._pages = pages

    async def fragments(self, customer_id: UUID) -> Sequence[Fragment]:
        """Return the fragments of the customer that `customer_id` is or was merged into; empty if unknown."""
        async with self._pages.connection() as connection:
            rows = await connection.fetch(FRAGMENTS_SQL, customer_id)
        return [Fragment(row["profile_id"], row["customer_id"], row["months"]) for row in rows]

    async def page(
        self,
        profile_ids: Sequence[UUID],
        window: Window,
        after: Place | None,
        only: TimelineFilter,
        limit: int,
    ) -> Scanned:
        """Look at `limit` touchpoints at most of the window behind `after`, newest first."""
        behind = after or Place.above(window[1])
        query, names = (NAMED_PAGE_SQL, [only.events]) if only.events else (PAGE_SQL, [])
        async with self._pages.connection() as connection:
            rows = await connection.fetch(
                query,
                profile_ids,
                *window,
                behind.occurred_at,
                behind.touchpoint_id,
                only.kinds,
                only.channels,
                limit,
                *names,
            )
        if not rows:
            return Scanned((), 0, None)
        last = rows[-1]
        wanted = [TimelineRow._make(row[:_COLUMNS]) for row in rows if row["sealed"] is not None]
        return Scanned(wanted, last["looked_at"], Place(last["occurred_at"], last["touchpoint_id"]))

    async def at(self, spots: Sequence[Spot]) -> Sequence[TimelineRow]:
        """Return the touchpoints stored there, newest first."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(AT_SQL, *map(list, zip(*spots, strict=True)))
        return [TimelineRow._make(row) for row in rows]

    async def search(
        self,
        asked: Sequence[tuple[UUID, Sequence[int]]],
        window: Window,
        after: Place | None,
        limit: int,
    ) -> Found:
        """Return the touchpoints of fragments whose text has the words asked of it, out of `limit` texts at most."""
        async with self._db.connection() as connection:
            return await search_words(connection, asked, window, after, limit)

    async def moments(
        self, people: Sequence[UUID], names: MomentNames, window: Window, after: Place | None, limit: int
    ) -> Found:
        """Return at most `limit` touchpoints of all of a customer's fragments that are key moments, behind `after`."""
        async with self._db.connection() as connection:
            return await page_of_moments(connection, people, names, window=window, after=after, limit=limit)

    async def marks(
        self, people: Sequence[UUID], names: MomentNames, window: Window
    ) -> Mapping[UUID, Sequence[str]]:
        """Return the key moments among a customer's touchpoints of a window, its end included, by touchpoint."""
        async with self._pages.connection() as connection:
            return await marks_of(connection, people, names, window)

    async def ends(self, people: Sequence[UUID], names: MomentNames) -> Sequence[KeyMoment]:
        """Return the key moments that a customer had."""
        async with self._db.connection() as connection:
            return await ends_of_moments(connection, people, names)


class PostgresTimelineWriter:
    """Writes in the transaction of its connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def add(self, rows: Sequence[TimelineRow]) -> None:
        """Add touchpoints; those already there stay as they are."""
        await self._connection.execute(
            _ADD_SQL,
            [row.touchpoint_id for row in rows],
            [row.profile_id for row in rows],
            [row.occurred_at for row in rows],
            [row.received_at for row in rows],
            [row.channel for row in rows],
            [row.kind for row in rows],
            [row.name for row in rows],
            [row.amount_minor for row in rows],
            [row.currency for row in rows],
            [row.quantity for row in rows],
            [row.sealed for row in rows],
        )

    async def notice(self, noticed: Noticed) -> None:
        """Add to the indexes; a moment that is there already stays as it is."""
        await add_to_indexes(self._connection, noticed)

    async def place(self, belongings: Sequence[Belonging], months: Sequence[tuple[UUID, int]]) -> None:
        """Remember where fragments belong, unless a newer version is known, and in which months they occur."""
        await self._connection.execute(
            _PLACE_SQL,
            [belonging.profile_id for belonging in belongings],
            [belonging.customer_id for belonging in belongings],
            [belonging.version for belonging in belongings],
            [profile_id for profile_id, _ in months],
            [month for _, month in months],
        )


class MonthlyPartitions:
    """Creates the partitions of new months, each once, in transactions of its own.

    In the batch's transaction the locks would last until its commit, and two workers with two new months would wait
    for each other. Months before 1970 or far ahead share the default partition, so that no sender's clock can make
    tables without end.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: set[int] = set()

    async def ensure(self, months: Iterable[int]) -> None:
        """Have a partition for each of these months that may have one."""
        for month in sorted(set(months) - self._known):
            async with self._db.connection() as connection:
                if await connection.fetchval("SELECT ensure_touchpoint_month($1)", month):
                    self._known.add(month)
