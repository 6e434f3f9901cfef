"""Needs in PostgreSQL, and as touchpoints of the customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from guanxi_contracts.catalog import TOUCHPOINT_RECEIVED_TOPIC
from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, TouchpointReceivedV1
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.crypto import Keyring, SealBroken
from guanxi_kit.packs import NeedSettings
from interaction_service.adapters.membership import CUSTOMERS
from interaction_service.adapters.tallies import Tallies
from interaction_service.adapters.touchpoint_log import SOURCE
from interaction_service.application.content import SealedContent, encode_content, encode_json
from interaction_service.application.need_log import Need, NeedLog
from interaction_service.application.staff_edits import STAFF
from interaction_service.domain.touchpoint import touchpoint_id

LOGGED = "Need Logged"
ADD = """
INSERT INTO need (need_id, profile_id, kind, scene, reason, actor, logged_at, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (need_id) DO NOTHING RETURNING need_id
"""
ONE = "SELECT * FROM need WHERE need_id = $1"
LIST = """
SELECT * FROM need WHERE profile_id = ANY($1::uuid[]) AND (logged_at, need_id) < ($2, $3)
ORDER BY logged_at DESC, need_id DESC LIMIT $4
"""


def need_aad(need_id: UUID) -> bytes:
    """What binds what a customer said to the need."""
    return b"need\0" + need_id.bytes


class PostgresNeeds:
    """The `NeedStore` port, and reading, over one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def is_known(self, profile_id: UUID) -> bool:
        """Tell whether anybody has this id."""
        return bool(await self._connection.fetch(CUSTOMERS, [profile_id]))

    async def add(self, need: Need, what: str) -> Need | None:
        """Write a need; return the one that is there already, if any."""
        sealed = self._keyring.seal(what.encode(), need_aad(need.need_id))
        values = (
            need.need_id,
            need.profile_id,
            need.kind,
            need.scene,
            need.reason,
            need.actor,
            need.logged_at,
        )
        if await self._connection.fetchrow(ADD, *values, sealed) is not None:
            return None
        row = await self._connection.fetchrow(ONE, need.need_id)
        return None if row is None else need_of(row)

    async def page(
        self, people: Sequence[UUID], limit: int, behind: tuple[datetime, UUID]
    ) -> list[asyncpg.Record]:
        """Return needs of these fragments, the newest first."""
        return list(await self._connection.fetch(LIST, list(people), *behind, limit))

    def what_of(self, row: asyncpg.Record) -> str | None:
        """Return what the customer said; None where it cannot be opened."""
        try:
            return self._keyring.open(row["sealed"], need_aad(row["need_id"])).decode()
        except SealBroken:
            return None


def need_of(row: asyncpg.Record) -> Need:
    """Return the need of a row."""
    return Need(**{name: value for name, value in row.items() if name != "sealed"})


def make_need_log(unit: StreamUnit, keyring: Keyring, settings: NeedSettings, zone: ZoneInfo) -> NeedLog:
    """Return the need log of a transaction that publishes."""

    def tell(need: Need, what: str) -> None:
        touchpoint = _touchpoint(need, what, keyring)
        value = TOUCHPOINT_RECEIVED.encode(
            touchpoint, id=touchpoint.touchpoint_id.hex, source=SOURCE, time=unit.now
        )
        unit.emit(TOUCHPOINT_RECEIVED_TOPIC.name, need.profile_id.bytes, value)

    tallies = Tallies(unit.connection, zone)
    return NeedLog(
        PostgresNeeds(unit.connection, keyring),
        tell,
        settings,
        unit.now,
        counts=tallies,
        day=tallies.day(unit.now),
    )


def _touchpoint(need: Need, what: str, keyring: Keyring) -> TouchpointReceivedV1:
    message_id = f"need\0{need.need_id}"
    identity = touchpoint_id(STAFF, message_id)
    about: dict[str, Any] = {"kind": need.kind, "scene": need.scene, "reason": need.reason, "content": what}
    content = SealedContent(
        message_id=message_id, identifiers=[], actor=need.actor, properties=encode_json(about)
    )
    return TouchpointReceivedV1(
        touchpoint_id=identity,
        channel=STAFF,
        kind="track",
        name=LOGGED,
        occurred_at=need.logged_at,
        received_at=need.logged_at,
        identifiers=[],
        sealed=keyring.seal(encode_content(content), identity.bytes),
        profile_id=need.profile_id,
    )
