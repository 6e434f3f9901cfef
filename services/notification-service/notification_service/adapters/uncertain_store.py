"""Mails of which nobody knows whether they went: to customers (messages) and to staff (notices)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

from guanxi_contracts.message import MessageSentV1
from guanxi_kit.erasure import hold_off_erasures
from notification_service.adapters import events
from notification_service.adapters.dispatch_store import unserve
from notification_service.adapters.plan_store import log_decisions
from notification_service.application.ports import Decision
from notification_service.domain.messages import Code

Connection: TypeAlias = "asyncpg.Connection[Any]"
Outcome = Literal["sent", "failed", "planned"]
"""What a person says of an uncertain mail: it went; it is given up; it is to be sent again."""

CODES: dict[Outcome, Code] = {"sent": "sent", "failed": "given_up", "planned": "resend_asked"}

PAGE = """
SELECT * FROM (
  (SELECT 'message' AS kind, send_id AS message_id, profile_id, template, NULL AS recipient, provider,
     attempt AS attempts, planned_at, changed_at
   FROM message WHERE state = 'uncertain' AND ($1::timestamptz IS NULL OR (changed_at, send_id) < ($1, $2::uuid))
   ORDER BY changed_at DESC, send_id DESC LIMIT $3)
  UNION ALL
  (SELECT 'notice', notice_id, profile_id, 'case_alarm', recipient, NULL, attempt, planned_at, changed_at
   FROM staff_notice
   WHERE state = 'uncertain' AND ($1::timestamptz IS NULL OR (changed_at, notice_id) < ($1, $2::uuid))
   ORDER BY changed_at DESC, notice_id DESC LIMIT $3)) AS uncertain
ORDER BY changed_at DESC, message_id DESC LIMIT $3
"""
# The condition makes each decision hold once: of two who decide the second finds nothing uncertain.
SETTLE_MESSAGE = """
UPDATE message SET state = $2::text, reason = $3, changed_at = $4::timestamptz,
  due_at = CASE WHEN $2 = 'planned' THEN $4 END, sent_at = CASE WHEN $2 = 'sent' THEN $4 ELSE sent_at END
WHERE send_id = $1 AND state = 'uncertain'
RETURNING send_id, profile_id, journey, template, channel, coalesce(provider, '') AS provider,
  coalesce((SELECT customer_id FROM membership WHERE membership.profile_id = message.profile_id), profile_id)
  AS customer_id
"""
SETTLE_NOTICE = """
UPDATE staff_notice SET state = $2::text, reason = $3, changed_at = $4::timestamptz,
  due_at = CASE WHEN $2 = 'planned' THEN $4 END
WHERE notice_id = $1 AND state = 'uncertain' RETURNING profile_id
"""


class Uncertain(NamedTuple):
    """A mail that was handed over and of whose fate nothing is known. `recipient` is staff, of a notice."""

    kind: Literal["message", "notice"]
    message_id: UUID
    profile_id: UUID
    template: str
    recipient: str | None
    provider: str | None
    attempts: int
    planned_at: datetime
    changed_at: datetime


async def page_of_uncertain(
    connection: Connection, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Uncertain]:
    """Return uncertain mails, those that became so last first, behind (changed_at, message_id)."""
    return [Uncertain(*row) for row in await connection.fetch(PAGE, *(after or (None, None)), limit)]


async def settle_uncertain(
    connection: Connection,
    message_id: UUID,
    outcome: Outcome,
    *,
    by: str,
    now: datetime,
    emit: Callable[[str, bytes, bytes], None],
) -> UUID | None:
    """Write what a person decided and return whom the mail is about; None when it is not uncertain (any more).

    That a message went is told as of any other. An erasure waits until the decision can be seen beside its message.
    """
    await hold_off_erasures(connection)
    code = CODES[outcome]
    found = await connection.fetchrow(SETTLE_MESSAGE, message_id, outcome, code, now)
    if found is None:
        profile_id: UUID | None = await connection.fetchval(SETTLE_NOTICE, message_id, outcome, code, now)
        return profile_id
    if outcome == "sent":
        sent = MessageSentV1(**found, sent_at=now)
        emit(events.TOPIC, sent.customer_id.bytes, events.encode_sent(sent, now))
    else:
        await unserve(connection, [message_id])
    await log_decisions(connection, [Decision(message_id, code, {"by": by})], now)
    about: UUID = found["profile_id"]
    return about
