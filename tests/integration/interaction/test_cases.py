"""The case desk through its API, and its alarms by durable timers, on a real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from tests.integration.interaction.test_erasure import erasure, request_of, told

from guanxi_contracts.case import CASE_ALARM, CASE_CHANGED, CaseAlarmV1, CaseChangedV1
from guanxi_contracts.catalog import CASE_CHANGED_TOPIC
from guanxi_contracts.envelope import read_type
from guanxi_kit.consumer import Relay
from guanxi_kit.packs import load_pack
from guanxi_kit.testing import eventually
from guanxi_kit.timers import TimerLoop
from interaction_service.adapters.case_store import TIMER
from interaction_service.application.content import encode_json
from interaction_service.main import TIMERS, make_case_work

from .conftest import NOW, PACKS, MemoryEngine, Service, read_all, running_worker
from .events import count, merged, outgoing, publish, record, resolved, resolved_again, rows

COMPLAINT = {
    "kind": "complaint",
    "subject": "Late",
    "description": "Call me: 13812345678",
    "team": "emergency",
}


@pytest.fixture
async def customer(service: Service) -> UUID:
    """A customer whom interaction-service knows."""
    customer_id = uuid4()
    await record(service, resolved(service.keyring, customer_id))
    return customer_id


class Desk:
    """Staff at the desk."""

    def __init__(self, service: Service, customer: UUID) -> None:
        self._service = service
        self._customer = customer

    async def post(self, path: str, body: Any, role: Any = "agent", **headers: str) -> Any:
        return await self._service.client.post(
            f"/v1/cases{path}", json=body, headers=self._service.staff.headers(role) | headers
        )

    async def get(self, path: str = "", role: Any = "agent", **query: Any) -> Any:
        return await self._service.client.get(
            f"/v1/cases{path}", params=query, headers=self._service.staff.headers(role)
        )

    async def open(self, **more: Any) -> Any:
        headers = more.pop("headers", {})
        answer = await self.post("", {**COMPLAINT, "customer_id": str(self._customer), **more}, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def act(self, case: Any, name: str, /, **body: Any) -> Any:
        answer = await self.post(f"/{case['case_id']}/{name}", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def told(self) -> tuple[list[CaseChangedV1], list[CaseAlarmV1]]:
        """What was published, once it all is."""

        async def through() -> bool:
            return not await count(self._service.database, "SELECT count(*) FROM outbox")

        await eventually(through, timeout=20)
        values = [value for _, value in await read_all(self._service.engine, CASE_CHANGED_TOPIC.name)]
        return (
            [CASE_CHANGED.decode(value).data for value in values if read_type(value) == CASE_CHANGED.type],
            [CASE_ALARM.decode(value).data for value in values if read_type(value) == CASE_ALARM.type],
        )


@pytest.fixture
def desk(service: Service, customer: UUID) -> Desk:
    return Desk(service, customer)


async def test_a_number_is_of_the_day_where_the_pack_is(desk: Desk) -> None:
    assert (await desk.open(received_at="2026-05-19T17:00:00Z"))["number"] == "S20260520-0001"
    assert (await desk.open(received_at="2026-05-20T00:30:00+09:00"))["number"] == "S20260519-0001"


async def test_a_complaint_from_opening_to_reopening(service: Service, desk: Desk, customer: UUID) -> None:
    case = await desk.open(headers={"idempotency-key": "k"})
    assert (await desk.open(headers={"idempotency-key": "k"}))["case_id"] == case["case_id"]
    assert (case["number"], case["state"], case["next_clock"]) == (
        "S20260520-0001",
        "received",
        "first_response",
    )
    assert case["next_due_at"] == "2026-05-20T09:00:00Z"
    service.clock.advance(timedelta(minutes=30))
    await desk.act(case, "respond", text="We are looking into it", version=1)
    await desk.act(case, "assign", owner="agent-7", team="product")
    await desk.act(case, "note", text="ask 13912345678")
    await desk.act(case, "question", text="Which order?")
    await desk.act(case, "answer", text="Number 7")
    await desk.act(case, "participants", subject="expert-1", role="expert")
    await desk.act(
        case, "attachments", url="https://files.example.com/1", name="photo", media_type="image/png"
    )
    await desk.act(case, "category", category="product", cause="defect")
    solved = await desk.act(case, "solve", text="Sent anew")
    assert (solved["state"], solved["is_open"], solved["next_due_at"]) == ("solved", False, None)
    await desk.act(case, "answer", text="thank you")
    await desk.act(case, "confirm")
    await desk.act(case, "review", text="Check the packing")
    last = await desk.act(case, "reopen", text="It broke again")
    assert (last["state"], last["cycle"], last["version"]) == ("reopened", 2, 14)
    changes, alarms = await desk.told()
    assert [each.what[0] for each in changes] == [
        "opened", "responded", "assigned", "noted", "asked", "answered", "participant_added", "attached",
        "categorised", "solved", "answered", "confirmed", "reviewed", "reopened",
    ]  # fmt: skip
    assert [each.version for each in changes] == list(range(1, 15))
    assert {each.customer_id for each in changes} == {customer}
    assert alarms == []
    touchpoints = await service.received()
    assert [each.name for each in touchpoints] == [
        "Complaint opened", "Complaint solved", "Complaint confirmed", "Complaint reopened",
    ]  # fmt: skip
    assert {each.profile_id for each in touchpoints} == {customer}
    assert service.opened(touchpoints[0])["properties"]["number"] == case["number"]
    await record(service, *(resolved_again(each, customer) for each in touchpoints))
    for words, name in (("Call me", "opened"), ("anew", "solved"), ("broke again", "reopened")):
        (found,) = (await service.timeline(customer, text=words)).json()["items"]
        assert found["name"] == f"Complaint {name}"
    assert (await service.timeline(customer, text="13812345678")).json()["items"] == [], "it is masked"
    document = (await desk.get(f"/{case['case_id']}")).json()
    stopped = {(clock["cycle"], clock["clock"]): clock["state"] for clock in document["clocks"]}
    assert stopped[1, "solution"] == "stopped"
    assert stopped[2, "solution"] == "running"
    assert document["description"] == "Call me: 138****5678"
    history = (await desk.get(f"/{case['case_id']}/events", limit=4)).json()
    assert [(each["kind"], each["visible"]) for each in history["items"]] == [
        ("opened", True), ("responded", True), ("assigned", False), ("noted", False),
    ]  # fmt: skip
    assert history["items"][3]["said"] == {"text": "ask 139****5678"}
    behind = (await desk.get(f"/{case['case_id']}/events", cursor=history["next_cursor"])).json()
    assert [each["seq"] for each in behind["items"]] == list(range(5, 15))


async def test_what_is_refused_says_why(service: Service, desk: Desk, customer: UUID) -> None:
    case = await desk.open()
    path = f"/{case['case_id']}"
    for sub, body, status in (
        ("", {**COMPLAINT, "customer_id": str(uuid4())}, 404),
        ("", {**COMPLAINT, "customer_id": str(customer), "team": "nobody"}, 400),
        ("", {**COMPLAINT, "customer_id": str(customer), "received_at": "2026-05-20T08:00:01Z"}, 400),
        (f"/{uuid4()}/note", {"text": "x"}, 404),
        (f"{path}/note", {"text": "x", "version": 7}, 409),
        (f"{path}/confirm", {}, 409),
        (f"{path}/solve", {"text": "done"}, 409),
        (f"{path}/assign", {}, 400),
        (f"{path}/link", {"case_id": case["case_id"]}, 409),
        (f"{path}/attachments", {"url": "javascript:x", "name": "x", "media_type": "a/b"}, 400),
    ):
        answer = await desk.post(sub, body)
        assert answer.status_code == status, (sub, answer.text)
    assert (await desk.post(f"{path}/note", {"text": "x"}, role="marketer")).status_code == 403
    assert (await desk.get(path, role="analyst")).status_code == 403
    changes, _ = await desk.told()
    assert len(changes) == 1


async def test_lists_by_customer_team_owner_and_due(service: Service, desk: Desk, customer: UUID) -> None:
    other = uuid4()
    await record(service, resolved(service.keyring, other))
    cases = []
    for number in range(5):
        service.clock.advance(timedelta(minutes=1))
        who = {"customer_id": str(other)} if number == 4 else {}
        cases.append(
            await desk.open(owner=f"agent-{number % 2}", kind="request" if number else "complaint", **who)
        )
    newest = (await desk.get(limit=3)).json()
    assert [each["number"][-1] for each in newest["items"]] == ["5", "4", "3"]
    rest = (await desk.get(limit=3, cursor=newest["next_cursor"])).json()
    assert ([each["number"][-1] for each in rest["items"]], rest["next_cursor"]) == (["2", "1"], None)
    await service.client.get("/healthz")
    assert len((await desk.get(customer_id=str(customer))).json()["items"]) == 4
    await publish(service.engine, [outgoing(merged(customer, other, {other: 2}))])
    async with running_worker(service):
        await eventually(lambda: together(desk, customer), timeout=20)
    assert len((await desk.get(owner="agent-1")).json()["items"]) == 2
    await desk.act(cases[0], "solve", text="done", category="service")
    assert [each["state"] for each in (await desk.get(open="false")).json()["items"]] == ["solved"]
    due = (await desk.get(due="true", team="emergency", limit=2)).json()
    assert [each["number"][-1] for each in due["items"]] == ["2", "3"]
    more = (await desk.get(due="true", team="emergency", cursor=due["next_cursor"])).json()
    assert [each["number"][-1] for each in more["items"]] == ["4", "5"]


async def together(desk: Desk, customer: UUID) -> bool:
    return len((await desk.get(customer_id=str(customer))).json()["items"]) == 5


def timer_loop(service: Service) -> TimerLoop:
    """One more worker's loop; what it publishes the api's relay sends on."""
    work = make_case_work(service.keyring, load_pack(PACKS, "services"))
    relay = Relay(service.database, service.engine.producer(), streams=[])
    return TimerLoop(service.database, relay, TIMERS, {TIMER: work}, service.clock)


async def test_alarms_are_raised_once_by_several_workers_that_are_killed(
    service: Service, desk: Desk
) -> None:
    cases = [await desk.open(owner="agent-7") for _ in range(6)]
    for case in cases[3:]:
        await desk.act(case, "respond", text="We look into it")
    for _ in range(8):
        service.clock.advance(timedelta(minutes=30))
        turns = [asyncio.create_task(timer_loop(service).turn()) for _ in range(4)]
        await asyncio.sleep(0.01)
        turns[0].cancel()
        await asyncio.gather(*turns, return_exceptions=True)
    await timer_loop(service).turn()
    found = await rows(service.database, "SELECT * FROM case_alarm ORDER BY case_id, clock, raised_at, level")
    levels: dict[UUID, list[str]] = {}
    for row in found:
        assert row["clock"] == "first_response"
        levels.setdefault(row["case_id"], []).append(row["level"])
    ladder = ["50", "80", "100", "escalation:0", "escalation:1", "escalation:2"]
    assert {case: sorted(found) for case, found in levels.items()} == {
        UUID(case["case_id"]): sorted(ladder) for case in cases[:3]
    }
    async with running_worker(service):
        changes, alarms = await desk.told()
    assert sorted((str(each.case_id), each.level) for each in alarms) == sorted(
        (case["case_id"], level) for case in cases[:3] for level in ladder
    )
    assert {each.recipients[0] for each in alarms} == {"agent-7", "role:team_lead", "role:manager"}
    assert sum(each.what == ["breached:first_response"] for each in changes) == 3
    broken = await rows(service.database, "SELECT case_id FROM case_file WHERE breached = '{first_response}'")
    assert {row["case_id"] for row in broken} == set(levels)


async def test_an_erased_persons_cases_go_and_are_exported_before(
    service: Service, desk: Desk, customer: UUID, memory: MemoryEngine
) -> None:
    case = await desk.open()
    await desk.act(case, "note", text="said so on the phone")
    answer = await service.client.get(
        f"/v1/customers/{customer}/export?reason=asked+for+it+himself", headers=service.staff.headers("dpo")
    )
    lines = [msgspec.json.decode(line) for line in answer.content.splitlines()]
    assert [line["section"] for line in lines] == ["touchpoints", "cases", "case_events", "case_events"]
    assert lines[1]["item"]["said"]["description"] == COMPLAINT["description"]
    assert lines[3]["item"]["said"] == {"text": "said so on the phone"}
    await desk.told()
    await publish(memory, [erasure(request_of(customer))])
    async with running_worker(service):
        await eventually(lambda: told(service, 2), timeout=30)
    for table in ("case_file", "case_event", "case_clock_event", "case_clock", "case_alarm", "timer"):
        assert await count(service.database, f"SELECT count(*) FROM {table}") == 0, table
    assert (await desk.get(f"/{case['case_id']}")).status_code == 404
    answer = await desk.post("", {**COMPLAINT, "customer_id": str(customer)})
    assert answer.status_code == 404


async def test_an_event_of_a_channel_opens_a_case_once(service: Service, desk: Desk, customer: UUID) -> None:
    told = [
        resolved(
            service.keyring, customer, name="Complaint Submitted", properties=encode_json({"message": "Cold"})
        ),
        resolved(service.keyring, customer, name="Complaint Submitted", channel="staff"),
        resolved(service.keyring, customer, name="Complaint Submitted", at=NOW - timedelta(days=40)),
    ]
    async with running_worker(service):
        await publish(service.engine, [outgoing(event) for event in (*told, told[0])])

        async def recorded() -> bool:
            return await count(service.database, "SELECT count(*) FROM touchpoint") == 4

        await eventually(recorded, timeout=20)
        changes, _ = await desk.told()
    assert [(each.kind, each.what, each.version) for each in changes] == [("complaint", ["opened"], 1)]
    (case,) = (await desk.get(customer_id=str(customer))).json()["items"]
    assert (case["source"], case["subject"], case["description"]) == (
        "channel",
        "Complaint Submitted",
        "Cold",
    )
    (opened,) = await service.received()
    about = service.opened(opened)["properties"]
    assert (opened.name, about["source"]) == ("Complaint opened", "channel")
    assert "Cold" not in about.values(), "the event of the channel has the words"
