"""Reads of declared tags and segments, with how far the last change of each has come, from PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.jobs import JobState
from profile_service.application.stored_rules import Origin
from profile_service.domain.classification import TagSource

COLUMNS = """
SELECT declared.name, declared.source, declared.labels, declared.rule,
  extract(epoch FROM declared.ttl)::bigint AS ttl_seconds, declared.origin, declared.changed_at, declared.changed_by,
  job.job_id, job.state, job.done, job.total,
  (SELECT coalesce(sum(members), 0)::bigint FROM segment_count WHERE segment = declared.name) AS members
FROM classification_rule AS declared LEFT JOIN job USING (job_id)
"""
PAGE = f"""{COLUMNS} WHERE declared.kind = $1 AND declared.name > $2 AND declared.retired_at IS NULL
ORDER BY declared.name LIMIT $3"""
ONE = f"{COLUMNS} WHERE declared.kind = $1 AND declared.name = $2 AND declared.retired_at IS NULL"


@dataclass(frozen=True, slots=True)
class RuleEvaluation:
    """The job that evaluates the last change for everybody: `done` of `total` customers."""

    job_id: UUID
    state: JobState
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class DeclaredTag:
    """A tag, who sets it (a rule, a score, people), and since when it is declared so. `rule` is JSONLogic."""

    name: str
    source: TagSource
    labels: dict[str, str]
    rule: Any
    ttl_seconds: int | None
    origin: Origin
    changed_at: datetime
    changed_by: str
    evaluation: RuleEvaluation | None


@dataclass(frozen=True, slots=True)
class DeclaredSegment:
    """A segment with its exact number of members. `rule` is JSONLogic."""

    name: str
    labels: dict[str, str]
    rule: Any
    members: int
    origin: Origin
    changed_at: datetime
    changed_by: str
    evaluation: RuleEvaluation | None


class PostgresDeclaredRules:
    """Reads on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def tags(self, after: str, limit: int) -> Sequence[DeclaredTag]:
        """Return tags by name, those after `after`."""
        return [_tag(row) for row in await self._connection.fetch(PAGE, "tag", after, limit)]

    async def tag(self, name: str) -> DeclaredTag | None:
        """Return a tag."""
        row = await self._connection.fetchrow(ONE, "tag", name)
        return None if row is None else _tag(row)

    async def segments(self, after: str, limit: int) -> Sequence[DeclaredSegment]:
        """Return segments by name, those after `after`."""
        return [_segment(row) for row in await self._connection.fetch(PAGE, "segment", after, limit)]

    async def segment(self, name: str) -> DeclaredSegment | None:
        """Return a segment."""
        row = await self._connection.fetchrow(ONE, "segment", name)
        return None if row is None else _segment(row)


def _evaluation(row: asyncpg.Record) -> RuleEvaluation | None:
    return (
        None
        if row["job_id"] is None
        else RuleEvaluation(row["job_id"], row["state"], row["done"], row["total"])
    )


def _tag(row: asyncpg.Record) -> DeclaredTag:
    return DeclaredTag(
        name=row["name"],
        source=row["source"],
        labels=row["labels"],
        rule=row["rule"],
        ttl_seconds=row["ttl_seconds"],
        origin=row["origin"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        evaluation=_evaluation(row),
    )


def _segment(row: asyncpg.Record) -> DeclaredSegment:
    return DeclaredSegment(
        name=row["name"],
        labels=row["labels"],
        rule=row["rule"],
        members=row["members"],
        origin=row["origin"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        evaluation=_evaluation(row),
    )
