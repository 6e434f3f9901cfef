"""Consents from a file: what is right is taken once, what is wrong is told, and a large one is a sealed job."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from guanxi_kit.consumer.relay import Relay
from guanxi_kit.consumer.unit import stream_unit
from guanxi_kit.jobs import read_job
from guanxi_kit.log.memory import MemoryLog, MemoryProducer
from profile_service.adapters.consent_import_job import ConsentImport
from profile_service.adapters.consenting import Consenting

from .conftest import Api, ProfileWorld
from .consent_calls import PURPOSES, YES, check, customers


def line(item: str, **given: Any) -> dict[str, Any]:
    return {**YES, "item_id": item, **given}


async def send(api: Api, *lines: dict[str, Any] | str) -> Any:
    body = "\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines)
    headers = {**api.staff.headers("dpo"), "content-type": "application/x-ndjson"}
    return await api.client.post("/v1/consents/import", content=body.encode(), headers=headers)


async def test_an_import_takes_what_is_right_once_and_says_what_is_wrong(
    world: ProfileWorld, api: Api
) -> None:
    phone = {"type": "phone", "value": "139 0000 1234"}
    ada, bo = await customers(world, "phone:+8613900001234", "email:e1")
    lines: list[dict[str, Any] | str] = [
        line("1", identifier=phone),
        line("2", customer_id=str(bo), decision="denied", effective_at="2024-01-01T00:00:00+08:00"),
        "not json",
        line("4"),
        line("5", customer_id=str(UUID(int=5))),
        line("6", identifier={"type": "phone", "value": "+8613900005678"}),
        line("7", identifier={"type": "phone", "value": "guest"}),
        line("8", customer_id=str(ada), purpose="x"),
        line("1", identifier=phone, decision="denied"),
    ]
    answer = await send(api, *lines)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["accepted"], document["repeated"], document["job_id"]) == (2, 0, None)
    assert [(each["line"], each["field"]) for each in document["refused"]] == [
        (3, "line"),
        (4, "identifier"),
        (5, "customer_id"),
        (6, "identifier"),
        (7, "identifier"),
        (8, "purpose"),
        (9, "item_id"),
    ]
    assert (await check(api, ada), await check(api, bo)) == ("granted", "denied")
    again = (await send(api, *lines[:2], line("2", customer_id=str(ada)))).json()
    assert (again["accepted"], again["repeated"]) == (0, 2)
    assert [(each["line"], each["field"]) for each in again["refused"]] == [(3, "item_id")]
    assert await world.db.pool.fetchval("SELECT count(*) FROM consent_event") == 2
    assert (await send(api)).status_code == 400


async def test_a_large_import_is_a_job_whose_parts_are_sealed(world: ProfileWorld, api: Api) -> None:
    founded = await customers(world, *(f"member_number:m{n}" for n in range(620)))
    lines = [
        line(f"i{n}", customer_id=str(each), evidence=f"form {n} of Lin") for n, each in enumerate(founded)
    ]
    answer = await send(api, *lines, line("unknown", customer_id=str(UUID(int=5))), "{}")
    assert answer.status_code == 202, answer.text
    assert [each["line"] for each in answer.json()["refused"]] == [622]
    job_id = UUID(answer.json()["job_id"])
    parts = await world.db.pool.fetch("SELECT sealed FROM consent_import")
    assert len(parts) == 2
    assert not any(b"Lin" in row["sealed"] for row in parts)
    handler = ConsentImport(Consenting(PURPOSES, world.keyring), world.keyring)
    relay = Relay(world.db, MemoryProducer(MemoryLog()), streams=["profile.jobs"])
    done: list[int] = []
    while not done or done[-1] < 621:
        async with world.db.connection() as connection:
            job = await read_job(connection, job_id)
        assert job is not None
        async with stream_unit(world.db, relay, "profile.jobs", world.clock) as unit:
            step = await handler.commit(unit, job, None)
            await unit.connection.execute(
                "UPDATE job SET cursor = $2, done = $3, result = $4 WHERE job_id = $1",
                job_id,
                step.cursor,
                step.done,
                step.result,
            )
        done.append(step.done)
    assert (done, step.finished) == ([500, 621], True)
    assert (step.result["accepted"], step.result["refused"]) == (620, 2)
    assert [(each["line"], each["field"]) for each in step.result["refusals"]] == [
        (622, "purpose"),
        (621, "customer_id"),
    ]
    assert await world.db.pool.fetchval("SELECT count(*) FROM consent_import") == 0
    assert await check(api, founded[619]) == "granted"
