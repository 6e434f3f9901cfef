"""Tasks that the pack's rules make of what becomes of cases, and of touchpoints."""

from __future__ import annotations

from datetime import datetime, timedelta

from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.testing import eventually
from interaction_service.application.content import encode_json

from .conftest import NOW, Service, running_worker
from .events import count, outgoing, publish, resolved
from .test_cases import COMPLAINT
from .test_tasks import Staff, staff_at_work  # noqa: F401


async def test_cases_and_touchpoints_make_tasks_once(service: Service, staff_at_work: Staff) -> None:  # noqa: F811
    at_work = staff_at_work
    given = {**COMPLAINT, "customer_id": str(at_work.customer), "owner": "agent-7", "priority": "urgent"}
    case = await at_work.post("cases", {**given, "cause": "late"})
    await at_work.post("cases", {**given, "priority": "normal"})
    await at_work.post(f"cases/{case['case_id']}/solve", {"text": "done"})
    await at_work.post(f"cases/{case['case_id']}/reopen", {"text": "again"})
    keyring, customer = service.keyring, at_work.customer

    def review(stars: int, at: datetime = NOW) -> TouchpointResolvedV1:
        properties = encode_json({"stars": stars})
        return resolved(keyring, customer, name="Review Posted", properties=properties, at=at)

    events = [review(1), review(5), review(2, at=NOW - timedelta(days=40))]
    async with running_worker(service):
        await publish(service.engine, [outgoing(event) for event in (*events, events[0])])

        async def made() -> bool:
            return await count(service.database, "SELECT count(*) FROM task") == 3

        await eventually(made)
        # Each change of the cases and the reviews have passed; none of them made another.
        await publish(service.engine, [outgoing(resolved(keyring, customer, name="Trial Booked"))])

        async def one_more() -> bool:
            return await count(service.database, "SELECT count(*) FROM task") == 4

        await eventually(one_more)
    tasks = {task["rule"]: task for task in (await at_work.get("tasks"))["items"]}
    plan = tasks["plan_what_is_urgent"]
    assert (plan["owner"], plan["team"], plan["case_id"]) == ("agent-7", "emergency", case["case_id"])
    assert (plan["due_at"], plan["remind_at"]) == ("2026-05-20T09:30:00Z", "2026-05-20T09:00:00Z")
    assert (plan["title"], plan["created_by"]) == ("制定处理方案并告知客户", "rule:plan_what_is_urgent")
    assert tasks["find_why_it_came_back"]["case_id"] == case["case_id"]
    review_task = tasks["answer_a_bad_review"]
    assert (review_task["owner"], review_task["team"], review_task["source"]) == (None, "service", "rule")
    assert tasks["call_who_is_interested"]["title"] == "回访意向客户"
