"""The indexes of the timeline: which words a touchpoint's free text has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from interaction_service.application.noticing import Noticed
from interaction_service.application.ports import Found, Spot
from interaction_service.domain.page import Place
from interaction_service.domain.timeline_filter import Window

# Arrays of different lengths do not stand in one array: each comes as its text.
_ADD_WORDS = """
INSERT INTO touchpoint_text (profile_id, occurred_at, touchpoint_id, words)
SELECT profile_id, occurred_at, touchpoint_id, words::integer[]
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[]) AS s (profile_id, occurred_at, touchpoint_id, words)
ON CONFLICT DO NOTHING
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
          AND ($6::timestamptz IS NULL OR (occurred_at <= $6 AND (occurred_at, touchpoint_id) < ($6, $7::uuid)))
        ORDER BY occurred_at DESC, touchpoint_id DESC
        LIMIT $8
    ) AS t
) AS numbered
WHERE number <= looked_at AND (hit OR number = looked_at)
ORDER BY number
"""


async def add_to_indexes(connection: asyncpg.Connection[Any], noticed: Noticed) -> None:
    """Add what was noticed; what is there already stays as it is."""
    if noticed.words:
        rows = sorted(noticed.words)
        await connection.execute(
            _ADD_WORDS,
            [row.profile_id for row in rows],
            [row.occurred_at for row in rows],
            [row.touchpoint_id for row in rows],
            ["{" + ",".join(map(str, row.words)) + "}" for row in rows],
        )


async def search_words(
    connection: asyncpg.Connection[Any],
    asked: Sequence[tuple[UUID, Sequence[int]]],
    window: Window,
    after: Place | None,
    limit: int,
) -> Found:
    """Look at the texts of fragments, each with the words asked of it, `limit` at most; see `Timelines.search`."""
    words = [word for _, words in asked for word in words]
    rows = await connection.fetch(
        SEARCH_SQL,
        [profile_id for profile_id, _ in asked],
        words,
        len(words) // len(asked),
        *window,
        after and after.occurred_at,
        after and after.touchpoint_id,
        limit,
    )
    spots = [Spot(row["profile_id"], row["occurred_at"], row["touchpoint_id"]) for row in rows if row["hit"]]
    if not rows or rows[-1]["looked_at"] < limit:
        return Found(spots, None)
    return Found(spots, Place(rows[-1]["occurred_at"], rows[-1]["touchpoint_id"]))
