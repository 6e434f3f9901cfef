"""An erasure that is killed, beside others, or read again after a restore: all of it at once, for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from guanxi_contracts.privacy import ErasureRequestedV1
from guanxi_kit.testing import eventually
from profile_service.adapters.erasure_events import requested
from profile_service.adapters.ledger_store import PostgresLedger
from profile_service.adapters.person_store import PostgresPersons
from profile_service.application.erase_customer import ErasureAsked
from profile_service.consumers import privacy_erasure

from .conftest import START, ProfileWorld
from .erasing import PERSON, count, erase, erasing, left_of, life, text_of


class _Killed(Exception):
    """The process died before this statement."""


class _Dying:
    """A connection that dies before its n-th statement."""

    def __init__(self, connection: Any, statements: int) -> None:
        self._connection, self._left = connection, statements

    def __getattr__(self, name: str) -> Any:
        if name not in ("execute", "fetch", "fetchrow", "fetchval"):
            return getattr(self._connection, name)
        self._left -= 1
        if self._left < 0:
            raise _Killed
        return getattr(self._connection, name)


async def test_killed_between_any_two_statements_it_is_all_or_nothing(world: ProfileWorld) -> None:
    await life(world)
    before = sorted((await text_of(world)).splitlines())
    asked = ErasureAsked(None, world.ref(PERSON[0]).hash, "r", "dpo-1")
    for statements in range(200):
        try:
            async with world.db.transaction() as connection:
                dying: Any = _Dying(connection, statements)
                await erasing(world)(asked, PostgresPersons(dying, world.keyring), PostgresLedger(dying))
        except _Killed:
            assert sorted((await text_of(world)).splitlines()) == before, statements
        else:
            break
    assert statements > 20
    assert await left_of(world, *PERSON) == []


@asynccontextmanager
async def stream(world: ProfileWorld, number: int) -> AsyncIterator[None]:
    """Touchpoints of the person and of others keep coming on a partition of their own."""
    stopping = asyncio.Event()

    async def run() -> None:
        turn = 0
        while not stopping.is_set():
            turn += 1
            batch = [
                world.touchpoint(f"{number}.{turn}.{n}", *who, traits={"turn": turn}, channel=f"c{turn % 5}")
                for n, who in enumerate(
                    (
                        (PERSON[1],),
                        (PERSON[0], f"device_id:of-{number}-{turn}"),
                        (f"user_id:other-{number}", f"device_id:other-{number}-{turn % 9}"),
                    )
                )
            ]
            await world.resolve(batch, number)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        stopping.set()
        await task


async def test_nothing_that_is_being_resolved_slips_past_an_erasure(world: ProfileWorld) -> None:
    await life(world)
    async with stream(world, 1), stream(world, 2), stream(world, 3):
        for _ in range(3):
            await more_resolved(world, 60)
            await erase(world, PERSON[0])
            await more_resolved(world, 30)
    await world.db.pool.execute("DELETE FROM outbox")
    assert await left_of(world, *PERSON) == []
    erased = [row[0] for row in await world.db.pool.fetch("SELECT profile_id FROM erased_fragment")]
    for table in ("activity", "trait", "fragment", "identifier"):
        assert await count(world, f"SELECT count(*) FROM {table} WHERE profile_id = ANY($1)", erased) == 0
    # Nobody is left over either: whoever has figures is somebody.
    assert (
        await count(
            world,
            "SELECT count(*) FROM activity LEFT JOIN fragment USING (profile_id)"
            " WHERE fragment.profile_id IS NULL",
        )
        == 0
    )
    totals = await world.db.pool.fetchrow("SELECT sum(touchpoints), sum(fragments) - sum(merges) FROM totals")
    assert totals[0] == await count(world, "SELECT sum(touchpoints) FROM activity")
    assert totals[1] == await count(world, "SELECT count(DISTINCT customer_id) FROM fragment")


async def more_resolved(world: ProfileWorld, touchpoints: int) -> None:
    """Wait until so many more touchpoints were seen."""
    least = touchpoints + await count(world, "SELECT count(*) FROM seen_touchpoint")

    async def grown() -> bool:
        return await count(world, "SELECT count(*) FROM seen_touchpoint") >= least

    await eventually(grown, timeout=60)


async def test_read_again_after_a_restore_the_request_erases_again(world: ProfileWorld) -> None:
    touchpoints = await life(world)
    erased = await erase(world, PERSON[0])
    request = erased.request
    assert request is not None
    event = msgspec.json.decode(
        msgspec.json.encode(msgspec.json.decode(requested(request, START).value)["data"]),
        type=ErasureRequestedV1,
    )
    handler = privacy_erasure.subscription(world.keyring).handler
    await world.db.pool.execute("DELETE FROM outbox")
    await world.work(handler, [world.received(event, topic="privacy.erasure")])
    assert (await world.events()).others == [], "what this database has erased it leaves alone"

    # The database of before: the same person, and nothing known of the erasure.
    for table in ("erasure_request", "erasure_receipt", "tombstone", "erased_fragment", "seen_touchpoint"):
        await world.db.pool.execute(f"DELETE FROM {table}")
    for touchpoint in touchpoints:
        await world.resolve([touchpoint])
    assert set(await left_of(world, *PERSON)) == set(PERSON)
    await world.work(handler, [world.received(event, topic="privacy.erasure")])
    assert await left_of(world, *PERSON) == []
    assert await count(world, "SELECT count(*) FROM erasure_receipt") == 8
    await world.db.pool.execute("DELETE FROM seen_touchpoint")
    await world.resolve(touchpoints)
    assert await left_of(world, *PERSON) == [], "the log is read again from the restored position"
