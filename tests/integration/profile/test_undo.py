"""Undoing merges: both sides get back what is theirs, and the same evidence does not bring them together again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count, pairwise
from typing import Any
from uuid import UUID

import pytest
from asyncpg.connection import Connection

from .conftest import Api, ProfileWorld
from .test_order_independence import grouped

REASON = {"reason": "another person"}
PHONE = "+8613900000001"


async def journal(world: ProfileWorld) -> list[UUID]:
    """The merges that hold, oldest first."""
    rows = await world.db.pool.fetch(
        "SELECT merge_id FROM merge_journal WHERE undone_at IS NULL ORDER BY merged_at, merge_id"
    )
    return [row["merge_id"] for row in rows]


async def customers(world: ProfileWorld) -> int:
    """The number of customers by the totals."""
    return int(await world.db.pool.fetchval("SELECT sum(fragments) - sum(merges) FROM totals"))


async def undo(api: Api, merge_id: UUID) -> dict[str, Any]:
    answer = await api.post(f"/v1/merges/{merge_id}/undo", REASON, "team_lead")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def view(api: Api, customer_id: object) -> dict[str, Any]:
    """A customer's view, without what grows whatever happens."""
    document: dict[str, Any] = (await api.get(f"/v1/customers/{customer_id}")).json()
    return {name: value for name, value in document.items() if name not in ("version", "redirected_from")}


async def two_merged(world: ProfileWorld) -> tuple[UUID, UUID]:
    """Two buyers with traits of their own, on the web and in a store; returns them once they are one."""
    await world.resolve(
        [
            world.touchpoint("m1", "device_id:d1", traits={"city": "Shanghai"}, amount=500),
            world.touchpoint(
                "m2", "phone:+8613900000001", traits={"city": "Beijing"}, at=timedelta(days=2), amount=700
            ),
        ]
    )
    first, second = sorted(await world.memberships())
    return first, second


async def link(world: ProfileWorld, message: str, *identifiers: str) -> None:
    await world.resolve([world.touchpoint(message, *identifiers, at=timedelta(days=3))])


async def test_an_undo_restores_both_views_and_says_so(world: ProfileWorld, api: Api) -> None:
    first, second = await two_merged(world)
    before = [await view(api, each) for each in (first, second)]
    await link(world, "m3", "phone:+8613900000001", "device_id:d1")
    assert (await view(api, second))["customer_id"] == str(first)
    (merge_id,) = await journal(world)
    undone = await undo(api, merge_id)
    assert undone == {
        "merge_id": str(merge_id),
        "customer_id": str(second),
        "parted_from": str(first),
        "fragments": [str(second)],
        "undone_at": "2024-05-01T08:00:00Z",
    }
    after = [await view(api, each) for each in (first, second)]
    for name in ("identifiers", "traits", "customer_number", "purchases", "fragments", "created_at"):
        assert [each[name] for each in after] == [each[name] for each in before], name
    assert [each["touchpoints"] for each in after] == [1, 2], "the link itself was the phone's"
    events = await world.events()
    assert events.projection() == await world.memberships() == {first: first, second: second}
    (split,) = events.split
    assert (split.customer_id, split.parted_from) == (second, first)
    assert [(moved.profile_id, moved.membership_version) for moved in split.moved] == [(second, 3)]
    assert [(e.customer_id, e.changed) for e in events.changed[-2:]] == [
        (second, ["split"]),
        (first, ["split"]),
    ]
    assert await customers(world) == 2
    assert not await world.db.pool.fetchval("SELECT bool_or(joined) FROM fragment")


async def test_after_the_undo_of_a_merge_by_hand_both_views_are_as_they_were(
    world: ProfileWorld, api: Api
) -> None:
    first, second = await two_merged(world)
    before = [await view(api, each) for each in (first, second)]
    body = {"customer_ids": [str(second), str(first)], "reason": "same"}
    merged = (await api.post("/v1/merges", body, "admin")).json()
    joint = await view(api, second)
    assert joint["purchases"]["amount_minor"] == 1_200
    await undo(api, UUID(merged["merge_id"]))
    assert [await view(api, each) for each in (first, second)] == before


