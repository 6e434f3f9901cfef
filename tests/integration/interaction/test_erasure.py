"""A person's timeline goes in bounded steps, and nothing late brings it back."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import msgspec

from guanxi_contracts.catalog import PRIVACY_ERASURE_TOPIC, PRIVACY_RECEIPT_TOPIC
from guanxi_contracts.privacy import ERASURE_RECEIPT, ERASURE_REQUESTED, ErasureRequestedV1, LegalHold
from guanxi_contracts.touchpoint import Purchase
from guanxi_kit.log.port import Outgoing
from guanxi_kit.testing import eventually
from interaction_service.adapters.timeline_erasure import held_aad

from .conftest import NOW, MemoryEngine, Service, read_all, running_worker
from .events import count, merged, outgoing, publish, resolved

THEIRS = "SELECT count(*) FROM touchpoint WHERE profile_id = ANY($1::uuid[])"


def request_of(*profile_ids: UUID, holds: tuple[LegalHold, ...] = ()) -> ErasureRequestedV1:
    return ErasureRequestedV1(
        request_id=uuid4(),
        customer_ids=sorted(profile_ids),
        profile_ids=sorted(profile_ids),
        tombstones=[],
        requested_at=NOW,
        holds=list(holds),
    )


def erasure(request: ErasureRequestedV1) -> Outgoing:
    value = ERASURE_REQUESTED.encode(request, id="1", source="test", time=NOW)
    return Outgoing(PRIVACY_ERASURE_TOPIC.name, request.request_id.bytes, value)


async def receipts(service: Service) -> list[tuple[str, dict[str, int], str | None]]:
    records = await read_all(service.engine, PRIVACY_RECEIPT_TOPIC.name)
    told = [ERASURE_RECEIPT.decode(value).data for _, value in records]
    return [(each.state, each.erased, each.legal_ground) for each in told]


async def test_a_timeline_over_months_goes_and_stays_away(service: Service, memory: MemoryEngine) -> None:
    gone, joined, other = uuid4(), uuid4(), uuid4()
    events = [
        resolved(service.keyring, person, at=NOW - timedelta(days=day))
        for person in (gone, joined, other)
        for day in range(0, 400, 10)
    ]
    await publish(memory, [outgoing(event) for event in events])
    await publish(memory, [outgoing(merged(gone, joined, {joined: 2}))])
    request = request_of(gone, joined)
    async with running_worker(service):
        await eventually(lambda: has(service, [gone, joined, other], 120))
        await publish(memory, [erasure(request)])
        await eventually(lambda: told(service, 2))
        late = [
            resolved(service.keyring, gone, number=777),
            resolved(service.keyring, other, number=778),
        ]
        await publish(memory, [outgoing(event) for event in late])
        await publish(memory, [outgoing(merged(other, joined, {joined: 9}))])
        await eventually(lambda: has(service, [other], 41))
        assert (await service.timeline(gone)).status_code == 404
        await publish(memory, [erasure(request)])
        await eventually(lambda: told(service, 4))
    assert await count(service.database, THEIRS, [gone, joined]) == 0
    assert await count(service.database, "SELECT count(*) FROM membership") == 1
    told_so = await receipts(service)
    assert told_so[:2] == [
        ("acknowledged", {"membership": 2}, None),
        ("done", {"membership": 2, "touchpoint": 80}, None),
    ]
    assert told_so[-1][:2] == ("done", {"touchpoint": 0}), "asked again, there is nothing left to do"


async def has(service: Service, people: list[UUID], touchpoints: int) -> bool:
    return await count(service.database, THEIRS, people) == touchpoints


async def told(service: Service, times: int) -> bool:
    return len(await receipts(service)) >= times


async def test_a_legal_hold_keeps_the_figures_of_purchases_under_seal(
    service: Service, memory: MemoryEngine
) -> None:
    person = uuid4()
    events = [
        resolved(service.keyring, person, at=NOW - timedelta(minutes=n), purchase=bought)
        for n, bought in enumerate([None, *(Purchase(100 + n, "CNY") for n in range(5)), None])
    ]
    await publish(memory, [outgoing(event) for event in events])
    request = request_of(person, holds=(LegalHold("purchases", "kept three years by law"),))
    async with running_worker(service):
        await eventually(lambda: has(service, [person], 7))
        await publish(memory, [erasure(request)])
        await eventually(lambda: told(service, 2))
    assert (await receipts(service))[1] == (
        "retained",
        {"membership": 1, "key_moment": 1, "touchpoint": 7},
        "kept three years by law",
    )
    async with service.database.connection() as connection:
        (row,) = await connection.fetch("SELECT * FROM held_record")
    kept = msgspec.json.decode(service.keyring.open(row["sealed"], held_aad(request.request_id)))
    assert [each["amount_minor"] for each in kept] == [104, 103, 102, 101, 100]
    assert str(person) not in str(kept)


async def test_a_long_timeline_goes_in_bounded_steps(service: Service, memory: MemoryEngine) -> None:
    person, other = uuid4(), uuid4()
    async with running_worker(service):
        await publish(memory, [outgoing(resolved(service.keyring, each)) for each in (person, other)])
        await eventually(lambda: has(service, [person, other], 2))
        async with service.database.connection() as connection:
            await connection.execute(
                "INSERT INTO touchpoint SELECT $1, $2::timestamptz - n * interval '1 hour', gen_random_uuid(), $2,"
                " NULL, NULL, 'web', 'track', 'Viewed', NULL, 'x' FROM generate_series(1, 6500) AS n",
                person,
                NOW,
            )
        await publish(memory, [erasure(request_of(person))])
        await eventually(lambda: told(service, 2), timeout=60)
    assert (await receipts(service))[1][1]["touchpoint"] == 6501
    assert await count(service.database, THEIRS, [person]) == 0
    steps = await count(service.database, "SELECT done / 1000 FROM job")
    assert steps == 6
