"""The indexes of the timeline: which words a touchpoint's free text has, and which are key moments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from interaction_service.application.noticing import Noticed
from interaction_service.application.ports import Found, KeyMoment, MomentNames, Spot
from interaction_service.domain.page import Place
from interaction_service.domain.timeline_filter import Window

# Arrays of different lengths do not stand in one array: each comes as its text. What was indexed by other rules of the
# pack is indexed anew.
_ADD_WORDS = """
INSERT INTO touchpoint_text AS standing (profile_id, occurred_at, touchpoint_id, words)
SELECT profile_id, occurred_at, touchpoint_id, words::integer[]
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[]) AS s (profile_id, occurred_at, touchpoint_id, words)
ON CONFLICT (profile_id, occurred_at, touchpoint_id) DO UPDATE SET words = excluded.words
WHERE standing.words <> excluded.words
"""

# $2 holds the words of all fragments, one behind the other, $3 of each. The last row that was looked at comes in any
# case: it says how far was looked.
SEARCH_SQL = """
SELECT profile_id, occurred_at, touchpoint_id, hit, looked_at FROM (
    SELECT t.*, row_number() OVER (ORDER BY t.occurred_at DESC, t.touchpoint_id DESC) AS number,
           least(count(*) OVER (), $8) AS looked_at
    FROM unnest($1::uuid[]) WITH ORDINALITY AS fragment (id, place) CROSS JOIN LATERAL (
        SELECT profile_id, occurred_at, touchpoint_id,
               words @> ($2::integer[])[(fragment.place - 1) * $3 + 1 : fragment.place * $3] AS hit
        FROM touchpoint_text
        WHERE profile_id = fragment.id AND occurred_at >= $4 AND occurred_at < $5
          AND (occurred_at, touchpoint_id) < ($6, $7::uuid)
        ORDER BY occurred_at DESC, touchpoint_id DESC
        LIMIT $8
    ) AS t
) AS numbered
WHERE number <= looked_at AND (hit OR number = looked_at)
ORDER BY number
"""


# A later one of the moments that count once is left out; one that comes to be outdated stays, and is never shown.
_ADD_MOMENTS = """
INSERT INTO key_moment (profile_id, occurred_at, touchpoint_id, moment)
SELECT s.profile_id, s.occurred_at, s.touchpoint_id, s.moment
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[])
     AS s (profile_id, occurred_at, touchpoint_id, moment)
WHERE s.moment <> ALL($5::text[]) OR NOT EXISTS (
    SELECT FROM key_moment AS k WHERE k.profile_id = s.profile_id AND k.moment = s.moment
      AND (k.occurred_at, k.touchpoint_id) < (s.occurred_at, s.touchpoint_id))
ON CONFLICT DO NOTHING
"""

# $1: all fragments of the customer, $2: moments of the pack, $3: those of which only the customer's earliest counts.
_COUNTS = """
k.moment = ANY($2::text[]) AND (k.moment <> ALL($3::text[]) OR NOT EXISTS (
    SELECT FROM unnest($1::uuid[]) AS beside (id) JOIN key_moment AS e
      ON e.profile_id = beside.id AND e.moment = k.moment
     AND (e.occurred_at, e.touchpoint_id) < (k.occurred_at, k.touchpoint_id)))
