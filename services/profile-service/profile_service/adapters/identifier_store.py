"""Identifiers, what became of them, and the links that were refused, in PostgreSQL; every write in key order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from profile_service.adapters.structure_store import PostgresStructure
from profile_service.adapters.suggestion_store import PostgresSuggestions
from profile_service.application.ports import HistoryEntry, SealedIdentifier
from profile_service.domain.decisions import QUARANTINED, IdentifierChange, Refusal, Suggestion
from profile_service.domain.fragments import suggestion_id

ATTACH = """
INSERT INTO identifier (hash, type, profile_id, sealed, first_seen_at, touchpoint_id, verified_at)
SELECT * FROM unnest($1::bytea[], $2::text[], $3::uuid[], $4::bytea[], $5::timestamptz[], $6::uuid[],
  $7::timestamptz[])
AS given (hash, type, profile_id, sealed, first_seen_at, touchpoint_id, verified_at) ORDER BY hash
ON CONFLICT (hash) DO NOTHING
"""
CHANGE = """
UPDATE identifier SET
  profile_id = given.profile_id,
  quarantined_at = CASE WHEN given.quarantined THEN coalesce(identifier.quarantined_at, $10) END,
  verified_at = CASE WHEN NOT given.verified THEN NULL
    WHEN identifier.profile_id = given.profile_id THEN coalesce(identifier.verified_at, $10) ELSE $10 END,
  changes = given.changes
FROM (
  SELECT given.* FROM identifier JOIN unnest($1::bytea[], $2::uuid[], $3::bool[], $4::bool[], $5::int[],
    $6::uuid[], $7::bool[], $8::bool[], $9::int[])
  AS given (hash, was_of, was_quarantined, was_verified, had_changes, profile_id, quarantined, verified, changes)
  USING (hash) ORDER BY hash FOR UPDATE OF identifier
) AS given
WHERE identifier.hash = given.hash
  AND (identifier.profile_id, identifier.quarantined_at IS NOT NULL, identifier.verified_at IS NOT NULL,
    identifier.changes)
  IS NOT DISTINCT FROM (given.was_of, given.was_quarantined, given.was_verified, given.had_changes)
"""
REMEMBER = """
INSERT INTO identifier_event (hash, at, kind, profile_id, former_profile_id, touchpoint_id, reason, actor)
SELECT * FROM unnest($1::bytea[], $2::timestamptz[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[],
  $8::text[])
AS given (hash, at, kind, profile_id, former_profile_id, touchpoint_id, reason, actor) ORDER BY hash, at
ON CONFLICT DO NOTHING
"""
REFUSE = """
INSERT INTO link_refusal AS standing
  (strongest_hash, identifier_hash, identifier_type, reason, rule_type, touchpoint_id, times, first_at, last_at)
SELECT strongest_hash, identifier_hash, identifier_type, reason, rule_type, touchpoint_id, times, $8, $8
FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::int[])
AS given (strongest_hash, identifier_hash, identifier_type, reason, rule_type, touchpoint_id, times)
ORDER BY strongest_hash, identifier_hash
ON CONFLICT (strongest_hash, identifier_hash) DO UPDATE SET
  times = standing.times + excluded.times, last_at = excluded.last_at, touchpoint_id = excluded.touchpoint_id,
  reason = CASE excluded.reason WHEN 'quarantined' THEN standing.reason ELSE excluded.reason END,
  rule_type = CASE excluded.reason WHEN 'quarantined' THEN standing.rule_type ELSE excluded.rule_type END
"""
SUGGEST = """
INSERT INTO merge_suggestion
  (suggestion_id, left_profile_id, right_profile_id, source, evidence, state, created_at, touchpoint_id)
