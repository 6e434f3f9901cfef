"""Events as profile-service publishes them, and short looks into the database."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from tests.integration import regrouping

from guanxi_contracts.catalog import CUSTOMER_MERGED_TOPIC, TOUCHPOINT_RESOLVED_TOPIC
from guanxi_contracts.customer import CUSTOMER_MERGED, CUSTOMER_SPLIT, CustomerMergedV1, CustomerSplitV1
from guanxi_contracts.touchpoint import (
    TOUCHPOINT_RESOLVED,
    Purchase,
    RecordStanding,
    TouchpointReceivedV1,
    TouchpointResolvedV1,
)
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.log.port import Outgoing
from guanxi_kit.packs import load_pack
from interaction_service.adapters.timeline import MonthlyPartitions, PostgresTimelineWriter
from interaction_service.application.content import SealedContent, encode_content
from interaction_service.application.making import make_noticing
from interaction_service.application.recording import Recording
from interaction_service.consumers.touchpoint_resolved import command

from .conftest import NOW, Engine, Service

_NUMBERS = itertools.count(1)


def resolved(
    keyring: Keyring,
    profile: UUID,
    *,
    customer: UUID | None = None,
    version: int = 1,
    at: datetime = NOW,
    number: int | None = None,
    kind: Any = "track",
    channel: str = "web",
    name: str | None = "Viewed",
    purchase: Purchase | None = None,
    record: RecordStanding | None = None,
    **content: Any,
) -> TouchpointResolvedV1:
    """Return a resolved touchpoint; `content` goes under its seal."""
    identity = UUID(int=next(_NUMBERS) if number is None else number)
    sealed = SealedContent(message_id=str(identity.int), identifiers=[], **content)
    return TouchpointResolvedV1(
        profile_id=profile,
        customer_id=customer or profile,
        membership_version=version,
        touchpoint=TouchpointReceivedV1(
            touchpoint_id=identity,
            channel=channel,
            kind=kind,
            name=name,
            occurred_at=at,
            received_at=NOW,
            identifiers=[],
            sealed=keyring.seal(encode_content(sealed), identity.bytes),
            purchase=purchase,
        ),
        record=record,
    )


def resolved_again(touchpoint: TouchpointReceivedV1, customer: UUID) -> TouchpointResolvedV1:
    """Return what the service told about a customer as profile-service resolves it."""
    return TouchpointResolvedV1(
        profile_id=customer, customer_id=customer, membership_version=1, touchpoint=touchpoint
    )


def merged(into: UUID, absorbed: UUID, moved: dict[UUID, int]) -> CustomerMergedV1:
    """Return a merge with the new versions of the moved fragments."""
    return regrouping.merged(into, absorbed, moved, UUID(int=next(_NUMBERS)))


Event = TouchpointResolvedV1 | CustomerMergedV1 | CustomerSplitV1


def outgoing(event: Event) -> Outgoing:
    """Return the record of an event, as profile-service publishes it."""
    if isinstance(event, TouchpointResolvedV1):
        value = TOUCHPOINT_RESOLVED.encode(event, id="1", source="test", time=NOW)
        return Outgoing(TOUCHPOINT_RESOLVED_TOPIC.name, event.customer_id.bytes, value)
    if isinstance(event, CustomerSplitV1):
        value = CUSTOMER_SPLIT.encode(event, id="1", source="test", time=NOW)
    else:
        value = CUSTOMER_MERGED.encode(event, id="1", source="test", time=NOW)
    return Outgoing(CUSTOMER_MERGED_TOPIC.name, event.customer_id.bytes, value)


async def publish(engine: Engine, records: Sequence[Outgoing]) -> None:
    """Append records to the log."""
    producer = engine.producer()
    await producer.start()
    try:
        await producer.append(records)
    finally:
        await producer.stop()


async def record(service: Service, *events: TouchpointResolvedV1) -> None:
    """Store touchpoints as the worker does."""
    pack = load_pack(service.settings.pack_dir, service.settings.pack)
    recording = Recording(MonthlyPartitions(service.database), make_noticing(service.keyring, pack))
    async with service.database.transaction() as connection:
        await recording.record(command(events), PostgresTimelineWriter(connection))


async def count(database: Database, sql: str, *arguments: Any) -> int:
    """Return the number that a query gives."""
    async with database.connection() as connection:
        found: int = await connection.fetchval(sql, *arguments)
        return found


async def rows(database: Database, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    """Return the rows of a query."""
    async with database.connection() as connection:
        return list(await connection.fetch(sql, *arguments))