async def test_no_view_ever_counts_backwards(world: ProfileWorld, api: Api) -> None:
    """Whichever id a frontend follows: after each merge, undo and change of the quarantine its version is higher."""
    first, second = await two_merged(world)
    scored = "INSERT INTO customer_score VALUES ($1, $2, now(), '{}')"
    await world.db.pool.execute(scored, first, 900)
    await world.db.pool.execute(scored, second, 70_000)
    shown: list[tuple[int, ...]] = []

    async def look() -> None:
        views = [(await api.get(f"/v1/customers/{each}")).json() for each in (first, second)]
        shown.append(tuple(each["version"] for each in views))

    await look()
    for _ in range(4):
        ids = [str(first), str(second)]
        merged = await api.post("/v1/merges", {"customer_ids": ids, "reason": "same"}, "admin")
        await look()
        await undo(api, UUID(merged.json()["merge_id"]))
        await look()
    for before, after in pairwise(shown):
        assert all(older < newer for older, newer in zip(before, after, strict=True)), shown
    assert max(shown[-1]) < 10_000_000, "it grows by what there is, not by doubling"
    body = {"type": "phone", "value": PHONE, "reason": "shared"}
    shut = (await api.post("/v1/quarantine", body, "admin")).json()
    await look()
    await api.post(f"/v1/quarantine/{shut['hash']}/release", REASON, "admin")
    await look()
    assert shown[-3][1] < shown[-2][1] < shown[-1][1]


async def test_the_same_evidence_merges_no_more_and_new_evidence_does(world: ProfileWorld, api: Api) -> None:
    first, second = await two_merged(world)
    await link(world, "m3", f"phone:{PHONE}", "device_id:d1")
    await undo(api, (await journal(world))[0])
    await link(world, "m4", f"phone:{PHONE}", "device_id:d1")
    await link(world, "m5", "device_id:d1", f"phone:{PHONE}", "email:ada@example.com")
    assert await world.memberships() == {first: first, second: second}
    refused = await world.db.pool.fetch("SELECT reason, times FROM link_refusal")
    assert [tuple(row) for row in refused] == [("undone", 2)]
    await link(world, "m6", "device_id:d1", "anonymous_id:a1")
    assert await world.memberships() == {first: first, second: second}
    await link(world, "m7", f"phone:{PHONE}", "anonymous_id:a1")
    assert await world.memberships() == {first: first, second: first}
    assert await customers(world) == 1


async def test_what_is_undone_stays_undone(world: ProfileWorld, api: Api) -> None:
    await two_merged(world)
    await link(world, "m3", "phone:+8613900000001", "device_id:d1")
    (merge_id,) = await journal(world)
    await undo(api, merge_id)
    again = await api.post(f"/v1/merges/{merge_id}/undo", REASON, "team_lead")
    assert again.status_code == 409
    assert again.json()["type"] == "urn:guanxi:problem:already-undone"
    assert again.json()["undone_by"] == "staff-1"
    assert await customers(world) == 2
    unknown = await api.post(f"/v1/merges/{UUID(int=7)}/undo", REASON, "team_lead")
    assert unknown.status_code == 404
    assert (await api.post(f"/v1/merges/{merge_id}/undo", REASON, "agent")).status_code == 403
    assert (await api.post(f"/v1/merges/{merge_id}/undo", {}, "team_lead")).status_code == 400


async def test_a_merge_in_the_middle_of_a_chain_parts_it_in_two(world: ProfileWorld, api: Api) -> None:
    await world.resolve(
        [world.touchpoint(f"m{n}", f"user_id:{n}", at=timedelta(seconds=n), amount=n) for n in range(1, 6)]
    )
    people = sorted(await world.memberships())
    merges = []
    for one, other in pairwise(people):
        answer = await api.post(
            "/v1/merges", {"customer_ids": [str(one), str(other)], "reason": "same"}, "admin"
        )
        assert answer.status_code == 200, answer.text
        merges.append(UUID(answer.json()["merge_id"]))
    undone = await undo(api, merges[1])
    assert undone["fragments"] == [str(each) for each in people[2:]]
    expected = dict.fromkeys(people[:2], people[0]) | dict.fromkeys(people[2:], people[2])
    assert await world.memberships() == expected
    assert (await view(api, people[4]))["purchases"]["amount_minor"] == 3 + 4 + 5
    assert (await view(api, people[1]))["purchases"]["amount_minor"] == 1 + 2
    assert await customers(world) == 2
    assert (await world.events()).projection() == expected
    joined = await world.db.pool.fetchval("SELECT bool_and(joined) FROM fragment")
    assert joined
    await undo(api, merges[2])
    assert await world.memberships() == expected | dict.fromkeys(people[3:], people[3])
    alone = await world.db.pool.fetch("SELECT profile_id FROM fragment WHERE NOT joined")
    assert [row["profile_id"] for row in alone] == [people[2]]