SELECT suggestion_id, left_profile_id, right_profile_id, source,
  jsonb_build_object('identifier_type', identifier_type), 'open', $7, touchpoint_id
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[])
AS given (suggestion_id, left_profile_id, right_profile_id, source, identifier_type, touchpoint_id)
ORDER BY left_profile_id, right_profile_id, source
ON CONFLICT (left_profile_id, right_profile_id, source) DO NOTHING RETURNING suggestion_id
"""
_MOMENT = timedelta(microseconds=1)


class IdentifierTaken(asyncpg.SerializationError):  # type: ignore[misc]
    """Another transaction took or changed the same identifier first: a serialization failure, to be worked again."""


class PostgresIdentifiers(PostgresStructure):
    """The `Identifiers` port within the transaction of one connection."""

    async def attach(self, identifiers: Sequence[SealedIdentifier], now: datetime) -> None:
        """Insert new identifiers. Raises IdentifierTaken when one is no longer new."""
        inserted = await self._connection.execute(
            ATTACH,
            [identifier.attachment.hash for identifier in identifiers],
            [identifier.attachment.type for identifier in identifiers],
            [identifier.attachment.profile_id for identifier in identifiers],
            [identifier.sealed for identifier in identifiers],
            [identifier.touchpoint.occurred_at for identifier in identifiers],
            [identifier.touchpoint.touchpoint_id for identifier in identifiers],
            [now if identifier.attachment.verified else None for identifier in identifiers],
        )
        if inserted != f"INSERT 0 {len(identifiers)}":
            raise IdentifierTaken(f"{inserted} of {len(identifiers)} identifiers")

    async def change(self, changes: Mapping[bytes, IdentifierChange], now: datetime) -> None:
        """Bring identifiers to their new standing. Raises IdentifierTaken when one stands otherwise than expected."""
        before = [change.before for change in changes.values()]
        after = [change.after for change in changes.values()]
        changed = await self._connection.execute(
            CHANGE,
            list(changes),
            *([standing[part] for standing in before] for part in range(4)),
            *([standing[part] for standing in after] for part in range(4)),
            now,
        )
        if changed != f"UPDATE {len(changes)}":
            raise IdentifierTaken(f"{changed} of {len(changes)} identifiers")
        losers = {change.before.profile_id for change in changes.values()} - {None}
        await self.show_anew([each for each in losers if each is not None])

    async def remember(self, entries: Sequence[HistoryEntry], now: datetime) -> None:
        """Append to the history of identifiers; what happened to one at the same time keeps its order."""
        happened: dict[bytes, int] = {}
        moments: list[datetime] = []
        for entry in entries:
            count = happened[entry.hash] = happened.get(entry.hash, -1) + 1
            moments.append(now + count * _MOMENT)
        await self._connection.execute(
            REMEMBER,
            [entry.hash for entry in entries],
            moments,
            [entry.kind for entry in entries],
            [entry.profile_id for entry in entries],
            [entry.former_profile_id for entry in entries],
            [entry.touchpoint_id for entry in entries],
            [entry.reason for entry in entries],
            [entry.actor for entry in entries],
        )

    async def record_refusals(self, refusals: Sequence[tuple[Refusal, UUID]], now: datetime) -> None:
        """Insert refused links or count them up, one row for each pair; quarantine hides no reason that led to it."""
        times: dict[tuple[bytes, bytes], int] = {}
        last: dict[tuple[bytes, bytes], tuple[Refusal, UUID]] = {}
        for refusal, touchpoint_id in refusals:
            pair = (refusal.strongest_hash, refusal.identifier_hash)
            times[pair] = times.get(pair, 0) + 1
            told = last[pair][0] if refusal.reason == QUARANTINED and pair in last else refusal
            last[pair] = (told, touchpoint_id)
        await self._connection.execute(
            REFUSE,
            [strongest for strongest, _ in last],
            [other for _, other in last],
            [refusal.identifier_type for refusal, _ in last.values()],
            [refusal.reason for refusal, _ in last.values()],
            [refusal.rule_type for refusal, _ in last.values()],
            [touchpoint_id for _, touchpoint_id in last.values()],
            [times[pair] for pair in last],
            now,
        )

    async def suggest(self, suggestions: Sequence[tuple[Suggestion, UUID]], now: datetime) -> set[UUID]:
        """Queue merges for review, each with its touchpoint; return the ids of those not queued before.

        Whom a person kept apart before is not queued again, whatever ids the two have meanwhile.
        """
        kept_apart = await PostgresSuggestions(self._connection).ruled_out(
            {(each.left_profile_id, each.right_profile_id) for each, _ in suggestions}
        )
        suggestions = [
            (each, touchpoint_id)
            for each, touchpoint_id in suggestions
            if (each.left_profile_id, each.right_profile_id) not in kept_apart
        ]
        rows = await self._connection.fetch(
            SUGGEST,
            [
                suggestion_id(each.left_profile_id, each.right_profile_id, each.source)
                for each, _ in suggestions
            ],
            [each.left_profile_id for each, _ in suggestions],
            [each.right_profile_id for each, _ in suggestions],
            [each.source for each, _ in suggestions],
            [each.identifier_type for each, _ in suggestions],
            [touchpoint_id for _, touchpoint_id in suggestions],
            now,
        )
        return {row[0] for row in rows}
