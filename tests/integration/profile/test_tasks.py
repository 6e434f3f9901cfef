"""Open tasks in the view: the newest version counts, and a task follows its fragment through a merge and its undo."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from guanxi_contracts.task import TaskChangedV1
from profile_service.consumers.task_changed import handle_tasks

from .conftest import START, Api, ProfileWorld
from .test_undo import PHONE, journal, link, two_merged, undo


def task(profile_id: UUID, number: int, version: int = 1, **changes: Any) -> TaskChangedV1:
    """A task as interaction-service tells of it, due after so many hours."""
    fields: dict[str, Any] = {"state": "open", "due_at": START + timedelta(hours=number), "what": "opened"}
    return TaskChangedV1(
        task_id=UUID(int=number),
        profile_id=profile_id,
        customer_id=profile_id,
        team="service",
        owner="agent-7",
        source="staff",
        changed_at=START,
        version=version,
        **(fields | changes),
    )


async def store(world: ProfileWorld, *tasks: TaskChangedV1) -> None:
    await world.work(handle_tasks, [world.received(each, topic="task.changed") for each in tasks])


async def view(api: Api, customer_id: UUID) -> Any:
    return (await api.get(f"/v1/customers/{customer_id}")).json()


def numbers(document: Any) -> list[int]:
    return [UUID(item["task_id"]).int for item in document["tasks"]["items"]]


async def test_open_tasks_are_shown_those_due_first_through_a_merge_and_its_undo(
    world: ProfileWorld, api: Api
) -> None:
    first, second = await two_merged(world)
    await link(world, "m3", f"phone:{PHONE}", "device_id:d1")
    before = await view(api, first)
    assert "tasks" not in before
    await store(world, task(first, 3), task(second, 2), task(first, 4, 2, state="done", what="completed"))
    await store(world, task(first, 4, 1), task(second, 2, 3, overdue=True, what="overdue"))
    await store(world, task(second, 2, 2))
    shown = await view(api, second)
    assert (shown["tasks"]["open"], numbers(shown), shown["tasks"]["changes"]) == (2, [2, 3], 4)
    assert shown["tasks"]["items"][0] == {
        "task_id": str(UUID(int=2)),
        "case_id": None,
        "source": "staff",
        "owner": "agent-7",
        "team": "service",
        "due_at": "2024-05-01T10:00:00Z",
        "remind_at": None,
        "overdue": True,
    }
    assert shown["version"] == before["version"] + 4
    told = [event.customer_id for event in (await world.events()).changed if event.changed == ["tasks"]]
    assert told == [UUID(shown["customer_id"])] * 2, "only a newer version is a change"
    await undo(api, (await journal(world))[-1])
    parted = [await view(api, customer_id) for customer_id in (first, second)]
    assert [numbers(each) for each in parted] == [[3], [2]]
    await store(world, task(second, 2, 4, state="cancelled", what="cancelled"))
    assert (await view(api, second))["tasks"] == {"open": 0, "items": [], "changes": 3}
    assert (await world.events()).changed[-1].customer_id == second


async def test_tasks_of_an_erased_person_go_and_stay_away(world: ProfileWorld, api: Api) -> None:
    await world.resolve([world.touchpoint("m1", "user_id:u1")])
    person = (await world.events()).resolved[0].customer_id
    await store(world, task(person, 1))
    asked = {"customer_id": str(person), "reason": "the person wrote to us"}
    assert (await api.post("/v1/privacy/erasures", asked, "dpo")).status_code == 200
    await store(world, task(person, 1, 2))
    for table in ("customer_task", "task_tally"):
        assert await world.db.pool.fetchval(f"SELECT count(*) FROM {table}") == 0
