"""What records hold beside traits: contacts, values that are no identifiers, fields that nobody declared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from profile_service.adapters.trait_store import PostgresTraits
from profile_service.adapters.vault import contact_aad, invalid_aad
from profile_service.domain.contacts import Contact
from profile_service.domain.undeclared import FieldSightings, NotIdentifier

MOST_FIELDS = 1000
"""Names of undeclared fields kept for each source partition; what comes beyond is counted together."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

# What only names the enterprise is never newer than what tells of the contact, and seldom writes anything.
LINK = """
INSERT INTO contact_link AS standing
  (enterprise_profile_id, person_profile_id, sealed, since, until, told_at, touchpoint_id)
SELECT enterprise_profile_id, person_profile_id, sealed, since, until, told_at, touchpoint_id
FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::uuid[])
AS given (enterprise_profile_id, person_profile_id, sealed, since, until, told_at, touchpoint_id)
ORDER BY enterprise_profile_id, person_profile_id
ON CONFLICT (enterprise_profile_id, person_profile_id) DO UPDATE SET
  since = least(standing.since, excluded.since),
  sealed = CASE WHEN {newer} THEN coalesce(excluded.sealed, standing.sealed) ELSE standing.sealed END,
  until = CASE WHEN NOT {newer} THEN standing.until
    WHEN excluded.touchpoint_id = ANY($8::uuid[]) THEN excluded.until
    WHEN excluded.told_at > standing.until THEN NULL ELSE standing.until END,
  told_at = greatest(standing.told_at, excluded.told_at),
  touchpoint_id = CASE WHEN {newer} THEN excluded.touchpoint_id ELSE standing.touchpoint_id END
WHERE excluded.since < standing.since OR {newer}
""".format(newer="(excluded.told_at, excluded.touchpoint_id) > (standing.told_at, standing.touchpoint_id)")
MARK_INVALID = """
INSERT INTO invalid_identifier AS standing
  (profile_id, type, channel, sealed, reason, occurred_at, touchpoint_id)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::timestamptz[], $7::uuid[])
AS given (profile_id, type, channel, sealed, reason, occurred_at, touchpoint_id) ORDER BY profile_id, type, channel
ON CONFLICT (profile_id, type, channel) DO UPDATE SET
  sealed = excluded.sealed, reason = excluded.reason, occurred_at = excluded.occurred_at,
  touchpoint_id = excluded.touchpoint_id
WHERE (excluded.occurred_at, excluded.touchpoint_id) > (standing.occurred_at, standing.touchpoint_id)
"""
# Only the owner of a source partition writes its rows, so that counting them here is exact.
FLAG = """
WITH given AS (
  SELECT given.*, known.source IS NULL AS fresh,
    count(*) FILTER (WHERE known.source IS NULL) OVER (PARTITION BY given.source ORDER BY given.name, given.channel)
    + (SELECT count(*) FROM undeclared_field AS held WHERE held.source = given.source AND held.name <> '') AS place
  FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bigint[])
    AS given (source, name, channel, first_at, last_at, times)
  LEFT JOIN undeclared_field AS known USING (source, name, channel)
)
INSERT INTO undeclared_field AS standing (source, name, channel, first_at, last_at, times)
SELECT source, name, channel, min(first_at), max(last_at), sum(times) FROM (
  SELECT source, first_at, last_at, times,
    CASE WHEN fresh AND place > $7 THEN '' ELSE name END AS name,
    CASE WHEN fresh AND place > $7 THEN '' ELSE channel END AS channel
  FROM given
) AS kept GROUP BY source, name, channel ORDER BY source, name, channel
ON CONFLICT (source, name, channel) DO UPDATE SET
  first_at = least(standing.first_at, excluded.first_at), last_at = greatest(standing.last_at, excluded.last_at),
  times = standing.times + excluded.times
"""


class PostgresRecord(PostgresTraits):
    """The `Record` port within the transaction of one connection."""

    async def link(self, contacts: Sequence[Contact]) -> None:
        """Link persons to enterprises; what is told last of a contact counts."""
        await self._connection.execute(
            LINK,
            [contact.key.enterprise_profile_id for contact in contacts],
            [contact.key.person_profile_id for contact in contacts],
            [self._seal_role(contact) for contact in contacts],
            [contact.since for contact in contacts],
            [contact.until for contact in contacts],
            [contact.told_at or NEVER for contact in contacts],
            [contact.touchpoint_id for contact in contacts],
            [contact.touchpoint_id for contact in contacts if contact.states_end],
        )

    async def mark_invalid(self, found: Sequence[NotIdentifier]) -> None:
        """Keep the newest value of each source that is no identifier."""
        await self._connection.execute(
            MARK_INVALID,
            [each.profile_id for each in found],
            [each.type for each in found],
            [each.channel for each in found],
            [self._keyring.seal(each.value, invalid_aad(each.profile_id, each.type)) for each in found],
            [each.reason for each in found],
            [each.told.occurred_at for each in found],
            [each.told.touchpoint_id for each in found],
        )

    async def flag(self, sightings: FieldSightings) -> None:
        """Count undeclared fields, of each source partition at most MOST_FIELDS by name."""
        await self._connection.execute(
            FLAG,
            [key.source for key, _ in sightings],
            [key.name for key, _ in sightings],
            [key.channel for key, _ in sightings],
            [seen.first_at for _, seen in sightings],
            [seen.last_at for _, seen in sightings],
            [seen.times for _, seen in sightings],
            MOST_FIELDS,
        )

    def _seal_role(self, contact: Contact) -> bytes | None:
        if contact.role is None:
            return None
        return self._keyring.seal(contact.role.encode(), contact_aad(*contact.key))
