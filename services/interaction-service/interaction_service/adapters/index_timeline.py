"""The job that indexes the touchpoints that are there: month by month, a page a step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.db import Database
from guanxi_kit.erasure import erased_among
from guanxi_kit.jobs import Job, Step
from interaction_service.adapters.timeline_index import add_to_indexes
from interaction_service.application.noticing import Noticed, Noticing
from interaction_service.application.ports import TimelineRow
from interaction_service.domain.months import start_of

KIND = "index_timeline"
PAGE = 500
# Each page is planned for its month, so that the other partitions are not even looked at.
_PLAN = "SET LOCAL plan_cache_mode = force_custom_plan"
_MONTHS = "SELECT DISTINCT month FROM membership, unnest(months) AS month ORDER BY month"
_ABOUT = """
SELECT greatest(sum(c.reltuples), 0)::bigint FROM pg_partition_tree('touchpoint') AS leaf
JOIN pg_class AS c ON c.oid = leaf.relid WHERE leaf.isleaf AND c.reltuples > 0
"""
_PAGE = """
SELECT touchpoint_id, profile_id, occurred_at, received_at, channel, kind, name,
       amount_minor, currency, quantity, sealed
FROM touchpoint
WHERE occurred_at >= $1 AND occurred_at < $2
  AND (profile_id, occurred_at, touchpoint_id) > ($3, $4, $5)
ORDER BY profile_id, occurred_at, touchpoint_id LIMIT $6
"""


@dataclass(slots=True)
class _Page:
    noticed: Noticed
    rows: int
    cursor: dict[str, Any]
    total: int | None


class IndexTimeline:
    """Handles the job. The cursor holds the months that are left, and how far the first of them is done.

    Touchpoints that come meanwhile are indexed as they come. What is in the indexes stays there.
    """

    def __init__(self, database: Database, noticing: Noticing, *, page: int = PAGE) -> None:
        self._database = database
        self._noticing = noticing
        self._page = page

    async def work(self, job: Job) -> _Page:
        """Read a page, and see what it adds."""
        cursor, total = job.cursor, None
        async with self._database.transaction() as connection:
            await connection.execute(_PLAN)
            if cursor is None:
                months = [row["month"] for row in await connection.fetch(_MONTHS)]
                cursor, total = {"months": months, "after": None}, await connection.fetchval(_ABOUT)
            if not cursor["months"]:
                return _Page(self._noticing.look_at(()), 0, cursor, total)
            month, after = cursor["months"][0], _place(cursor["after"])
            found = await connection.fetch(_PAGE, start_of(month), start_of(month + 1), *after, self._page)
        rows = [TimelineRow._make(row) for row in found]
        return _Page(self._noticing.look_at(rows), len(rows), self._following(cursor, rows), total)

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        """Add to the indexes, except what is of persons who were erased meanwhile."""
        page: _Page = worked
        noticed = page.noticed
        people = {row.profile_id for row in noticed.words} | {row.profile_id for row in noticed.moments}
        erased = await erased_among(unit.connection, people)
        noticed = replace(
            noticed,
            words=[row for row in noticed.words if row.profile_id not in erased],
            moments=[row for row in noticed.moments if row.profile_id not in erased],
        )
        await add_to_indexes(unit.connection, noticed)
        done, finished = job.done + page.rows, not page.cursor["months"]
        return Step(page.cursor, done, done if finished else page.total, finished=finished)

    def _following(self, cursor: dict[str, Any], rows: list[TimelineRow]) -> dict[str, Any]:
        if len(rows) < self._page:
            return {"months": cursor["months"][1:], "after": None}
        last = rows[-1]
        after = [str(last.profile_id), last.occurred_at.isoformat(), str(last.touchpoint_id)]
        return {"months": cursor["months"], "after": after}


def _place(after: list[str] | None) -> tuple[UUID, datetime, UUID]:
    if after is None:
        return UUID(int=0), datetime.min.replace(tzinfo=UTC), UUID(int=0)
    return UUID(after[0]), datetime.fromisoformat(after[1]), UUID(after[2])
