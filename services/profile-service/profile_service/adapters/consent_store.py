"""The ledger of consents and what holds by it, in PostgreSQL. Every write goes in key order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from profile_service.application.consent_ports import Appended
from profile_service.domain.consents import Consent, ConsentKey, Standing, newest, superseded

APPEND = """
INSERT INTO consent_event (event_id, profile_id, purpose, channel, decision, notice_version, source, effective_at,
  recorded_at, recorded_by, touchpoint_id, evidence_digest, supersedes)
SELECT event_id, profile_id, purpose, channel, decision, notice_version, source, effective_at, $12, recorded_by,
  touchpoint_id, evidence_digest, string_to_array(supersedes, ' ')::uuid[]
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
  $9::text[], $10::uuid[], $11::bytea[], $13::text[])
AS given (event_id, profile_id, purpose, channel, decision, notice_version, source, effective_at, recorded_by,
  touchpoint_id, evidence_digest, supersedes)
ORDER BY event_id ON CONFLICT (event_id) DO NOTHING RETURNING event_id
"""
KEEP_EVIDENCE = """
INSERT INTO consent_evidence (event_id, sealed) SELECT * FROM unnest($1::uuid[], $2::bytea[])
"""
HOLD = """
INSERT INTO consent_state AS standing (profile_id, purpose, channel, decision, notice_version, source, effective_at,
  event_id, supersedes, supersedes_until, revision)
SELECT profile_id, purpose, channel, decision, notice_version, source, effective_at, event_id, '{}', '{}', 1
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::uuid[])
AS given (profile_id, purpose, channel, decision, notice_version, source, effective_at, event_id)
ORDER BY profile_id, purpose, channel
ON CONFLICT (profile_id, purpose, channel) DO UPDATE SET decision = excluded.decision,
  notice_version = excluded.notice_version, source = excluded.source, effective_at = excluded.effective_at,
  event_id = excluded.event_id, revision = standing.revision + 1
WHERE (excluded.effective_at, excluded.decision <> 'granted', excluded.event_id)
  > (standing.effective_at, standing.decision <> 'granted', standing.event_id)
RETURNING profile_id, purpose, channel
"""
SUPERSEDE = """
WITH given AS (
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[])
  AS row (profile_id, purpose, channel, other, until)
), merged AS (
  SELECT profile_id, purpose, channel, array_agg(other ORDER BY other) AS others,
    array_agg(until ORDER BY other) AS untils
  FROM (
    SELECT profile_id, purpose, channel, other, max(until) AS until
    FROM (
      SELECT * FROM given
      UNION ALL
      SELECT profile_id, purpose, channel, other, until
      FROM consent_state, unnest(supersedes, supersedes_until) AS each (other, until)
      WHERE (profile_id, purpose, channel) IN (SELECT profile_id, purpose, channel FROM given)
    ) AS every GROUP BY profile_id, purpose, channel, other
  ) AS latest GROUP BY profile_id, purpose, channel
)
UPDATE consent_state AS standing
SET supersedes = merged.others, supersedes_until = merged.untils, revision = standing.revision + 1
FROM merged
WHERE (standing.profile_id, standing.purpose, standing.channel) = (merged.profile_id, merged.purpose, merged.channel)
RETURNING standing.profile_id, standing.purpose, standing.channel
"""
DIFFERING = """
SELECT event_id
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS given (event_id, profile_id, purpose, decision)
JOIN consent_event AS kept USING (event_id)
JOIN fragment AS meant ON meant.profile_id = given.profile_id
JOIN fragment AS told ON told.profile_id = kept.profile_id
WHERE (told.customer_id, kept.purpose, kept.decision) <> (meant.customer_id, given.purpose, given.decision)
"""
STANDINGS = """
SELECT profile_id, purpose, channel, decision, effective_at, event_id, source, notice_version, supersedes,
  supersedes_until, revision
FROM consent_state WHERE profile_id = ANY($1::uuid[]) ORDER BY profile_id, purpose, channel
"""
OWNERS = """
SELECT hash, profile_id FROM identifier
WHERE hash = ANY($1::bytea[]) AND profile_id IS NOT NULL AND quarantined_at IS NULL
"""
SIBLINGS = """
SELECT given.profile_id, given.customer_id, array_agg(member.profile_id ORDER BY member.profile_id) AS members
FROM fragment AS given JOIN fragment AS member USING (customer_id)
WHERE given.profile_id = ANY($1::uuid[]) GROUP BY given.profile_id
"""
FIRST_TOLD = """
INSERT INTO consent_told (profile_id, purposes, told_at)
SELECT profile_id, '{}', '{}' FROM unnest($1::uuid[]) AS given (profile_id) ORDER BY profile_id
ON CONFLICT (profile_id) DO NOTHING
"""
LOCK_TOLD = """
SELECT profile_id, purposes, told_at FROM consent_told WHERE profile_id = ANY($1::uuid[])
ORDER BY profile_id FOR UPDATE
"""
REMEMBER_TOLD = """
UPDATE consent_told SET purposes = given.purposes, told_at = given.told_at
FROM (
  SELECT profile_id, array_agg(purpose ORDER BY purpose) AS purposes, array_agg(at ORDER BY purpose) AS told_at
  FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS row (profile_id, purpose, at) GROUP BY profile_id
) AS given
WHERE consent_told.profile_id = given.profile_id
  AND (consent_told.purposes, consent_told.told_at) IS DISTINCT FROM (given.purposes, given.told_at)
