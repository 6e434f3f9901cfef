"""The rules in force, in PostgreSQL.

Whoever classifies holds a shared lock until its transaction ends; whoever changes rules waits for all of those. So when
a change has committed, nobody is at work by the rules before it any more.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import asyncpg

from profile_service.application.classification_ports import RuleEngine
from profile_service.application.evaluate_rules import Classifier
from profile_service.application.stored_rules import RuleKind, StoredRule, make_rulebook
from profile_service.domain.rulebook import Rulebook

_LOCK = "hashtextextended('profile.classification_rules', 0)"
SHARE = f"SELECT pg_advisory_xact_lock_shared({_LOCK})"
TAKE = f"SELECT pg_advisory_xact_lock({_LOCK})"
REVISION = "SELECT revision FROM classification_revision"
REVISE = "UPDATE classification_revision SET revision = revision + 1 RETURNING revision"
ALL = "SELECT * FROM classification_rule ORDER BY kind, name"
PAGE = """
SELECT * FROM classification_rule WHERE kind = $1 AND name > $2 AND retired_at IS NULL ORDER BY name LIMIT $3
"""
ONE = "SELECT * FROM classification_rule WHERE kind = $1 AND name = $2"
PUT = """
INSERT INTO classification_rule
  (kind, name, source, labels, rule, ttl, origin, changed_at, changed_by, job_id, retired_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (kind, name) DO UPDATE SET source = excluded.source, labels = excluded.labels, rule = excluded.rule,
  ttl = excluded.ttl, origin = excluded.origin, changed_at = excluded.changed_at, changed_by = excluded.changed_by,
  job_id = excluded.job_id, retired_at = excluded.retired_at
"""
BROKEN_OFF = "SELECT state IN ('cancelled', 'failed') FROM job WHERE job_id = $1"
FORGET = """
DELETE FROM classification_rule WHERE kind = $1 AND name = ANY($2::text[]) AND retired_at IS NOT NULL AND job_id = $3
"""
FORGET_COUNTS = """
DELETE FROM segment_count WHERE segment = ANY($1::text[])
AND NOT EXISTS (SELECT FROM classification_rule WHERE kind = 'segment' AND name = segment_count.segment)
"""


class PostgresRules:
    """The `Rules` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def lock(self) -> None:
        """Wait until nobody classifies, and keep everybody from it until the transaction ends."""
        await self._connection.execute(TAKE)

    async def revise(self) -> None:
        """Let everybody read the rules anew."""
        await self._connection.execute(REVISE)

    async def all(self) -> list[StoredRule]:
        """Return all rules, retired ones too."""
        return [StoredRule(**row) for row in await self._connection.fetch(ALL)]

    async def page(self, kind: RuleKind, after: str, limit: int) -> list[StoredRule]:
        """Return rules in force by name, those after `after`."""
        return [StoredRule(**row) for row in await self._connection.fetch(PAGE, kind, after, limit)]

    async def one(self, kind: RuleKind, name: str) -> StoredRule | None:
        """Return a rule, one that is retired too."""
        row = await self._connection.fetchrow(ONE, kind, name)
        return None if row is None else StoredRule(**row)

    async def put(self, rule: StoredRule) -> None:
        """Store a rule in place of what had its name."""
        await self._connection.execute(
            PUT,
            rule.kind,
            rule.name,
            rule.source,
            rule.labels,
            rule.rule,
            rule.ttl,
            rule.origin,
            rule.changed_at,
            rule.changed_by,
            rule.job_id,
            rule.retired_at,
        )

    async def is_broken_off(self, job_id: UUID) -> bool:
        """Tell whether a re-evaluation was cancelled or failed."""
        return bool(await self._connection.fetchval(BROKEN_OFF, job_id))

    async def forget(self, kind: RuleKind, names: Collection[str], job_id: UUID) -> None:
        """Remove rules that this job has taken from everybody."""
        wanted = sorted(names)
        await self._connection.execute(FORGET, kind, wanted, job_id)
        if kind == "segment":
            await self._connection.execute(FORGET_COUNTS, wanted)


class RulesInForce:
    """The rules in force, compiled once for each revision; one for a process."""

    def __init__(self, engine: RuleEngine) -> None:
        self.engine = engine
        self._classifier = Classifier(Rulebook(revision=-1), engine)

    async def hold(self, connection: asyncpg.Connection[Any]) -> Classifier:
        """Return the rules; none of them changes before the open transaction ends."""
        await connection.execute(SHARE)
        return await self.read(connection)

    async def read(self, connection: asyncpg.Connection[Any]) -> Classifier:
        """Return the rules as of now, for reads that change nothing."""
        # The revision is read first: rules that are newer than it are read again the next time.
        revision = await connection.fetchval(REVISION)
        if self._classifier.rulebook.revision != revision:
            stored = await PostgresRules(connection).all()
            self._classifier = Classifier(make_rulebook(revision, stored), self.engine)
        return self._classifier
