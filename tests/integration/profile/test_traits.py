"""Traits with lineage: precedence and recency, history, as-of, what merges and repeats do to them."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from profile_service.adapters import trait_reads, trait_store

from .conftest import START, Api, ProfileWorld


async def customer_of(world: ProfileWorld) -> str:
    """The customer of the newest touchpoint."""
    return str((await world.events()).resolved[-1].customer_id)


async def tell(world: ProfileWorld, channel: str, hour: int, who: str = "user_id:u1", **traits: Any) -> None:
    message = f"{channel}-{hour}-{who}-{traits}"
    await world.resolve(
        [world.touchpoint(message, who, traits=traits, at=timedelta(hours=hour), channel=channel)]
    )


async def read(api: Api, path: str, **query: str) -> Any:
    clear = {"clear": "true", "reason": "to see which value won"}
    answer = await api.get(path, role="agent", **clear, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_precedence_wins_over_recency_and_both_say_so(world: ProfileWorld, api: Api) -> None:
    await tell(world, "staff", 1, name="Lin", city="Wuhan")
    await tell(world, "web", 5, name="Lin Y.", age=31)
    await tell(world, "store", 3, name="Lin Yi", age=30)
    path = f"/v1/customers/{await customer_of(world)}"
    shown = (await read(api, path))["traits"]
    assert {name: (trait["value"], trait["source"], trait["because"]) for name, trait in shown.items()} == {
        "name": ("Lin", "staff", "precedence"),
        "city": ("Wuhan", "staff", "only"),
        "age": (31, "channel", "recency"),
    }
    detail = (await read(api, f"{path}/traits"))["traits"]["name"]
    assert [(other["channel"], other["value"]) for other in detail["others"]] == [
        ("store", "Lin Yi"),
        ("web", "Lin Y."),
    ]


async def test_a_deletion_is_a_value_that_the_view_hides(world: ProfileWorld, api: Api) -> None:
    await tell(world, "web", 1, name="Lin", age=30)
    await tell(world, "staff", 2, name=None)
    await tell(world, "web", 3, age=None)
    path = f"/v1/customers/{await customer_of(world)}"
    assert (await read(api, path))["traits"] == {}
    history = (await read(api, f"{path}/traits/name/history"))["items"]
    assert [(each["value"], each["source"]) for each in history] == [(None, "staff"), ("Lin", "channel")]
    before = await read(api, f"{path}/traits", as_of=(START + timedelta(hours=1.5)).isoformat())
    assert before["traits"]["name"]["value"] == "Lin"


async def test_late_values_land_at_their_place_and_moments_can_be_asked_for(
    world: ProfileWorld, api: Api
) -> None:
    for told, city in ((1, "Wuhan"), (8, "Beijing"), (2, "Wuhan"), (5, "Xi'an"), (3, "Lhasa")):
        await tell(world, "web", told, city=city)
    path = f"/v1/customers/{await customer_of(world)}/traits"
    pages: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await read(api, f"{path}/city/history", limit="2", **cursor)
        pages += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [each["value"] for each in pages] == ["Beijing", "Xi'an", "Lhasa", "Wuhan"]
    held = {}
    for hour in (0, 1, 2.5, 4, 6, 9):
        at = START + timedelta(hours=hour)
        moment = await read(api, path, as_of=at.isoformat())
        held[hour] = moment["traits"].get("city", {}).get("value")
    assert held == {0: None, 1: "Wuhan", 2.5: "Wuhan", 4: "Lhasa", 6: "Xi'an", 9: "Beijing"}
    assert (await api.get(path, as_of="2024-05-01T08:00:00")).status_code == 400, "a moment needs a zone"
    assert (await api.get(path, as_of="0001-01-01T00:00:00+14:00")).status_code == 400


async def test_a_merge_keeps_the_lineage_of_both(world: ProfileWorld, api: Api) -> None:
    await tell(world, "web", 1, "device_id:d1", city="Wuhan")
    await tell(world, "web", 2, "phone:p1", city="Lhasa")
    await world.resolve([world.touchpoint("m", "phone:p1", "device_id:d1", at=timedelta(3))])
    path = f"/v1/customers/{await customer_of(world)}/traits"
    city = (await read(api, path))["traits"]["city"]
    assert (city["value"], city["because"], city["others"][0]["value"]) == ("Lhasa", "recency", "Wuhan")
    history = (await read(api, f"{path}/city/history"))["items"]
    assert len({each["profile_id"] for each in history}) == 2
    assert {row["profile_id"] for row in await world.db.pool.fetch("SELECT profile_id FROM trait_value")} == {
        row["profile_id"] for row in await world.db.pool.fetch("SELECT profile_id FROM fragment")
    }


async def sizes(world: ProfileWorld) -> tuple[int, int]:
    return (
        await world.db.pool.fetchval("SELECT count(*) FROM trait_source"),
        await world.db.pool.fetchval("SELECT count(*) FROM trait_value"),
    )


async def test_a_value_told_again_and_again_adds_no_row(world: ProfileWorld) -> None:
    told = [
        world.touchpoint(
            f"m{n}", "user_id:u1", traits={"city": "Wuhan", "vip": True}, at=timedelta(seconds=n)
        )
        for n in range(2_000)
    ]
    await world.resolve(told[:1000])
    assert await sizes(world) == (2, 2)
    await world.resolve(told[1000:])
    assert await sizes(world) == (2, 2)
    last = await world.db.pool.fetchval("SELECT DISTINCT occurred_at FROM trait_source")
    assert last == START + timedelta(seconds=1999)


async def test_workers_that_tell_of_one_person_at_once_agree(world: ProfileWorld) -> None:
    async def work(worker: int) -> None:
        for n in range(6):
            hour = n * 4 + worker
            value = "same" if n % 2 else f"w{worker}"
            touchpoint = world.touchpoint(
                f"{worker}-{n}", "user_id:u1", traits={"city": value}, at=timedelta(hours=hour)
            )
            await world.resolve([touchpoint], partition=worker)

    await asyncio.gather(*(work(worker) for worker in range(4)))
    rows = await world.db.pool.fetch(
        "SELECT value_hash, occurred_at FROM trait_value ORDER BY occurred_at DESC"
    )
    standing = await world.db.pool.fetchrow("SELECT * FROM trait_source")
    assert rows[0]["value_hash"] == standing["value_hash"]
    assert standing["occurred_at"] == START + timedelta(hours=23)


async def test_writes_of_the_version_before_are_mirrored(world: ProfileWorld, api: Api) -> None:
    await tell(world, "web", 1, city="Wuhan")
    customer_id = await customer_of(world)
    (profile_id,) = (await world.memberships()).keys()
    old = """INSERT INTO trait AS standing (profile_id, name, sealed, channel, occurred_at, touchpoint_id)
      VALUES ($1, 'city', $2, $3, $4, $1) ON CONFLICT (profile_id, name) DO UPDATE SET
      sealed = excluded.sealed, channel = excluded.channel, occurred_at = excluded.occurred_at"""
    aad = profile_id.bytes + b"city"
    for channel, hour, value in (("web", 2, b'"Lhasa"'), ("app", 3, b'"Xining"'), ("web", 4, b'"Lhasa"')):
        sealed = world.keyring.seal(value, aad)
        await world.db.pool.execute(old, profile_id, sealed, channel, START + timedelta(hours=hour))
    path = f"/v1/customers/{customer_id}/traits"
    assert (await read(api, path))["traits"]["city"]["value"] == "Lhasa"
    assert len((await read(api, f"{path}/city/history"))["items"]) == 4
    await tell(world, "web", 5, city="Lhasa")
    assert len((await read(api, f"{path}/city/history"))["items"]) == 4, "recognised without a hash"
    await tell(world, "web", 3, city="Wuhan")
    history = (await read(api, f"{path}/city/history"))["items"]
    assert [each["value"] for each in history] == ["Lhasa", "Wuhan", "Xining", "Lhasa", "Wuhan"]


@pytest.mark.parametrize("statement", ["TRAITS", "TRAITS_AS_OF", "HISTORY", "BEFORE"])
async def test_ten_thousand_changes_cost_a_read_nothing(world: ProfileWorld, statement: str) -> None:
    await tell(world, "web", 1, city="Wuhan")
    (profile_id,) = (await world.memberships()).keys()
    await world.db.pool.execute(
        "INSERT INTO trait_value SELECT $1, 'city', 'web', $2::timestamptz - n * interval '1 s', $1, '', '', now()"
        " FROM generate_series(1, 10000) AS n",
        profile_id,
        START,
    )
    moment = START - timedelta(seconds=5_000)
    given: dict[str, list[Any]] = {
        "TRAITS": [[profile_id], None],
        "TRAITS_AS_OF": [[profile_id], moment],
        "HISTORY": [[profile_id], "city", moment, profile_id, 50],
        "BEFORE": [[profile_id], ["city"], ["web"], [moment], [profile_id]],
    }
    connection = await asyncpg.connect(world.dsns.owner["profile"])
    try:
        await connection.execute("ANALYZE trait_value, trait_source, fragment")
        module = trait_store if statement == "BEFORE" else trait_reads
        text = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {getattr(module, statement)}"
        (plan,) = json.loads(await connection.fetchval(text, *given[statement]))
        assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] < 40
    finally:
        await connection.close()