async def everything(world: ProfileWorld) -> list[list[tuple[Any, ...]]]:
    """All rows that a command may touch."""
    return [
        sorted(tuple(map(str, row.values())) for row in await world.db.pool.fetch(f"SELECT * FROM {table}"))
        for table in ("fragment", "merge_journal", "link_block", "totals", "outbox", "outbox_stream")
    ]


@contextmanager
def abort_after(monkeypatch: pytest.MonkeyPatch, statements: int) -> Iterator[None]:
    """Cut the connection of a command's transaction when it sends its n-th statement."""
    left = count(statements, -1)
    real = Connection._execute

    async def cut(self: Connection, *arguments: Any, **more: Any) -> Any:
        if self.is_in_transaction() and not next(left):
            self.terminate()
            raise ConnectionResetError
        return await real(self, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "_execute", cut)
        yield


async def test_merging_and_undoing_at_the_same_time_as_touchpoints_agree(
    world: ProfileWorld, api: Api
) -> None:
    """Hands merge and undo at random while two workers link the same people: versions, totals and edges agree."""
    chance = random.Random(7)
    await world.resolve(
        [world.touchpoint(f"p{n}", f"user_id:{n}", at=timedelta(seconds=n)) for n in range(12)]
    )
    people = sorted(await world.memberships())

    async def hands() -> None:
        for _ in range(25):
            if (held := await journal(world)) and chance.random() < 0.5:
                answer = await api.post(f"/v1/merges/{chance.choice(held)}/undo", REASON, "admin")
            else:
                ids = [str(each) for each in chance.sample(people, 2)]
                answer = await api.post("/v1/merges", {"customer_ids": ids, "reason": "same"}, "admin")
            assert answer.status_code in (200, 409), answer.text

    async def worker(partition: int) -> None:
        for number in range(25):
            one, other = chance.sample(range(12), 2)
            name = f"w{partition}-{number}"
            await world.resolve(
                [world.touchpoint(name, f"user_id:{one}", f"device_id:{other}")], partition=partition
            )

    await asyncio.gather(hands(), hands(), worker(0), worker(1))
    memberships = await world.memberships()
    assert (await world.events()).projection() == memberships
    assert await customers(world) == len(set(memberships.values()))
    parent = {each: each for each in memberships}

    def find(each: UUID) -> UUID:
        while parent[each] != each:
            each = parent[each]
        return each

    rows = await world.db.pool.fetch(
        "SELECT home_profile_id, owner_profile_id FROM merge_journal WHERE undone_at IS NULL"
    )
    for home, owner in rows:
        assert find(home) != find(owner), "the edges that hold are no forest"
        parent[find(home)] = find(owner)
    assert grouped({each: find(each) for each in parent}) == grouped(memberships)
    for group in grouped(memberships):
        assert {memberships[each] for each in group} == {min(group)}


@pytest.mark.parametrize("command", ["merge", "undo"])
async def test_a_command_that_breaks_off_leaves_nothing(
    world: ProfileWorld, api: Api, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The transaction is aborted at each of its statements in turn, until it goes through."""
    first, second = await two_merged(world)
    body: dict[str, Any] = {"customer_ids": [str(first), str(second)], "reason": "same"}
    path = "/v1/merges"
    if command == "undo":
        merged = await api.post(path, body, "admin")
        path, body = f"/v1/merges/{merged.json()['merge_id']}/undo", REASON
    before = await everything(world)
    for statements in range(1, 40):
        with abort_after(monkeypatch, statements):
            answer = await api.post(path, body, "admin")
        if answer.status_code == 200:
            break
        assert answer.status_code == 503, answer.text
        assert await everything(world) == before
    assert statements > 8
    assert await everything(world) != before
    assert (await world.events()).projection() == await world.memberships()
