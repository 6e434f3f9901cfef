"""Reads of tags, segments, stages and their history from PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from profile_service.application.view_classification import (
    ClassificationEvent,
    ClassificationView,
    EventKind,
    LifecycleView,
    SegmentView,
    TagView,
)

STATE = """
SELECT stage, stage_since, stage_reason, stage_evidence,
  (SELECT coalesce(sum(changes), 0)::bigint FROM classification WHERE customer_id = ANY($2::uuid[])) AS changes
FROM (SELECT $1::uuid AS customer_id) AS given LEFT JOIN classification USING (customer_id)
"""
TAGS = "SELECT tag, source, since, expires_at FROM customer_tag WHERE customer_id = $1 ORDER BY tag"
SEGMENTS = "SELECT segment, since FROM segment_member WHERE customer_id = $1 ORDER BY segment"
HISTORY = """
SELECT event.* FROM unnest($1::uuid[]) AS fragment (profile_id) CROSS JOIN LATERAL (
  SELECT event_id, profile_id, kind, name, present, at, source, actor, reason, detail FROM classification_event
  WHERE profile_id = fragment.profile_id AND kind = $2
    AND ($3::timestamptz IS NULL OR (at, event_id) < ($3, $4::bigint))
  ORDER BY at DESC, event_id DESC LIMIT $5) AS event
ORDER BY event.at DESC, event.event_id DESC LIMIT $5
"""
COUNTS = """
SELECT segment, sum(members)::bigint FROM segment_count WHERE segment = ANY($1::text[]) GROUP BY segment
"""
MEMBERS = """
SELECT member.customer_id, customer.customer_number, member.since
FROM segment_member AS member JOIN customer USING (customer_id)
WHERE member.segment = $1 AND member.customer_id > $2 ORDER BY member.customer_id LIMIT $3
"""


class Member(NamedTuple):
    """A customer in a segment, since when."""

    customer_id: UUID
    customer_number: str
    since: datetime


class PostgresClassificationReads:
    """The `ClassificationReads` port on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def view(self, customer_id: UUID, fragments: Collection[UUID]) -> ClassificationView:
        """Return how a customer is classified."""
        state = await self._connection.fetchrow(STATE, customer_id, list(fragments))
        tags = await self._connection.fetch(TAGS, customer_id)
        segments = await self._connection.fetch(SEGMENTS, customer_id)
        stage = None if state["stage"] is None else LifecycleView(*state[:4])
        return ClassificationView(
            [TagView(*row) for row in tags],
            [SegmentView(*row) for row in segments],
            stage,
            state["changes"],
        )

    async def history(
        self, fragments: Collection[UUID], kind: EventKind, before: tuple[datetime, int] | None, limit: int
    ) -> Sequence[ClassificationEvent]:
        """Return entries, the newest first, older than `before` (time and event id)."""
        at, event_id = before or (None, None)
        rows = await self._connection.fetch(HISTORY, list(fragments), kind, at, event_id, limit)
        return [ClassificationEvent(*row) for row in rows]

    async def counts(self, segments: Collection[str]) -> dict[str, int]:
        """Return the exact number of members of segments."""
        rows = await self._connection.fetch(COUNTS, list(segments))
        return dict.fromkeys(segments, 0) | {row[0]: row[1] for row in rows}

    async def members(self, segment: str, after: UUID, limit: int) -> list[Member]:
        """Return members by rising customer id, those after `after`."""
        return [Member(*row) for row in await self._connection.fetch(MEMBERS, segment, after, limit)]