"""


def evidence_aad(event_id: UUID) -> bytes:
    """What binds sealed evidence to its entry of the ledger."""
    return b"consent evidence\0" + event_id.bytes


def evidence_digest(keyring: Keyring, evidence: str) -> bytes:
    """Return the keyed digest by which the ledger vouches for evidence."""
    return keyring.blind("consent evidence", evidence)


class PostgresConsents:
    """The `ConsentLedger` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def append(self, consents: Sequence[Consent], now: datetime) -> Appended:
        """Add decisions that are not there yet; what took effect latest holds."""
        distinct = list({consent.event_id: consent for consent in consents}.values())
        rows = await self._connection.fetch(
            APPEND,
            [consent.event_id for consent in distinct],
            [consent.key.profile_id for consent in distinct],
            [consent.key.purpose for consent in distinct],
            [consent.key.channel for consent in distinct],
            [consent.decision for consent in distinct],
            [consent.notice_version for consent in distinct],
            [consent.source for consent in distinct],
            [consent.effective_at for consent in distinct],
            [consent.recorded_by for consent in distinct],
            [consent.touchpoint_id for consent in distinct],
            [self._digest(consent) for consent in distinct],
            now,
            [" ".join(str(other) for other in sorted(consent.supersedes)) for consent in distinct],
        )
        new = {row["event_id"] for row in rows}
        added = [consent for consent in distinct if consent.event_id in new]
        changed: set[ConsentKey] = set()
        if added:
            await self._keep_evidence(added)
            changed = await self._hold(added)
        return Appended(new, {consent.event_id for consent in distinct} - new, changed)

    async def differing(self, consents: Sequence[Consent]) -> set[UUID]:
        """Return the ids under which the ledger holds a decision of another person, purpose or outcome."""
        rows = await self._connection.fetch(
            DIFFERING,
            [consent.event_id for consent in consents],
            [consent.key.profile_id for consent in consents],
            [consent.key.purpose for consent in consents],
            [consent.decision for consent in consents],
        )
        return {row["event_id"] for row in rows}

    async def standings(self, profile_ids: Collection[UUID]) -> list[Standing]:
        """Return what holds of fragments."""
        return [standing(row) for row in await self._connection.fetch(STANDINGS, list(profile_ids))]

    async def lock_told(self, profile_ids: Collection[UUID]) -> dict[tuple[UUID, str], datetime]:
        """Lock the fragments' reports and return when each purpose was last told of."""
        await self._connection.execute(FIRST_TOLD, list(profile_ids))
        rows = await self._connection.fetch(LOCK_TOLD, list(profile_ids))
        return {
            (row["profile_id"], purpose): at
            for row in rows
            for purpose, at in zip(row["purposes"], row["told_at"], strict=True)
        }

    async def remember_told(self, told: Mapping[tuple[UUID, str], datetime]) -> None:
        """Remember when purposes were last told of."""
        await self._connection.execute(
            REMEMBER_TOLD,
            [profile_id for profile_id, _ in told],
            [purpose for _, purpose in told],
            list(told.values()),
        )

    async def owners(self, hashes: Collection[bytes]) -> dict[bytes, UUID]:
        """Return the fragments that identifiers belong to; unknown and quarantined ones are absent."""
        return {row[0]: row[1] for row in await self._connection.fetch(OWNERS, list(hashes))}

    async def siblings(self, profile_ids: Collection[UUID]) -> dict[UUID, tuple[UUID, list[UUID]]]:
        """Return by given id its customer and all fragments of that; unknown ids are absent."""
        rows = await self._connection.fetch(SIBLINGS, list(profile_ids))
        return {row["profile_id"]: (row["customer_id"], row["members"]) for row in rows}

    def _digest(self, consent: Consent) -> bytes | None:
        return None if consent.evidence is None else evidence_digest(self._keyring, consent.evidence)

    async def _keep_evidence(self, consents: Sequence[Consent]) -> None:
        sealed = {
            consent.event_id: self._keyring.seal(consent.evidence.encode(), evidence_aad(consent.event_id))
            for consent in consents
            if consent.evidence is not None
        }
        if sealed:
            await self._connection.execute(KEEP_EVIDENCE, list(sealed), list(sealed.values()))

    async def _hold(self, consents: Sequence[Consent]) -> set[ConsentKey]:
        holding = newest(consents)
        rows = await self._connection.fetch(
            HOLD,
            [consent.key.profile_id for consent in holding],
            [consent.key.purpose for consent in holding],
            [consent.key.channel for consent in holding],
            [consent.decision for consent in holding],
            [consent.notice_version for consent in holding],
            [consent.source for consent in holding],
            [consent.effective_at for consent in holding],
            [consent.event_id for consent in holding],
        )
        overriding = superseded(consents)
        if overriding:
            rows += await self._connection.fetch(
                SUPERSEDE,
                [key.profile_id for key, _ in overriding],
                [key.purpose for key, _ in overriding],
                [key.channel for key, _ in overriding],
                [other for _, other in overriding],
                list(overriding.values()),
            )
        return {ConsentKey(*row) for row in rows}


def standing(row: asyncpg.Record) -> Standing:
    """Return what a row of the state says."""
    return Standing(
        key=ConsentKey(row["profile_id"], row["purpose"], row["channel"]),
        decision=row["decision"],
        effective_at=row["effective_at"],
        event_id=row["event_id"],
        source=row["source"],
        notice_version=row["notice_version"],
        supersedes=dict(zip(row["supersedes"], row["supersedes_until"], strict=True)),
        revision=row["revision"],
    )
