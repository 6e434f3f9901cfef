"""Reports: counted as things happen, right after corrections, and silent about who was erased."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.integration.interaction.test_erasure import erasure, request_of, told

from guanxi_contracts.touchpoint import RecordStanding
from guanxi_kit.testing import eventually

from .conftest import MemoryEngine, Service, running_worker
from .events import count, outgoing, publish, record, resolved
from .test_cases import Desk


@pytest.fixture
async def customer(service: Service) -> UUID:
    customer_id = uuid4()
    await record(service, resolved(service.keyring, customer_id))
    return customer_id


@pytest.fixture
def desk(service: Service, customer: UUID) -> Desk:
    return Desk(service, customer)


async def report(service: Service, name: str, **query: str) -> Any:
    answer = await service.client.get(
        f"/v1/reports/{name}", params=query, headers=service.staff.headers("team_lead")
    )
    assert answer.status_code == 200, answer.text
    return answer.json() if "format" not in query else answer


def cell(found: Any, *names: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {(each["category"], each["cause"]): tuple(each[name] for name in names) for each in found["items"]}


async def test_issues_follow_corrections_reopening_and_breaches(
    service: Service, desk: Desk, customer: UUID, memory: MemoryEngine
) -> None:
    first, second = await desk.open(kind="request"), await desk.open(kind="request", category="product")
    await desk.act(second, "respond", text="we look")
    await desk.act(first, "category", category="service", cause="late")
    service.clock.advance(timedelta(minutes=50))
    await desk.act(first, "solve", text="done")
    shown = cell(await report(service, "issues"), "cases", "solved", "hours_to_solve", "reopened", "breached")
    assert shown == {("service", "late"): (1, 1, 0.833, 0, 0), ("product", None): (1, 0, None, 0, 0)}
    await desk.act(first, "reopen", text="no")
    await desk.act(second, "priority", priority="urgent")
    shown = cell(await report(service, "issues"), "cases", "solved", "reopened", "breached")
    assert shown == {("service", "late"): (1, 0, 1, 0), ("product", None): (1, 0, 0, 0)}
    async with running_worker(service):
        service.clock.advance(timedelta(minutes=9))
        late = await desk.open(kind="complaint", received_at="2026-05-20T07:30:00Z", category="product")

        async def breached() -> bool:
            found = cell(await report(service, "issues"), "cases", "breached")
            return found["product", None] == (2, 1)

        await eventually(breached)
        before = await report(service, "issues")
        assert (before["total"]["cases"], before["total"]["breached"]) == (3, 1)
        assert (await report(service, "issues", month="2026-06"))["total"]["month_before"] == 3
        await desk.act(late, "respond", text="sorry")
        await desk.told()
        await publish(memory, [erasure(request_of(customer))])
        await eventually(lambda: told(service, 2))
    assert await count(service.database, "SELECT count(*) FROM case_counted") == 0
    assert (await report(service, "issues"))["total"] == before["total"], "counts are of nobody"


async def test_the_team_by_owner(service: Service, desk: Desk, customer: UUID) -> None:
    for minutes, owner in ((5, "agent-7"), (10, "agent-7"), (40, None)):
        case = await desk.open(kind="complaint", owner=owner, category="service")
        service.clock.advance(timedelta(minutes=minutes))
        await desk.act(case, "respond", text="we look")
        await desk.act(case, "update", text="going on")
    other = uuid4()
    async with running_worker(service):
        recorded = [
            resolved(
                service.keyring,
                profile,
                channel="staff",
                name=name,
                actor=actor,
                record=None if filled is None else RecordStanding(3, filled),
            )
            for profile, name, actor, filled in (
                (customer, "Contact Recorded", "agent-7", 0),
                (customer, "Contact Recorded", "agent-7", 1),
                (other, "Contact Recorded", "agent-7", None),
                (other, "Contact Corrected", "agent-7", 2),
                (other, "Contact Recorded", "agent-8", 2),
                (customer, "Customer Edited", "agent-9", 3),
                (uuid4(), "Customer Edited", "agent-9", 0),
            )
        ]
        await publish(service.engine, [outgoing(event) for event in recorded])

        async def counted() -> bool:
            return (
                await count(
                    service.database,
                    "SELECT coalesce(sum(n), 0) FROM tally WHERE measure IN ('contact', 'record.filled')",
                )
                == 4 + 7 + 5
            )

        await eventually(counted)
    asked = await service.client.post(
        "/v1/surveys",
        json={"customer_id": str(customer), "form": "csat", "case_id": case["case_id"]},
        headers=service.staff.headers("agent"),
    )
    answer = {"csat_quality": 4, "csat_features": 5, "csat_response_speed": 3, "csat_recommendation": 4}
    assert (await service.client.post(asked.json()["link"], data=answer)).status_code == 200
    found = await report(service, "team")
    owners = {each["owner"]: each for each in found["owners"]}
    seven = owners["agent-7"]
    assert (seven["responses"], seven["within_goal"], seven["response_p50_seconds"]) == (2, 1.0, 300.0)
    assert (owners["staff-1"]["responses"], owners["staff-1"]["within_goal"]) == (1, 0.0)
    assert (seven["contacts"], seven["customers"], seven["contacts_per_customer"]) == (3, 2, 1.5)
    assert (seven["customers_at_goal"], owners["agent-8"]["contacts"]) == (0.5, 1)
    assert (seven["completeness"], owners["agent-8"]["completeness"]) == (0.833, 0.667)
    assert owners.get("agent-9") is None
    total = found["total"]
    assert (total["contacts"], total["customers"], total["customers_at_goal"]) == (4, 2, 1.0)
    assert total["completeness"] == 0.833, "a customer of two owners is one in the total"
    (team,) = [each for each in found["teams"] if each["team"] == "emergency"]
    assert (team["responses"], team["csat"]["quality"], team["csat_answers"]) == (3, 4.0, 1)
    assert (found["total"]["responses"], team["contacts"]) == (3, None)
    sheet = (await report(service, "team", format="csv", language="zh")).text
    assert '"满意度：服务质量"' in sheet
    assert '"agent-7","2","5.0",' in sheet, "in minutes, as the goal is told"
    assert "response_speed" not in sheet


async def test_forms_of_a_report_and_who_may_read_it(service: Service, customer: UUID) -> None:
    agent = service.staff.headers("agent")
    for scene, reason in (("use", "hard_to_use"), ("use", "answer_too_slow"), ("purchase", "hard_to_use")):
        body = {"kind": "unmet", "what": "w", "scene": scene, "reason": reason}
        await service.client.post(f"/v1/customers/{customer}/needs", json=body, headers=agent)
    found = await report(service, "needs")
    assert (found["week"], len(found["weeks"])) == ("2026-W21", 12)
    assert [(each["code"], each["this_week"], each["labels"]["zh"]) for each in found["reasons"]] == [
        ("hard_to_use", 2, "不易使用"),
        ("answer_too_slow", 1, "回复太慢"),
    ]
    assert [each["counts"][-2:] for each in (await report(service, "needs", week="2026-W22"))["scenes"]] == [
        [2, 0],
        [1, 0],
    ]
    sheet = await report(service, "needs", format="csv", language="en")
    assert sheet.headers["content-type"].startswith("text/csv")
    assert '"Hard to use","0"' in sheet.text
    for name in ("needs", "issues", "team"):
        shown = await service.client.get(
            f"/v1/reports/{name}", headers=service.staff.headers("analyst") | {"accept": "text/html,*/*"}
        )
        assert shown.headers["content-type"].startswith("text/html")
        assert 'lang="zh-CN"' in shown.text
        assert "script" not in shown.text
        assert (await service.client.get(f"/v1/reports/{name}", headers=agent)).status_code == 403
    assert "<svg" in (await report(service, "needs", format="html")).text
    for name, period in (("needs", {"week": "2020-W53"}), ("issues", {}), ("team", {})):
        assert "该期间没有数据" in (await report(service, name, format="html", **period)).text
    for query in ("needs?week=2026-W60", "issues?month=2026-13", "team?month=0001-01", "needs?week=x"):
        refused = await service.client.get(f"/v1/reports/{query}", headers=service.staff.headers("team_lead"))
        assert refused.status_code == 400, query
