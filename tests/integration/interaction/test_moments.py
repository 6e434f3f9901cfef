"""Key moments: right whatever the order of events, over merges and undos, in the timeline and by themselves."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.integration import regrouping

from guanxi_contracts.touchpoint import Purchase, TouchpointResolvedV1
from guanxi_kit.consumer import Relay
from guanxi_kit.erasure import remember_erased
from guanxi_kit.jobs import JobRunner, read_job, submit_once
from guanxi_kit.packs import load_pack
from guanxi_kit.testing import eventually
from interaction_service.adapters.index_timeline import KIND, IndexTimeline
from interaction_service.application.making import make_noticing
from interaction_service.main import JOBS

from .conftest import NOW, PACKS, MemoryEngine, Service, running_worker
from .events import count, merged, outgoing, publish, record, resolved
from .test_erasure import erasure, request_of
from .test_timeline import iso, walk


async def moments(service: Service, customer: UUID) -> dict[str, tuple[str, str]]:
    """Return the first and the last time of each moment."""
    response = await service.client.get(
        f"/v1/customers/{customer}/moments", headers=service.staff.headers("agent")
    )
    assert response.status_code == 200, response.text
    return {item["moment"]: (item["first_at"], item["last_at"]) for item in response.json()["items"]}


async def marked(service: Service, customer: UUID, **query: Any) -> dict[str, list[str]]:
    """Return the moments of the entries that are one, by time."""
    pages = await walk(service, customer, **query)
    return {item["occurred_at"]: item["moments"] for page in pages for item in page if item["moments"]}


def bought(service: Service, person: UUID, days: int, fen: int = 5_000, **more: Any) -> TouchpointResolvedV1:
    return resolved(
        service.keyring,
        person,
        at=NOW - timedelta(days=days),
        name="Order Completed",
        purchase=Purchase(fen, "CNY"),
        **more,
    )


def ago(days: int) -> str:
    return iso(NOW - timedelta(days=days))


@pytest.mark.parametrize("seed", range(3))
async def test_first_is_first_in_any_order(service: Service, seed: int) -> None:
    first, second = uuid4(), uuid4()
    own: dict[str, Any] = {"customer": first}
    events = [
        *(bought(service, first, days) for days in (1, 40, 80)),
        *(bought(service, second, days, **own) for days in (20, 60, 100)),
        bought(service, first, 120, fen=-500),
        bought(service, second, 5, fen=1_000_000, **own),
        resolved(service.keyring, second, at=NOW - timedelta(days=90), name="Question Asked", **own),
        resolved(service.keyring, first, at=NOW - timedelta(days=3), name="Question Asked"),
        *(
            resolved(
                service.keyring,
                first,
                at=NOW - timedelta(days=days),
                name="Review Posted",
                properties={"stars": stars},
            )
            for days, stars in ((7, 5), (8, 1), (9, "worst"), (10, None))
        ),
    ]
    random.Random(seed).shuffle(events)
    for begin in range(0, len(events), 4):
        await record(service, *events[begin : begin + 4], *events[:2])
    expected = {
        ago(100): ["first_purchase"],
        ago(90): ["first_consultation"],
        ago(8): ["bad_review"],
        ago(5): ["large_purchase"],
    }
    assert await marked(service, second) == expected
    for limit in (1, 2, 50):
        pages = await walk(service, first, moments=True, limit=limit)
        assert {item["occurred_at"]: item["moments"] for page in pages for item in page} == expected
    period = {"from": ago(90), "until": ago(8)}
    assert list(await marked(service, first, moments=True, **period)) == [ago(90)]
    assert list(await marked(service, first, moments=True, event="Order Completed")) == [ago(5), ago(100)]
    assert (await moments(service, first))["first_purchase"] == (ago(100), ago(100))
    assert (await moments(service, first))["bad_review"] == (ago(8), ago(8))


async def test_a_merge_and_its_undo_decide_anew(service: Service, memory: MemoryEngine) -> None:
    first, second = uuid4(), uuid4()
    complaint = resolved(service.keyring, second, at=NOW - timedelta(days=9), name="Complaint Submitted")
    await publish(memory, [outgoing(e) for e in (bought(service, first, 10), bought(service, second, 30))])
    async with running_worker(service):
        await publish(memory, [outgoing(complaint), outgoing(bought(service, first, 50))])
        await holding(service, 4)
        assert await marked(service, first) == {ago(50): ["first_purchase"]}
        assert await marked(service, second) == {ago(30): ["first_purchase"], ago(9): ["complaint"]}
        await publish(memory, [outgoing(merged(first, second, {second: 2}))])

        async def joined() -> bool:
            return len(await marked(service, second)) == 2 and ago(50) in await marked(service, second)

        await eventually(joined)
        assert await marked(service, first) == {ago(50): ["first_purchase"], ago(9): ["complaint"]}
        await publish(memory, [outgoing(regrouping.split(second, first, {second: 3}, UUID(int=9)))])

        async def parted() -> bool:
            return ago(30) in await marked(service, second)

        await eventually(parted)
        assert await marked(service, first) == {ago(50): ["first_purchase"]}
        await publish(memory, [erasure(request_of(first, second))])
        await eventually(lambda: is_empty(service))


async def holding(service: Service, touchpoints: int) -> None:
    async def holds() -> bool:
        return await count(service.database, "SELECT count(*) FROM touchpoint") == touchpoints

    await eventually(holds)


async def is_empty(service: Service) -> bool:
    return await count(service.database, "SELECT count(*) FROM key_moment") == 0


async def test_of_many_purchases_the_first_alone_is_kept(service: Service) -> None:
    person = uuid4()
    await record(service, *(bought(service, person, days) for days in range(200)))
    await record(service, *(bought(service, person, days) for days in range(100, 150)))
    assert await count(service.database, "SELECT count(*) FROM key_moment") == 1
    assert await marked(service, person, limit=200) == {ago(199): ["first_purchase"]}
    times = [datetime.fromisoformat(at) for at in await marked(service, person, moments=True, text="x")]
    assert times == []


async def test_the_case_of_a_reported_complaint_is_no_second_one(service: Service) -> None:
    first, second = uuid4(), uuid4()
    events = [
        resolved(
            service.keyring, person, customer=first, at=NOW - timedelta(days=days), name=name, properties=said
        )
        for person, name, days, said in (
            (second, "Complaint Submitted", 9, {"source": "channel"}),
            (first, "Complaint opened", 8, {"source": "channel"}),
            (second, "Complaint opened", 7, {"source": "channel"}),
            (second, "Complaint opened", 5, {"source": "staff"}),
            (first, "Complaint opened", 4, {}),
        )
    ]
    random.Random(4).shuffle(events)
    for event in events:
        await record(service, event)
    assert await marked(service, second) == {ago(days): ["complaint"] for days in (9, 5, 4)}
    assert await moments(service, first) == {"complaint": (ago(9), ago(4))}


async def test_moments_of_nobody(service: Service) -> None:
    assert (
        await service.client.get(f"/v1/customers/{uuid4()}/moments", headers=service.staff.headers("agent"))
    ).status_code == 404
    person = uuid4()
    await record(service, resolved(service.keyring, person))
    assert await moments(service, person) == {}


async def test_what_was_recorded_before_is_indexed_by_a_job(service: Service, memory: MemoryEngine) -> None:
    person, erased = uuid4(), uuid4()
    events = [bought(service, each, days) for each in (person, erased) for days in range(0, 300, 10)]
    words = [
        resolved(service.keyring, each, at=NOW - timedelta(days=95), properties={"message": "退款"})
        for each in (person, erased)
    ]
    await record(service, *events, *words)
    async with service.database.transaction() as connection:
        await connection.execute("DELETE FROM touchpoint_text WHERE profile_id = $1", erased)
        await connection.execute("UPDATE touchpoint_text SET words = '{7}'")
        await connection.execute("DELETE FROM key_moment")
        await remember_erased(connection, uuid4(), [erased], NOW)
        noticing = make_noticing(service.keyring, load_pack(PACKS, "services"))
        job_id = await submit_once(connection, KIND, {}, requested_by="test", now=NOW)
    handler = IndexTimeline(service.database, noticing, page=7)
    producer = memory.producer()
    await producer.start()
    relay = Relay(service.database, producer, streams=[JOBS])
    runner = JobRunner(service.database, relay, JOBS, {KIND: handler}, service.clock)
    running = asyncio.create_task(runner.run())

    async def ended() -> bool:
        async with service.database.connection() as connection:
            job = await read_job(connection, job_id)
        assert job is not None
        assert job.state != "failed", job.error
        return job.state == "done" and job.done == 62

    await eventually(ended)
    await runner.stop()
    await running
    await producer.stop()
    assert await marked(service, person, moments=True) == {ago(290): ["first_purchase"]}
    assert len([item for page in await walk(service, person, text="退款") for item in page]) == 1
    for table in ("touchpoint_text", "key_moment"):
        assert (
            await count(service.database, f"SELECT count(*) FROM {table} WHERE profile_id = $1", erased) == 0
        )