"""

_MARKS = f"""
SELECT k.touchpoint_id, k.moment FROM key_moment AS k
WHERE k.profile_id = ANY($1) AND k.occurred_at >= $4 AND k.occurred_at <= $5 AND {_COUNTS}
ORDER BY k.moment
"""  # noqa: S608

MOMENTS_SQL = f"""
SELECT t.* FROM unnest($1::uuid[]) AS fragment (id) CROSS JOIN LATERAL (
    SELECT DISTINCT k.profile_id, k.occurred_at, k.touchpoint_id FROM key_moment AS k
    WHERE k.profile_id = fragment.id AND k.occurred_at >= $4 AND k.occurred_at < $5
      AND (k.occurred_at, k.touchpoint_id) < ($6, $7::uuid)
      AND {_COUNTS}
    ORDER BY k.occurred_at DESC, k.touchpoint_id DESC
    LIMIT $8
) AS t
ORDER BY t.occurred_at DESC, t.touchpoint_id DESC
LIMIT $8
"""  # noqa: S608

_ENDS = """
SELECT asked.moment, e.*, l.* FROM unnest($2::text[]) AS asked (moment)
CROSS JOIN LATERAL (
    SELECT k.* FROM unnest($1::uuid[]) AS fragment (id) CROSS JOIN LATERAL (
        SELECT profile_id, occurred_at, touchpoint_id FROM key_moment
        WHERE profile_id = fragment.id AND moment = asked.moment ORDER BY occurred_at, touchpoint_id LIMIT 1
    ) AS k ORDER BY k.occurred_at, k.touchpoint_id LIMIT 1
) AS e
CROSS JOIN LATERAL (
    SELECT k.* FROM unnest($1::uuid[]) AS fragment (id) CROSS JOIN LATERAL (
        SELECT profile_id, occurred_at, touchpoint_id FROM key_moment
        WHERE profile_id = fragment.id AND moment = asked.moment
        ORDER BY occurred_at DESC, touchpoint_id DESC LIMIT 1
    ) AS k ORDER BY k.occurred_at DESC, k.touchpoint_id DESC LIMIT 1
) AS l
"""


async def add_to_indexes(connection: asyncpg.Connection[Any], noticed: Noticed) -> None:
    """Add what was noticed; a moment that is there already stays as it is."""
    if noticed.words:
        each_once = {row[:3]: row for row in noticed.words}
        people, times, ids, words = zip(*sorted(each_once.values()), strict=True)
        arrays = ["{" + ",".join(map(str, each)) + "}" for each in words]
        await connection.execute(_ADD_WORDS, people, times, ids, arrays)
    if noticed.moments:
        columns = list(zip(*sorted(noticed.moments), strict=True))
        await connection.execute(_ADD_MOMENTS, *columns, list(noticed.first))


async def search_words(
    connection: asyncpg.Connection[Any],
    asked: Sequence[tuple[UUID, Sequence[int]]],
    window: Window,
    after: Place | None,
    limit: int,
) -> Found:
    """Look at the texts of fragments, each with the words asked of it, `limit` at most; see `Timelines.search`."""
    words = [word for _, words in asked for word in words]
    behind = after or Place.above(window[1])
    rows = await connection.fetch(
        SEARCH_SQL,
        [profile_id for profile_id, _ in asked],
        words,
        len(words) // len(asked),
        *window,
        behind.occurred_at,
        behind.touchpoint_id,
        limit,
    )
    spots = [Spot(row["profile_id"], row["occurred_at"], row["touchpoint_id"]) for row in rows if row["hit"]]
    if not rows or rows[-1]["looked_at"] < limit:
        return Found(spots, None)
    return Found(spots, Place(rows[-1]["occurred_at"], rows[-1]["touchpoint_id"]))


async def marks_of(
    connection: asyncpg.Connection[Any], people: Sequence[UUID], names: MomentNames, window: Window
) -> dict[UUID, list[str]]:
    """Return the key moments among a customer's touchpoints of a window, both ends included, by touchpoint."""
    marks: dict[UUID, list[str]] = {}
    for row in await connection.fetch(_MARKS, people, names.all, names.first, *window):
        marks.setdefault(row["touchpoint_id"], []).append(row["moment"])
    return marks


async def page_of_moments(
    connection: asyncpg.Connection[Any],
    people: Sequence[UUID],
    names: MomentNames,
    *,
    window: Window,
    after: Place | None,
    limit: int,
) -> Found:
    """Return the touchpoints of a customer that are key moments, `limit` at most."""
    behind = after or Place.above(window[1])
    place = behind.occurred_at, behind.touchpoint_id
    rows = await connection.fetch(MOMENTS_SQL, people, names.all, names.first, *window, *place, limit)
    spots = [Spot(*row) for row in rows]
    return Found(spots, Place(*spots[-1][1:]) if len(spots) == limit else None)


async def ends_of_moments(
    connection: asyncpg.Connection[Any], people: Sequence[UUID], names: MomentNames
) -> list[KeyMoment]:
    """Return for each key moment that a customer had its first and its last touchpoint."""
    found = []
    for moment, *ends in await connection.fetch(_ENDS, people, names.all):
        first, last = Spot(*ends[:3]), Spot(*ends[3:])
        found.append(KeyMoment(moment, first, first if moment in names.first else last))
    return found
