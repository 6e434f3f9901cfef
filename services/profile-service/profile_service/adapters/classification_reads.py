"""Reads of tags, segments, stages and their history from PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from profile_service.application.view_classification import (
    ClassificationEvent,
    ClassificationView,
    EventKind,
    Place,
)
from profile_service.domain.classification_view import LifecycleView, SegmentView, TagView

STATE = """
SELECT stage, stage_since, stage_reason, stage_evidence,
  (SELECT coalesce(sum(changes), 0)::bigint FROM classification WHERE customer_id = ANY($2::uuid[])) AS changes
FROM (SELECT $1::uuid AS customer_id) AS given LEFT JOIN classification USING (customer_id)
"""
HELD = """
SELECT source, tag AS name, since, expires_at FROM customer_tag WHERE customer_id = $1
UNION ALL SELECT NULL, segment, since, NULL FROM segment_member WHERE customer_id = $1 ORDER BY name
"""
HISTORY = """
SELECT event.* FROM unnest($1::uuid[]) AS fragment (profile_id) CROSS JOIN LATERAL (
  SELECT event_id, profile_id, name, present, at, source, actor, reason, detail FROM classification_event
  WHERE profile_id = fragment.profile_id AND kind = $2
    AND ($3::timestamptz IS NULL OR (at, event_id) < ($3, $4::bigint))
  ORDER BY at DESC, event_id DESC LIMIT $5) AS event
ORDER BY event.at DESC, event.event_id DESC LIMIT $5
"""
MEMBERS = """
SELECT member.customer_id, customer.customer_number, member.since
FROM segment_member AS member JOIN customer USING (customer_id)
WHERE member.segment = $1 AND member.customer_id > $2 ORDER BY member.customer_id LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Member:
    """A customer in a segment, since when."""

    customer_id: UUID
    customer_number: str
    since: datetime


class PostgresClassificationReads:
    """The `ClassificationReads` port on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def classification(self, customer_id: UUID, fragments: Collection[UUID]) -> ClassificationView:
        """Return how a customer is classified."""
        state = await self._connection.fetchrow(STATE, customer_id, list(fragments))
        stage = None if state["stage"] is None else LifecycleView(*state[:4])
        view = ClassificationView([], [], stage, state["changes"])
        for source, name, since, expires_at in await self._connection.fetch(HELD, customer_id):
            if source is None:
                view.segments.append(SegmentView(name, since))
            else:
                view.tags.append(TagView(name, source, since, expires_at))
        return view

    async def classification_history(
        self, fragments: Collection[UUID], kind: EventKind, before: Place | None, limit: int
    ) -> Sequence[ClassificationEvent]:
        """Return entries, the newest first, older than `before`."""
        at, event = before or (None, UUID(int=0))
        # Nobody gives out a number that a column of this kind cannot hold.
        number = min(event.int, 2**63 - 1)
        rows = await self._connection.fetch(HISTORY, list(fragments), kind, at, number, limit)
        return [ClassificationEvent(UUID(int=row[0]), *row[1:]) for row in rows]

    async def segment_members(self, segment: str, after: UUID, limit: int) -> list[Member]:
        """Return members by rising customer id, those after `after`."""
        return [Member(*row) for row in await self._connection.fetch(MEMBERS, segment, after, limit)]
