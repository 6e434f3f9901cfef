"""A person with a life, and what is left after an erasure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from guanxi_contracts.privacy import LegalHold
from guanxi_contracts.score import ScoreChangedV1
from guanxi_contracts.touchpoint import TouchpointReceivedV1
from profile_service.adapters.erasure_seals import KeyringSeals
from profile_service.adapters.ledger_store import PostgresLedger
from profile_service.adapters.person_store import PostgresPersons
from profile_service.application.erase_customer import EraseCustomer, Erased, ErasureAsked
from profile_service.consumers.score_changed import handle_scores

from .conftest import START, ProfileWorld

PERSON = ("member_number:m-77", "phone:+8613900000077", "email:ada@example.com", "device_id:d-77")


def erasing(world: ProfileWorld) -> EraseCustomer:
    return EraseCustomer(KeyringSeals(world.keyring), world.clock)


async def erase(world: ProfileWorld, text: str, *holds: LegalHold) -> Erased:
    """Erase whom an identifier belongs to, as the API does it."""
    asked = ErasureAsked(None, world.ref(text).hash, "asked by mail", "dpo-1", holds)
    async with world.db.transaction() as connection:
        return await erasing(world)(
            asked, PostgresPersons(connection, world.keyring), PostgresLedger(connection)
        )


async def text_of(world: ProfileWorld) -> str:
    """Every row of every table as text."""
    tables = await world.db.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'profile'")
    parts = []
    for (table,) in tables:
        if table != "alembic_version":
            parts += [row[0] for row in await world.db.pool.fetch(f"SELECT t::text FROM {table} AS t")]
    return "\n".join(parts)


async def left_of(world: ProfileWorld, *identifiers: str) -> list[str]:
    """Identifiers whose keyed hash stands in some table."""
    await world.db.pool.execute("DELETE FROM outbox")
    text = await text_of(world)
    return [each for each in identifiers if world.ref(each).hash.hex() in text]


async def life(world: ProfileWorld) -> list[TouchpointReceivedV1]:
    """A person with two fragments, traits, a refused link, a score and a dead letter; and somebody else."""
    touchpoints = [
        world.touchpoint("m1", PERSON[3], traits={"city": "Shanghai"}, amount=500),
        world.touchpoint("m2", PERSON[1], at=timedelta(minutes=1), channel="pos", amount=700),
        world.touchpoint("m3", PERSON[0], PERSON[1], PERSON[3], at=timedelta(minutes=2), traits={"a": 1}),
        world.touchpoint("m4", PERSON[0], PERSON[2], at=timedelta(minutes=3)),
        world.touchpoint("m5", "member_number:m-78", "email:ben@example.com", traits={"city": "Wuhan"}),
        world.touchpoint("m6", PERSON[0], "member_number:m-78", at=timedelta(minutes=4)),
    ]
    for touchpoint in touchpoints:
        await world.resolve([touchpoint])
    await world.work(handle_scores, [world.received(score(each)) for each in await customers(world)])
    await world.db.pool.execute(
        "INSERT INTO dead_letter (topic, partition, record_offset, record_key, sealed_value, reason, parked_at)"
        " VALUES ('touchpoint.received', 0, 999, $1, 'x', 'refused', now())",
        world.ref(PERSON[1]).hash,
    )
    world.clock.advance(timedelta(hours=1))
    return touchpoints


async def customers(world: ProfileWorld) -> list[UUID]:
    return sorted(set((await world.memberships()).values()))


def score(customer_id: UUID) -> ScoreChangedV1:
    return ScoreChangedV1(
        customer_id=customer_id,
        revision=1,
        tier="ordinary",
        previous_tier=None,
        recency=0,
        frequency=0,
        monetary=0,
        purchases=0,
        amount_minor=0,
        last_purchase_at=None,
        computed_at=START,
    )


async def count(world: ProfileWorld, sql: str, *arguments: Any) -> int:
    return int(await world.db.pool.fetchval(sql, *arguments))
