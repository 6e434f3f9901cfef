"""Contacts and tasks through the API, and reminders by durable timers, on a real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from tests.integration.interaction.test_cases import COMPLAINT
from tests.integration.interaction.test_erasure import erasure, request_of, told

from guanxi_contracts.catalog import TASK_CHANGED_TOPIC
from guanxi_contracts.task import TASK_CHANGED, TaskChangedV1
from guanxi_kit.consumer import Relay
from guanxi_kit.packs import load_pack
from guanxi_kit.testing import eventually
from guanxi_kit.timers import TimerLoop
from interaction_service.adapters.task_store import OVERDUE, REMINDER
from interaction_service.main import TIMERS, make_task_work

from .conftest import NOW, PACKS, MemoryEngine, Service, read_all, running_worker
from .events import count, merged, outgoing, publish, record, resolved

SAID = {"kind": "call", "direction": "inbound", "text": "Wants the large one, call 13812345678"}
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Staff:
    """Staff at work on one customer."""

    def __init__(self, service: Service, customer: UUID) -> None:
        self._service = service
        self.customer = customer

    async def post(
        self, path: str, body: Any, role: Any = "agent", status: int = 200, headers: Any = None
    ) -> Any:
        answer = await self._service.client.post(
            f"/v1/{path}", json=body, headers=self._signed_in(role) | (headers or {})
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    async def get(self, path: str, role: Any = "agent", status: int = 200, **query: Any) -> Any:
        answer = await self._service.client.get(f"/v1/{path}", params=query, headers=self._signed_in(role))
        assert answer.status_code == status, answer.text
        return answer.json()

    def _signed_in(self, role: Any) -> dict[str, str]:
        # For as long as a test moves the service's clock.
        return {"authorization": f"Bearer {self._service.staff.token(role, ttl=60 * DAY)}"}

    async def task(self, due_in: timedelta = DAY, **more: Any) -> Any:
        headers = more.pop("headers", {})
        due = self._service.clock.now() + due_in
        body = {"title": "Call", "due_at": due.isoformat(), "customer_id": str(self.customer), **more}
        return await self.post("tasks", body, headers=headers)

    async def act(self, task: Any, name: str, /, **body: Any) -> Any:
        return await self.post(f"tasks/{task['task_id']}/{name}", body)

    async def contact(self, **more: Any) -> Any:
        headers = more.pop("headers", {})
        body = {**SAID, "at": (self._service.clock.now() - HOUR).isoformat(), **more}
        return await self.post(f"customers/{self.customer}/contact-records", body, headers=headers)

    async def told(self) -> list[TaskChangedV1]:
        """What was published, once it all is."""

        async def through() -> bool:
            return not await count(self._service.database, "SELECT count(*) FROM outbox")

        await eventually(through, timeout=20)
        values = await read_all(self._service.engine, TASK_CHANGED_TOPIC.name)
        return [TASK_CHANGED.decode(value).data for _, value in values]


@pytest.fixture
async def staff_at_work(service: Service) -> Staff:
    customer = uuid4()
    await record(service, resolved(service.keyring, customer))
    return Staff(service, customer)


def timer_loop(service: Service) -> TimerLoop:
    """One more worker's loop; what it publishes the api's relay sends on."""
    work = make_task_work(service.keyring, load_pack(PACKS, "services"))
    relay = Relay(service.database, service.engine.producer(), streams=[])
    return TimerLoop(service.database, relay, TIMERS, {REMINDER: work, OVERDUE: work}, service.clock)


async def test_a_contact_its_follow_up_and_its_correction(service: Service, staff_at_work: Staff) -> None:
    at_work = staff_at_work
    next_action = {
        "action": "Send the offer",
        "due_at": (NOW + DAY).isoformat(),
        "remind_at": (NOW + DAY - HOUR).isoformat(),
    }
    given = {
        "persons": [{"name": "Zhang San", "role": "buyer"}],
        "follow_up": next_action,
        "headers": {"idempotency-key": "k"},
    }
    contact = await at_work.contact(**given)
    assert await at_work.contact(**given) == contact
    assert contact["staff"] == [contact["actor"]]
    task = await at_work.get(f"tasks/{contact['task_id']}")
    assert (task["title"], task["source"], task["contact_id"], task["owner"]) == (
        "Send the offer", "contact", contact["contact_id"], contact["actor"],
    )  # fmt: skip
    right = {**SAID, "at": NOW.isoformat(), "text": "Wants the small one", "direction": "outbound"}
    fast = {**right, "at": (NOW + timedelta(minutes=4)).isoformat()}
    path = f"contact-records/{contact['contact_id']}/correct"
    once = given["headers"]
    corrected = await at_work.post(path, fast, headers=once)
    assert corrected["at"] == NOW.isoformat().replace("+00:00", "Z"), "a clock that is fast counts as now"
    assert await at_work.post(path, right, headers=once) == corrected
    assert (corrected["task_id"], corrected["corrects"]) == (contact["task_id"], contact["contact_id"])
    refused = await at_work.post(path, right, status=409)
    assert refused["contact_id"] == corrected["contact_id"]
    await at_work.post(f"contact-records/{uuid4()}/correct", right, status=404)
    records = f"customers/{at_work.customer}/contact-records"
    (shown,) = (await at_work.get(records))["items"]
    assert (shown["text"], shown["contact_id"]) == ("Wants the small one", corrected["contact_id"])
    both = (await at_work.get(records, corrected="true"))["items"]
    assert both[1]["text"] == "Wants the large one, call 138****5678"
    assert (both[1]["persons"], both[1]["corrected_by"]) == (
        [{"name": "Zhang San", "role": "buyer"}], corrected["contact_id"],
    )  # fmt: skip
    assert len(await at_work.told()) == 1
    recorded, later = await service.received()
    assert [recorded.name, later.name] == ["Contact Recorded", "Contact Corrected"]
    assert {recorded.profile_id, later.profile_id} == {at_work.customer}
    assert [str(recorded.touchpoint_id), recorded.occurred_at] == [contact["touchpoint_id"], NOW - HOUR]
    content = service.opened(recorded)
    assert (content["properties"]["text"], content["actor"]) == (SAID["text"], contact["actor"])
    assert "Zhang" not in str(content)


async def test_what_is_refused_says_why(service: Service, staff_at_work: Staff) -> None:
    at_work = staff_at_work
    other = uuid4()
    await record(service, resolved(service.keyring, other))
    case = await at_work.post("cases", {**COMPLAINT, "customer_id": str(other)})
    due = (NOW + DAY).isoformat()
    base = {"title": "x", "due_at": due, "customer_id": str(at_work.customer)}
    for body, status in (
        ({**base, "customer_id": str(uuid4())}, 404),
        ({"title": "x", "due_at": due}, 400),
        ({**base, "case_id": case["case_id"]}, 400),
        ({**base, "team": "nobody"}, 400),
        ({**base, "due_at": "2020-01-01T00:00:00Z"}, 400),
        ({**base, "remind_at": (NOW + DAY + HOUR).isoformat()}, 409),
        ({**base, "recurrence": {"frequency": "weekly", "weekdays": ["sunday"]}}, 409),
        ({**base, "recurrence": {"frequency": "daily", "weekdays": ["sunday"]}}, 400),
    ):
        await at_work.post("tasks", body, status=status)
    contacts = f"customers/{at_work.customer}/contact-records"
    spoken = {**SAID, "at": NOW.isoformat()}
    await at_work.post(contacts, {**spoken, "at": (NOW + HOUR).isoformat()}, status=400)
    await at_work.post(contacts, {**spoken, "case_id": case["case_id"]}, status=400)
    await at_work.post(contacts, spoken, role="marketer", status=403)
    await at_work.get("tasks", role="analyst", status=403)
    assert await count(service.database, "SELECT count(*) FROM task") == 0
    task = await at_work.task(case_id=case["case_id"], customer_id=str(other))
    assert (task["team"], task["profile_id"]) == ("emergency", str(other))
    await at_work.act(task, "complete", text="Sent")
    for name, body in (
        ("complete", {}),
        ("reschedule", {"due_at": due}),
        ("note", {"text": "x", "version": 1}),
    ):
        await at_work.post(f"tasks/{task['task_id']}/{name}", body, status=409)
    await at_work.post(f"tasks/{uuid4()}/complete", {}, status=404)


async def test_reminder_and_overdue_come_once_for_one_due_time(
    service: Service, staff_at_work: Staff
) -> None:
    at_work = staff_at_work
    tasks = [await at_work.task(HOUR * 4, remind_at=(NOW + HOUR * 2).isoformat()) for _ in range(6)]
    done = await at_work.act(tasks[0], "complete", text="Call 13912345678 again in May")
    assert (done["state"], done["version"]) == ("done", 2)
    moved = await at_work.act(tasks[1], "reschedule", due_at=(NOW + DAY).isoformat())
    assert moved["remind_at"] == "2026-05-21T06:00:00Z"
    for _ in range(5):
        service.clock.advance(HOUR)
        turns = [asyncio.create_task(timer_loop(service).turn()) for _ in range(4)]
        await asyncio.sleep(0.01)
        turns[0].cancel()
        await asyncio.gather(*turns, return_exceptions=True)
    await timer_loop(service).turn()
    again = await at_work.act(
        tasks[2], "reschedule", due_at=(service.clock.now() + HOUR).isoformat(), remind_at=None
    )
    assert (again["reminded_at"], again["overdue_at"], again["remind_at"]) == (None, None, None)
    service.clock.advance(HOUR * 2)
    await timer_loop(service).turn()
    await at_work.act(tasks[3], "reassign", owner=None, team="product")
    found: dict[UUID, list[str]] = {}
    versions: dict[UUID, list[int]] = {}
    async with running_worker(service):
        # Those of the API and those of timers have an order each.
        for change in sorted(await at_work.told(), key=lambda change: change.version):
            found.setdefault(change.task_id, []).append(change.what)
            versions.setdefault(change.task_id, []).append(change.version)
    once = ["opened", "reminded", "overdue"]
    assert [found[UUID(task["task_id"])] for task in tasks] == [
        ["opened", "completed"],
        ["opened", "rescheduled"],
        [*once, "rescheduled", "overdue"],
        [*once, "reassigned"],
        once,
        once,
    ]
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in versions.values())
    assert await count(service.database, "SELECT count(*) FROM timer") == 2
    shown = await at_work.get(f"tasks/{tasks[0]['task_id']}")
    assert shown["outcome"] == "Call 139****5678 again in May"
    assert [each["kind"] for each in shown["history"]] == ["opened", "completed"]


async def test_the_next_of_a_series_is_made_when_one_is_done(service: Service, staff_at_work: Staff) -> None:
    at_work = staff_at_work
    weekly = {"frequency": "weekly", "weekdays": ["thursday"], "count": 4}
    first = await at_work.task(DAY, recurrence=weekly, remind_at=(NOW + DAY - HOUR).isoformat(), notes="Ask")
    service.clock.advance(timedelta(days=9))
    done = await at_work.act(first, "complete")
    assert done["recurrence"]["zone"] == "Asia/Shanghai"
    open_ones: dict[str, Any] = {"state": "open", "customer_id": str(at_work.customer)}
    (second,) = (await at_work.get("tasks", **open_ones))["items"]
    # Two Thursdays have passed; the one before is done on Friday.
    assert (second["due_at"], second["remind_at"]) == ("2026-06-04T08:00:00Z", "2026-06-04T07:00:00Z")
    assert (second["title"], second["notes"], second["occurrence"], second["source"]) == (
        "Call",
        "Ask",
        2,
        "series",
    )
    await at_work.act(first, "reopen")
    await at_work.act(first, "complete")
    assert len((await at_work.get("tasks", **open_ones))["items"]) == 1
    service.clock.advance(timedelta(days=7))
    await at_work.act(second, "complete")
    (third,) = (await at_work.get("tasks", **open_ones))["items"]
    assert third["due_at"] == "2026-06-11T08:00:00Z"
    await at_work.act(third, "complete")
    assert (await at_work.get("tasks", **open_ones))["items"] == []


async def test_lists_by_keyset_also_of_who_was_merged(service: Service, staff_at_work: Staff) -> None:
    at_work, other = staff_at_work, uuid4()
    await record(service, resolved(service.keyring, other))
    for number in range(5):
        who = {"customer_id": str(other)} if number == 4 else {}
        await at_work.task(HOUR * (5 - number), title=str(number), owner=f"agent-{number % 2}", **who)
    first = await at_work.get("tasks", limit=3)
    rest = await at_work.get("tasks", limit=3, cursor=first["next_cursor"])
    assert [each["title"] for page in (first, rest) for each in page["items"]] == ["4", "3", "2", "1", "0"]
    assert rest["next_cursor"] is None
    before: dict[str, Any] = {"owner": "agent-0", "due_before": (NOW + HOUR * 3).isoformat(), "state": "open"}
    assert [each["title"] for each in (await at_work.get("tasks", **before))["items"]] == ["4"]
    await publish(service.engine, [outgoing(merged(at_work.customer, other, {other: 2}))])
    async with running_worker(service):

        async def together() -> bool:
            return len((await at_work.get("tasks", customer_id=str(other)))["items"]) == 5

        await eventually(together, timeout=20)


async def test_an_erased_persons_tasks_go_and_are_exported_before(
    service: Service, staff_at_work: Staff, memory: MemoryEngine
) -> None:
    at_work = staff_at_work
    contact = await at_work.contact(follow_up={"action": "Call", "due_at": (NOW + DAY).isoformat()})
    await at_work.act(contact, "note", text="said so on the phone")
    answer = await service.client.get(
        f"/v1/customers/{at_work.customer}/export?reason=asked+for+it+himself",
        headers=service.staff.headers("dpo"),
    )
    lines = {
        line["section"]: line["item"]
        for line in (msgspec.json.decode(line) for line in answer.content.splitlines())
    }
    assert lines["contact_records"]["said"]["text"] == SAID["text"]
    assert lines["tasks"]["history"][1]["said"] == {"text": "said so on the phone"}
    await at_work.told()
    await publish(memory, [erasure(request_of(at_work.customer))])
    async with running_worker(service):
        await eventually(lambda: told(service, 2), timeout=30)
    for table in ("task", "task_event", "contact_record", "timer"):
        assert await count(service.database, f"SELECT count(*) FROM {table}") == 0, table


async def test_my_day(service: Service, staff_at_work: Staff) -> None:
    at_work = staff_at_work
    me = (await at_work.task(timedelta(minutes=-5), title="late"))["owner"]
    # It is four in the afternoon in Shanghai: in seven hours is today, in nine tomorrow.
    for title, hours in (("soon", 1), ("evening", 7), ("tomorrow", 9), ("next", 30)):
        remind_at = NOW if title == "tomorrow" else NOW + HOUR * hours
        await at_work.task(HOUR * hours, title=title, remind_at=remind_at.isoformat())
    await at_work.task(HOUR, title="another's", owner="agent-9")
    await at_work.post("cases", {**COMPLAINT, "customer_id": str(at_work.customer), "owner": me})
    day = await at_work.get("my-day", limit=1)
    titles = {
        name: [each.get("title") for each in page["items"]] for name, page in day.items() if "items" in page
    }
    assert titles == {"overdue": ["late"], "today": ["soon"], "reminders": ["tomorrow"], "cases": [None]}
    assert (day["zone"], day["day"], day["cases"]["items"][0]["next_clock"]) == (
        "Asia/Shanghai", "2026-05-20", "first_response",
    )  # fmt: skip
    more = await at_work.get("my-day", section="today", cursor=day["today"]["next_cursor"])
    assert [each["title"] for each in more["today"]["items"]] == ["evening"]
    assert "overdue" not in more
    await at_work.get("my-day", owner="agent-9", status=403)
    theirs = await at_work.get("my-day", role="team_lead", owner="agent-9")
    assert [each["title"] for each in theirs["today"]["items"]] == ["another's"]
