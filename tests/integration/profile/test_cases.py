"""Open cases in the view: the newest version counts, and a case follows its fragment through a merge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from guanxi_contracts.case import CaseChangedV1
from profile_service.adapters.customer_reads import PostgresCustomerReads
from profile_service.application.read_customers import ViewRules, read_view
from profile_service.consumers.case_changed import handle_cases
from profile_service.domain.precedence import Precedence
from profile_service.domain.view import UnifiedView

from .conftest import START, ProfileWorld

RULES = ViewRules({}, Precedence())


def case(profile_id: UUID, number: int, version: int = 1, **changes: Any) -> CaseChangedV1:
    """A case as interaction-service tells of it."""
    fields: dict[str, Any] = {
        "kind": "complaint",
        "priority": "normal",
        "state": "received",
        "is_open": True,
        "team": "service",
        "opened_at": START,
        "changed_at": START,
        "next_due_at": START + timedelta(hours=number),
        "next_clock": "solution",
        "what": ["opened"],
        "number": f"S20240501-{number:04}",
    }
    return CaseChangedV1(
        case_id=UUID(int=number),
        profile_id=profile_id,
        customer_id=profile_id,
        version=version,
        **(fields | changes),
    )


async def store(world: ProfileWorld, *cases: CaseChangedV1) -> None:
    await world.work(handle_cases, [world.received(each, topic="case.changed") for each in cases])


async def view(world: ProfileWorld, customer_id: UUID) -> UnifiedView:
    async with world.db.connection() as connection:
        found = await read_view(customer_id, PostgresCustomerReads(connection, world.keyring), RULES, START)
    assert found is not None
    return found


async def test_open_cases_are_shown_with_the_promise_due_first(world: ProfileWorld) -> None:
    await world.resolve([world.touchpoint("m1", "user_id:u1")])
    customer_id = (await world.events()).resolved[0].customer_id
    before = await view(world, customer_id)
    assert before.cases is None
    await store(
        world,
        case(customer_id, 2),
        case(customer_id, 1),
        case(customer_id, 3, 2, is_open=False, state="solved"),
    )
    await store(
        world, case(customer_id, 3, 1), case(customer_id, 2, 3, state="responded", breached=["progress"])
    )
    await store(world, case(customer_id, 2, 2))
    shown = await view(world, customer_id)
    assert shown.cases is not None
    assert [(one.number, one.state) for one in shown.cases.items] == [
        ("S20240501-0001", "received"),
        ("S20240501-0002", "responded"),
    ]
    assert (shown.cases.open, shown.cases.items[1].breached, shown.cases.changes) == (2, ["progress"], 4)
    assert msgspec.to_builtins(shown.cases.items[0])["next_due_at"] == "2024-05-01T09:00:00Z"
    assert shown.version > before.version
    changed = [event for event in (await world.events()).changed if event.changed == ["cases"]]
    assert [event.customer_id for event in changed] == [customer_id] * 2, "only a newer version is a change"


async def test_a_case_follows_its_fragment(world: ProfileWorld) -> None:
    await world.resolve(
        [world.touchpoint("m1", "device_id:d1"), world.touchpoint("m2", "phone:p1", at=timedelta(1))]
    )
    first, second = (event.profile_id for event in (await world.events()).resolved[:2])
    await store(world, case(second, 1))
    await world.resolve([world.touchpoint("m3", "phone:p1", "device_id:d1")])
    await store(world, case(first, 2))
    for customer_id in (first, second):
        found = (await view(world, customer_id)).cases
        assert found is not None
        assert found.open == 2
    await store(world, case(second, 1, 2, is_open=False, state="solved"))
    survivor = (await view(world, first)).customer_id
    assert (await world.events()).changed[-1].customer_id == survivor
