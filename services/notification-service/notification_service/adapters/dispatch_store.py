"""Messages in hand, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.erasure import hold_off_erasures
from notification_service.adapters.complaint_store import complaining
from notification_service.adapters.plan_store import log_decisions
from notification_service.application.ports import Decision, Invitation, Reserved, Settlement, Started

# A message that was being sent keeps that state while it is looked into: a second death must not forget it.
_RESERVE = """
WITH due AS (
    SELECT send_id, state FROM message WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED),
taken AS (
    UPDATE message AS m SET due_at = $2, attempt = m.attempt + 1, changed_at = $1,
        state = CASE due.state WHEN 'sending' THEN 'sending' ELSE 'reserved' END
    FROM due WHERE m.send_id = due.send_id RETURNING m.*, due.state AS found)
SELECT taken.*, coalesce(membership.customer_id, taken.profile_id) AS customer_id,
    invited.expires_at, invited.nonce, invited.is_open
FROM taken LEFT JOIN membership USING (profile_id) LEFT JOIN survey_invitation AS invited USING (survey_id)
"""

_SERVE = """
INSERT INTO served_address (journey, step, address_hash, send_id)
SELECT j, n, a, s FROM unnest($1::text[], $2::int[], $3::bytea[], $4::uuid[]) AS u(j, n, a, s)
WHERE EXISTS (SELECT FROM message WHERE send_id = s) ORDER BY j, n, a, s
ON CONFLICT (journey, step, address_hash) DO NOTHING
"""

_SERVED_BY_OTHERS = """
SELECT u.s AS send_id FROM unnest($1::text[], $2::int[], $3::bytea[], $4::uuid[]) AS u(j, n, a, s)
JOIN served_address AS other ON other.journey = u.j AND other.step = u.n AND other.address_hash = u.a
WHERE other.send_id <> u.s
"""

_START = """
UPDATE message AS m SET state = 'sending', due_at = $5, provider = $4, address_hash = u.a
FROM unnest($1::uuid[], $2::int[], $3::bytea[]) AS u(s, attempt, a)
WHERE m.send_id = u.s AND m.attempt = u.attempt AND m.state = 'reserved'
RETURNING m.send_id
"""

_SETTLE = """
UPDATE message AS m SET state = u.state, due_at = u.due, reason = u.code, provider = coalesce(u.provider, m.provider),
    changed_at = $7, sent_at = CASE u.state WHEN 'sent' THEN $7::timestamptz ELSE m.sent_at END
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[], $5::text[], $6::text[])
    AS u(s, attempt, state, due, code, provider)
WHERE m.send_id = u.s AND (
    (m.attempt = u.attempt AND m.state IN ('reserved', 'sending'))
    OR (u.state = 'sent' AND m.state IN ('sending', 'uncertain')))
RETURNING m.send_id
"""

_UNSERVE = "DELETE FROM served_address WHERE send_id = ANY($1::uuid[])"


class PostgresDispatchStore:
    """The dispatch store of one transaction."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def reserve(self, now: datetime, lease_until: datetime, limit: int) -> list[Reserved]:
        """Take due messages, and messages whose lease has ended, that nobody else is taking."""
        return [_reserved(row) for row in await self._connection.fetch(_RESERVE, now, lease_until, limit)]

    async def complaining(self, customer_ids: Collection[UUID]) -> frozenset[UUID]:
        """Return those of these customers who have an open complaint."""
        return await complaining(self._connection, customer_ids)

    async def start(
        self, starts: Sequence[tuple[Reserved, bytes]], provider: str, lease_until: datetime
    ) -> Started:
        """Mark messages as being sent, unless taken away or their once-only step has served the address.

        Nothing is kept of messages to persons who were erased meanwhile.
        """
        await hold_off_erasures(self._connection)
        once = [(message, address) for message, address in starts if message.once]
        keys = (
            [message.journey for message, _ in once],
            [message.step for message, _ in once],
            [address for _, address in once],
            [message.send_id for message, _ in once],
        )
        await self._connection.execute(_SERVE, *keys)
        served = {row["send_id"] for row in await self._connection.fetch(_SERVED_BY_OTHERS, *keys)}
        going = [(message, address) for message, address in starts if message.send_id not in served]
        rows = await self._connection.fetch(
            _START,
            [message.send_id for message, _ in going],
            [message.attempt for message, _ in going],
            [address for _, address in going],
            provider,
            lease_until,
        )
        return Started(frozenset(row["send_id"] for row in rows), frozenset(served))

    async def settle(self, settlements: Sequence[Settlement], now: datetime) -> list[Settlement]:
        """Write outcomes of this reservation (an acceptance counts even if it comes late), and log why.

        An erasure waits until the decision can be seen beside its message: both go then, or neither was written.
        """
        if not settlements:
            return []
        await hold_off_erasures(self._connection)
        rows = await self._connection.fetch(
            _SETTLE,
            [one.message.send_id for one in settlements],
            [one.message.attempt for one in settlements],
            [one.state for one in settlements],
            [one.due_at for one in settlements],
            [one.code for one in settlements],
            [one.provider for one in settlements],
            now,
        )
        settled = {row["send_id"] for row in rows}
        effective = [one for one in settlements if one.message.send_id in settled]
        await unserve(
            self._connection, [one.message.send_id for one in effective if one.state in {"planned", "failed"}]
        )
        await log_decisions(
            self._connection, [Decision(one.message.send_id, one.code, one.detail) for one in effective], now
        )
        return effective


async def unserve(connection: asyncpg.Connection[Any], send_ids: Sequence[UUID]) -> None:
    """Let the addresses of messages that were not sent be served by others."""
    await connection.execute(_UNSERVE, send_ids)


def _reserved(row: asyncpg.Record) -> Reserved:
    return Reserved(
        send_id=row["send_id"],
        journey=row["journey"],
        step=row["step"],
        profile_id=row["profile_id"],
        customer_id=row["customer_id"],
        channel=row["channel"],
        template=row["template"],
        planned_at=row["planned_at"],
        attempt=row["attempt"],
        once=row["once"],
        was_sending=row["found"] == "sending",
        provider=row["provider"],
        invitation=None
        if row["nonce"] is None
        else Invitation(row["survey_id"], row["expires_at"], row["nonce"], row["is_open"]),
    )
