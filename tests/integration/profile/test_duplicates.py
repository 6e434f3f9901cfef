"""Probable duplicates: found among all and as they come, explained, and never again once a person has said no."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
from bench.people import Shape, records

from guanxi_contracts.customer import CustomerChangedV1
from guanxi_kit.consumer import Relay
from guanxi_kit.identifiers import IdentifierRules
from guanxi_kit.jobs import JobRunner
from guanxi_kit.packs import load_pack
from guanxi_kit.rules.engine import DatalogicRules
from guanxi_kit.testing import eventually
from profile_service.adapters.classifying import Classifying
from profile_service.adapters.duplicates.people_reads import Reader
from profile_service.adapters.duplicates.search_job import DuplicateSearch, SearchSettings
from profile_service.adapters.duplicates.watch import DuplicateWatch
from profile_service.adapters.rule_store import RulesInForce
from profile_service.application.duplicates.search import SEARCH
from profile_service.consumers import customer_changed
from profile_service.domain.precedence import Precedence

from .conftest import PACKS, Api, ProfileWorld

WANG = {"name": "王伟玮", "birthday": "1985-02-03", "address": "北京市朝阳区建国路88号3单元502室"}
TYPO = {"name": "Weiwei Wang", "birthday": "1985-03-02", "address": "朝阳区建国路88号3单元502"}
TWIN = {"name": "王伟强", "birthday": "1985-02-03", "address": "北京市朝阳区建国路88号3单元502室"}


def reader(world: ProfileWorld) -> Reader:
    """What people are read with."""
    return Reader(world.keyring, Precedence(), IdentifierRules(load_pack(PACKS, "services").identifiers))


async def tell(world: ProfileWorld, user_id: str, traits: dict[str, Any], message: str = "") -> None:
    """Let a customer tell traits."""
    told = world.touchpoint(message or f"t-{user_id}", f"user_id:{user_id}", traits=traits)
    await world.resolve([told])


async def hand_on(world: ProfileWorld) -> int:
    """Hand on what changed, as the worker does; return how many are due to be compared."""
    changed = (await world.events()).changed
    await world.db.pool.execute("DELETE FROM outbox")
    classifying = Classifying(RulesInForce(DatalogicRules()), world.keyring, Precedence())
    events = [world.received(event, topic="customer.changed") for event in changed]
    await world.work(customer_changed.CustomerChangedConsumer(classifying).handle, events)
    return await world.db.pool.fetchval("SELECT count(*) FROM duplicate_due")  # type: ignore[no-any-return]


async def look(world: ProfileWorld) -> int:
    """Hand on what changed and compare whoever is due; return the open suggestions."""
    await hand_on(world)
    while await DuplicateWatch(world.db, reader(world), world.clock).compare_due():
        pass
    return await world.db.pool.fetchval("SELECT count(*) FROM merge_suggestion WHERE state = 'open'")  # type: ignore[no-any-return]


async def customer(world: ProfileWorld, user_id: str) -> UUID:
    return await world.db.pool.fetchval(  # type: ignore[no-any-return]
        "SELECT customer_id FROM identifier JOIN fragment USING (profile_id) WHERE hash = $1",
        world.ref(f"user_id:{user_id}").hash,
    )


async def test_a_duplicate_is_suggested_as_it_comes_and_a_twin_is_not(world: ProfileWorld, api: Api) -> None:
    await tell(world, "wang", WANG | {"phone": "+8613900000001"})
    await tell(world, "twin", TWIN | {"phone": "+8613900000001"})
    assert await look(world) == 0
    await tell(world, "again", TYPO | {"phone": "+8613900000007"})
    assert await look(world) == 1
    (found,) = (await api.get("/v1/suggestions", role="agent", source="duplicate")).json()["items"]
    ids = {UUID(found["left_customer_id"]), UUID(found["right_customer_id"])}
    assert ids == {await customer(world, "wang"), await customer(world, "again")}

    path = f"/v1/suggestions/{found['suggestion_id']}"
    answer = await api.get(path, role="agent")
    assert answer.status_code == 200, answer.text
    for value in ("1985-02-03", "建国路", "13900000001"):
        assert value not in answer.text
    fields = {field["field"]: field for field in answer.json()["fields"]}
    assert fields["birthday"]["level"] == "day_and_month_swapped"
    assert fields["phone"]["level"] == "typing_error"
    assert fields["phone"]["words"]["en"].startswith("Phone numbers differ by one digit: strong evidence for")
    assert "家庭" in fields["phone"]["words"]["zh"]
    clear = await api.get(path, role="agent", clear="true", reason="the customer is on the phone")
    assert "王伟玮" in clear.text


async def test_a_rejected_pair_never_comes_back_and_a_merged_one_is_settled(
    world: ProfileWorld, api: Api
) -> None:
    for user_id, traits in {"a": WANG, "b": TYPO, "c": WANG | {"email": "wangww85@example.com"}}.items():
        await tell(world, user_id, traits)
    assert await look(world) == 3
    a, b, c = [await customer(world, user_id) for user_id in "abc"]
    items = (await api.get("/v1/suggestions", role="agent")).json()["items"]
    by_pair = {
        frozenset(map(UUID, (each["left_customer_id"], each["right_customer_id"]))): each["suggestion_id"]
        for each in items
    }
    reason = {"reason": "spoke with both"}
    rejected = await api.post(f"/v1/suggestions/{by_pair[frozenset((a, b))]}/reject", reason, "team_lead")
    assert rejected.status_code == 200, rejected.text
    await tell(world, "b", {"address": WANG["address"]}, "more")
    assert await look(world) == 2
    accepted = await api.post(f"/v1/suggestions/{by_pair[frozenset((a, c))]}/accept", reason, "team_lead")
    assert accepted.status_code == 200, accepted.text
    # a and c are one now, of whom b was said to be another.
    assert await look(world) == 0
    states = await world.db.pool.fetch("SELECT state FROM merge_suggestion ORDER BY state")
    assert [row["state"] for row in states] == ["accepted", "obsolete", "rejected"]


async def test_nobody_who_was_erased_meanwhile_waits_to_be_compared(world: ProfileWorld, api: Api) -> None:
    await tell(world, "wang", WANG)
    body = {"identifier": {"type": "user_id", "value": "wang"}, "reason": "asked by mail"}
    asked = await api.post("/v1/privacy/erasures", body, "dpo")
    assert asked.status_code == 200, asked.text
    assert await hand_on(world) == 0


async def test_what_too_many_share_is_not_compared(world: ProfileWorld) -> None:
    crowd = [
        world.touchpoint(f"c{n}", f"user_id:{n}", traits={"name": "王伟", "birthday": f"1985-01-{n:02}"})
        for n in range(1, 32)
    ]
    await world.resolve([*crowd, world.touchpoint("x", "user_id:x", traits={"name": "王伟"})])
    assert await look(world) == 0
    due = await world.db.pool.fetchval("SELECT count(*) FROM duplicate_due")
    assert due == 0


async def fill(world: ProfileWorld, households: int) -> tuple[dict[UUID, int], set[str]]:
    """Store people in households; return who each customer is, and every value that must not be found in clear."""
    truth: dict[UUID, int] = {}
    values: set[str] = set()
    touchpoints = []
    whose: dict[str, int] = {}
    for number, (person, traits) in enumerate(records(households, Shape(chance=random.Random(3)))):
        touchpoints.append(world.touchpoint(f"p{number}", f"user_id:p{number}", traits=traits))
        whose[f"p{number}"] = person
        values |= {text for text in traits.values() if len(text) > 6}
    await world.resolve(touchpoints)
    for user_id, person in whose.items():
        truth[await customer(world, user_id)] = person
    return truth, values


@pytest.mark.slow
async def test_a_search_among_all_keeps_families_apart_and_nothing_in_clear(
    world: ProfileWorld, api: Api
) -> None:
    truth, values = await fill(world, 130)
    started = await api.post("/v1/duplicates/runs", None, "team_lead")
    assert started.status_code == 202, started.text
    run = started.json()
    assert (await api.post("/v1/duplicates/runs", None, "team_lead")).json()["job_id"] == run["job_id"]
    settings = SearchSettings(world.dsns.app["profile"], str(PACKS), "services", "CN", 1, 1024)
    handler = DuplicateSearch(world.db, world.keyring, settings)
    relay = Relay(world.db, None, streams=[])  # type: ignore[arg-type]
    runner = JobRunner(world.db, relay, "profile.jobs", {SEARCH: handler}, world.clock, rest=0.0)
    running = asyncio.create_task(runner.run())
    path = f"/v1/duplicates/runs/{run['job_id']}"

    done: Any = None

    async def ended() -> None:
        nonlocal done
        done = (await api.get(path, role="agent")).json()
        assert done["state"] in {"done", "failed"}

    try:
        await eventually(ended, timeout=150)
    finally:
        await runner.stop()
        await running
    assert (done["state"], done["phase"], done["done"]) == ("done", "done", len(truth)), done

    rows = await world.db.pool.fetch("SELECT left_profile_id, right_profile_id FROM merge_suggestion")
    right = sum(truth[left] == truth[other] for left, other in rows)
    of_person: defaultdict[int, list[UUID]] = defaultdict(list)
    for customer_id, person in truth.items():
        of_person[person].append(customer_id)
    pairs = sum(len(list(combinations(of, 2))) for of in of_person.values())
    assert done["result"]["suggestions"] == len(rows)
    assert right >= 0.98 * len(rows)
    assert right >= 0.7 * pairs

    for table in ("merge_suggestion", "job", "duplicate_run", "duplicate_model", "duplicate_frequency",
                  "duplicate_key"):  # fmt: skip
        text = "\n".join(row[0] for row in await world.db.pool.fetch(f"SELECT t::text FROM {table} t"))
        assert not [value for value in values if value in text], table


async def test_runs_and_suggestions_that_do_not_exist(api: Api) -> None:
    nobody = UUID(int=1)
    for path in (f"/v1/duplicates/runs/{nobody}", f"/v1/suggestions/{nobody}"):
        assert (await api.get(path, role="agent")).status_code == 404
    assert (await api.post("/v1/duplicates/runs", None, "agent")).status_code == 403
    assert (await api.get(f"/v1/suggestions/{nobody}", role="marketer")).status_code == 403


def test_an_event_of_something_else_is_no_reason_to_compare(world: ProfileWorld) -> None:
    def compared(*changed: Any, names: list[str] | None = None) -> bool:
        event = CustomerChangedV1(
            customer_id=UUID(int=1), changed=list(changed), changed_at=world.clock.now(), names=names or []
        )
        return customer_changed._is_compared(event)

    assert compared("traits", names=["traits:birthday"])
    assert compared("split")
    assert not compared("traits", names=["traits:favourite"])
    assert not compared("touchpoints", "purchases")
