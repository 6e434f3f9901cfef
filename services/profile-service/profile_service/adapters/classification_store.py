"""How customers are classified, in PostgreSQL.

A customer's row in `classification` is locked before its tags, segments or stage are read to be changed; everything is
written in key order, the shared counters last.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, get_args
from uuid import UUID

import asyncpg

from profile_service.domain.classification import Change, Classified, Standing, TagSource

SHARDS = 16
OPEN = """
INSERT INTO classification (customer_id)
SELECT profile_id FROM fragment WHERE profile_id = ANY($1::uuid[]) ORDER BY profile_id ON CONFLICT DO NOTHING
RETURNING customer_id
"""
LOCK = """
SELECT customer_id FROM classification WHERE customer_id = ANY($1::uuid[]) ORDER BY customer_id FOR NO KEY UPDATE
"""
CLAIM_DUE = """
SELECT customer_id FROM classification WHERE due_at <= $1 ORDER BY due_at LIMIT $2
FOR NO KEY UPDATE SKIP LOCKED
"""
STATES = "SELECT customer_id, stage, due_at FROM classification WHERE customer_id = ANY($1::uuid[])"
TAGS = (
    "SELECT customer_id, tag, source, since, expires_at FROM customer_tag WHERE customer_id = ANY($1::uuid[])"
)
MEMBERSHIPS = "SELECT customer_id, segment FROM segment_member WHERE customer_id = ANY($1::uuid[])"
FRAGMENTS = """
SELECT customer_id, array_agg(profile_id) AS members FROM fragment
WHERE customer_id = ANY($1::uuid[]) GROUP BY customer_id
"""
SET_TAGS = """
INSERT INTO customer_tag (customer_id, tag, source, since, expires_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
AS given (customer_id, tag, source, since, expires_at) ORDER BY customer_id, tag
ON CONFLICT (customer_id, tag) DO UPDATE SET source = excluded.source, expires_at = excluded.expires_at
"""
TAKE_OFF = """
DELETE FROM customer_tag USING unnest($1::uuid[], $2::text[]) AS given (customer_id, tag)
WHERE customer_tag.customer_id = given.customer_id AND customer_tag.tag = given.tag
"""
ENTER = """
INSERT INTO segment_member (segment, customer_id, since)
SELECT segment, customer_id, $3 FROM unnest($1::text[], $2::uuid[]) AS given (segment, customer_id)
ORDER BY segment, customer_id
"""
LEAVE = """
DELETE FROM segment_member USING unnest($1::text[], $2::uuid[]) AS given (segment, customer_id)
WHERE segment_member.segment = given.segment AND segment_member.customer_id = given.customer_id
"""
SETTLE = """
UPDATE classification AS standing SET
  due_at = given.due_at,
  changes = standing.changes + given.visible::int,
  stage = CASE WHEN given.moves THEN given.stage ELSE standing.stage END,
  stage_since = CASE WHEN given.moves THEN $7::timestamptz ELSE standing.stage_since END,
  stage_reason = CASE WHEN given.moves THEN given.reason ELSE standing.stage_reason END,
  stage_evidence = CASE WHEN given.moves THEN given.evidence ELSE standing.stage_evidence END
FROM unnest($1::uuid[], $2::timestamptz[], $3::boolean[], $4::text[], $5::text[], $6::jsonb[], $8::boolean[])
AS given (customer_id, due_at, visible, stage, reason, evidence, moves)
WHERE standing.customer_id = given.customer_id
"""
NOTE = """
INSERT INTO classification_event (profile_id, kind, name, present, at, source, reason, detail)
SELECT profile_id, kind, name, present, $7, source, reason, detail
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[], $8::jsonb[])
AS given (profile_id, kind, name, present, source, reason, detail)
"""
SPEND = """
DELETE FROM hand_tag USING unnest($1::uuid[], $2::text[]) AS given (profile_id, tag)
WHERE hand_tag.profile_id = given.profile_id AND hand_tag.tag = given.tag
"""
COUNT = """
INSERT INTO segment_count AS standing (segment, shard, members)
SELECT segment, $3, members FROM unnest($1::text[], $2::bigint[]) AS given (segment, members) ORDER BY segment
ON CONFLICT (segment, shard) DO UPDATE SET members = standing.members + excluded.members
"""
_SOURCES: dict[str, TagSource] = {source: source for source in get_args(TagSource)}
_Event = tuple[UUID, str, str, bool, str, str | None, Any]


class PostgresClassifications:
    """The `Classifications` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def lock(self, customers: Collection[UUID]) -> set[UUID]:
        """Lock the rows of these customers; open and return those that were missing. Ids of nobody have none."""
        wanted = sorted(customers)
        if len(await self._connection.fetch(LOCK, wanted)) == len(wanted):
            return set()
        opened = await self._connection.fetch(OPEN, wanted)
        await self._connection.fetch(LOCK, wanted)
        return {row[0] for row in opened}

    async def claim_due(self, now: datetime, limit: int) -> list[UUID]:
        """Lock and return customers whom time may have changed, longest due first, leaving out who is locked."""
        return [row[0] for row in await self._connection.fetch(CLAIM_DUE, now, limit)]

    async def read(self, customers: Collection[UUID]) -> dict[UUID, Classified]:
        """Return how customers are classified; whoever never was is absent."""
        wanted = list(customers)
        states = {
            row["customer_id"]: Classified(stage=row["stage"], due_at=row["due_at"])
            for row in await self._connection.fetch(STATES, wanted)
        }
        # Without a lock somebody may be classified for the first time between two of these reads.
        for row in await self._connection.fetch(TAGS, wanted):
            if (state := states.get(row["customer_id"])) is not None:
                standing = Standing(_SOURCES[row["source"]], row["since"], row["expires_at"])
                state.tags[row["tag"]] = standing
        for row in await self._connection.fetch(MEMBERSHIPS, wanted):
            if (state := states.get(row["customer_id"])) is not None:
                state.segments.add(row["segment"])
        return states

    async def fragments(self, customers: Collection[UUID]) -> dict[UUID, list[UUID]]:
        """Return by customer all its fragments."""
        rows = await self._connection.fetch(FRAGMENTS, list(customers))
        return {row["customer_id"]: row["members"] for row in rows}

    async def write(self, changes: Sequence[Change], now: datetime) -> None:
        """Write changes with their history and exact member counts."""
        await self._write_tags(changes)
        await self._write_memberships(changes, now)
        await self._settle(changes, now)
        await self._note([event for change in changes for event in _events(change, now)], now)
        spent = sorted((each.profile_id, each.tag) for change in changes for each in change.spent)
        if spent:
            await self._connection.execute(SPEND, *map(list, zip(*spent, strict=True)))
        await self._count(changes)

    async def _write_tags(self, changes: Sequence[Change]) -> None:
        standing = [
            (change.customer_id, tag, standing.source, standing.since, standing.expires_at)
            for change in changes
            for tag, standing in chain(change.gained.items(), change.renewed.items())
        ]
        if standing:
            await self._connection.execute(SET_TAGS, *map(list, zip(*standing, strict=True)))
        lost = [(change.customer_id, tag) for change in changes for tag in change.lost]
        if lost:
            await self._connection.execute(TAKE_OFF, *map(list, zip(*lost, strict=True)))

    async def _write_memberships(self, changes: Sequence[Change], now: datetime) -> None:
        entered = [(segment, change.customer_id) for change in changes for segment in change.entered]
        if entered:
            await self._connection.execute(ENTER, *map(list, zip(*entered, strict=True)), now)
        left = [(segment, change.customer_id) for change in changes for segment in change.left]
        if left:
            await self._connection.execute(LEAVE, *map(list, zip(*left, strict=True)))

    async def _settle(self, changes: Sequence[Change], now: datetime) -> None:
        ordered = sorted(changes, key=lambda change: change.customer_id.int)
        stages = [change.stage for change in ordered]
        await self._connection.execute(
            SETTLE,
            [change.customer_id for change in ordered],
            [change.due_at for change in ordered],
            [change.is_visible for change in ordered],
            [decided and decided.stage for decided in stages],
            [decided and decided.reason for decided in stages],
            [decided and decided.evidence for decided in stages],
            now,
            [change.stage is not None or change.stage_ended for change in ordered],
        )

    async def _note(self, events: Sequence[_Event], now: datetime) -> None:
        if events:
            columns = list(map(list, zip(*events, strict=True)))
            await self._connection.execute(NOTE, *columns[:6], now, columns[6])

    async def _count(self, changes: Sequence[Change]) -> None:
        """Add to one shard of each count; taken last, for whoever counts in the same shard waits for the commit."""
        moved: Counter[str] = Counter()
        for change in changes:
            moved.update(change.entered)
            moved.subtract(change.left)
        counts = {segment: members for segment, members in moved.items() if members}
        if counts:
            shard = random.randrange(SHARDS)  # noqa: S311
            await self._connection.execute(COUNT, list(counts), list(counts.values()), shard)


def _events(change: Change, now: datetime) -> list[_Event]:
    """The history of a change; of tags by hand only how they ended by themselves, for their setting stands there."""
    customer_id = change.customer_id
    events: list[_Event] = [
        (customer_id, "tag", tag, present, standing.source, None, None)
        for present, tags in ((True, change.gained), (False, change.lost))
        for tag, standing in tags.items()
        if standing.source != "manual"
    ]
    events += [(customer_id, "segment", segment, True, "rule", None, None) for segment in change.entered]
    events += [(customer_id, "segment", segment, False, "rule", None, None) for segment in change.left]
    for each in change.spent:
        expired = each.expires_at is not None and each.expires_at <= now
        events.append(
            (each.profile_id, "tag", each.tag, False, "manual", "expired" if expired else "retired", None)
        )
    if change.stage is not None:
        detail = {"previous": change.previous_stage, "evidence": change.stage.evidence}
        events.append((customer_id, "stage", change.stage.stage, True, "rule", change.stage.reason, detail))
    return events
