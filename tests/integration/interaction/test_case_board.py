"""What a team lead asks of the board: which cases there are, and giving everything of somebody to somebody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from interaction_service.adapters.case_reads import CaseFilter, page_statement
from interaction_service.api import hand_over

from .conftest import Service
from .events import record, resolved
from .test_cases import Desk


@pytest.fixture
async def desk(service: Service) -> Desk:
    customer = uuid4()
    await record(service, resolved(service.keyring, customer))
    return Desk(service, customer)


# 50 open cases among 20,000 that are closed.
FILL = """
INSERT INTO case_file (case_id, number, profile_id, source, opened_at, kind, category, cause, priority, state, is_open,
  owner, team, participants, changed_at, cycle, version, next_due_at, breached, sealed)
SELECT gen_random_uuid(), 'S20250101-' || n, gen_random_uuid(), 'staff', now() - n * interval '1 minute', 'complaint',
  'product', 'defect', 'normal', CASE WHEN n % 404 = 0 THEN 'in_progress' ELSE 'reviewed' END, n % 404 = 0,
  CASE WHEN n = 20000 THEN 'rare' ELSE 'agent-' || n % 40 END, CASE WHEN n = 20000 THEN 'rare' ELSE 'service' END,
  '[]', now(), 1, 1, CASE WHEN n % 404 = 0 THEN now() + n * interval '1 minute' END, '{}', ''
FROM generate_series(1, 20200) AS n
"""
BOARD = (
    CaseFilter(),
    CaseFilter(number="S20250101-19000"),
    CaseFilter(owner="rare"),
    CaseFilter(team="rare"),
    CaseFilter(state="received"),
    CaseFilter(owner="agent-7", due=True),
    CaseFilter(team="service", is_open=True),
    CaseFilter(is_open=True, priority="urgent"),
    CaseFilter(is_open=True, is_breached=True),
    CaseFilter(due=True, cause="nothing", has_owner=False),
)


async def test_lists_cost_the_same_however_many_cases_are_closed(service: Service) -> None:
    async with service.database.connection() as connection:
        await connection.execute(FILL)
        await connection.execute("ANALYZE case_file")
        for only in BOARD:
            sql, arguments = page_statement(only, 51)
            (row,) = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *arguments)
            plan = row[0][0]["Plan"]
            # A walk through all of them touches 500 pages.
            assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 300, only


async def numbers(desk: Desk, **query: Any) -> list[int]:
    answer = await desk.get(**query)
    assert answer.status_code == 200, answer.text
    return [int(each["number"].rpartition("-")[2]) for each in answer.json()["items"]]


async def test_the_board_is_asked_in_many_ways(service: Service, desk: Desk) -> None:
    first = await desk.open(priority="urgent", owner="agent-7", received_at="2026-05-20T15:59:00+08:00")
    assert (first["number"][:9], first["opened_at"]) == ("S20260520", "2026-05-20T07:59:00Z")
    await desk.open(cause="defect", owner="agent-7")
    third = await desk.open(kind="enquiry")
    service.clock.advance(timedelta(minutes=5))
    await desk.act(third, "kind", kind="complaint", text="no question at all")
    await desk.act(third, "category", category="product", cause="system_down")
    for query, found in (
        ({"number": first["number"].lower()}, [1]),
        ({"number": "S20990101-0001"}, []),
        ({"priority": "urgent"}, [1, 3]),
        ({"kind": "complaint", "assigned": "false"}, [3]),
        ({"category": "product"}, [2, 3]),
        ({"cause": "defect", "owner": "agent-7", "assigned": "true"}, [2]),
        ({"source": "rule"}, []),
        ({"breached": "true"}, []),
        ({"breached": "false", "due": "true"}, [1, 2, 3]),
    ):
        assert sorted(await numbers(desk, **query)) == found, query
    assert (await desk.get(number="1 OR 1=1")).status_code == 400
    history = (await desk.get(f"/{third['case_id']}/events")).json()["items"]
    assert [each["detail"].get("was") for each in history] == [
        None,
        {"kind": "enquiry"},
        {"priority": "normal", "category": None, "cause": None},
    ]
    assert history[0]["detail"] == {
        "source": "staff",
        "kind": "enquiry",
        "priority": "normal",
        "team": "emergency",
    }


async def test_open_cases_of_which_nothing_is_promised_stand_last(service: Service, desk: Desk) -> None:
    cases = [await desk.open(owner="agent-7", category="service") for _ in range(4)]
    async with service.database.connection() as connection:
        await connection.execute(
            "UPDATE case_file SET next_due_at = NULL WHERE number = ANY($1::text[])",
            [case["number"] for case in cases[:3]],
        )
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while len(seen) < 4:
        page = (await desk.get(due="true", limit=1, **cursor)).json()
        seen += [each["case_id"] for each in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [cases[3]["case_id"], *sorted(each["case_id"] for each in cases[:3])]
    assert page["next_cursor"] is None


async def test_everything_open_of_somebody_goes_to_somebody_else(
    service: Service, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_over, "BATCH", 2)
    cases = [await desk.open(owner="agent-7", category="service") for _ in range(4)]
    await desk.act(cases[3], "solve", text="Done")
    await desk.open(owner="agent-8")

    async def post(path: str, body: Any, role: Any = "team_lead") -> Any:
        return await service.client.post(f"/v1/{path}", json=body, headers=service.staff.headers(role))

    due = (service.clock.now() + timedelta(days=1)).isoformat()
    task = {"title": "Call", "case_id": cases[0]["case_id"], "due_at": due, "owner": "agent-7"}
    assert (await post("tasks", task)).status_code == 200
    body = {"owner": "agent-7", "to": "agent-9", "text": "on leave"}
    assert (await post("hand-over", body, role="agent")).status_code == 403
    assert (await post("hand-over", {**body, "to": "agent-7"})).status_code == 400
    answers = [(await post("hand-over", body)).json() for _ in range(3)]
    assert answers == [
        {"cases": 2, "tasks": 1, "more": True},
        {"cases": 1, "tasks": 0, "more": False},
        {"cases": 0, "tasks": 0, "more": False},
    ]
    assert sorted(await numbers(desk, owner="agent-9")) == [1, 2, 3]
    assert await numbers(desk, owner="agent-7") == [4]
    (given,) = (await desk.get(f"/{cases[0]['case_id']}/events", cursor="1")).json()["items"]
    assert (given["kind"], given["said"]) == ("assigned", {"text": "on leave"})
    assert given["detail"] == {"owner": "agent-9", "was": {"owner": "agent-7"}}


async def test_what_a_team_has_that_the_pack_has_no_more_can_be_finished(
    service: Service, desk: Desk
) -> None:
    case = await desk.open(owner="agent-7", category="service")

    async def post(path: str, body: Any) -> Any:
        answer = await service.client.post(
            f"/v1/{path}", json=body, headers=service.staff.headers("team_lead")
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    due = (service.clock.now() + timedelta(days=1)).isoformat()
    body = {"title": "Call", "case_id": case["case_id"], "due_at": due, "owner": "agent-7"}
    task = await post("tasks", body)
    async with service.database.connection() as connection:
        await connection.execute("UPDATE case_file SET team = 'gone'")
        await connection.execute("UPDATE task SET team = 'gone'")
    assert (await post("tasks", body))["team"] == "service"
    assert await post("hand-over", {"owner": "agent-7", "to": None}) == {
        "cases": 1,
        "tasks": 2,
        "more": False,
    }
    assert (await post(f"tasks/{task['task_id']}/complete", {}))["state"] == "done"
    assert (await desk.act(case, "solve", text="Done"))["state"] == "solved"
