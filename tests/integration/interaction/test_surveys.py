"""Surveys from the solution of a case, or a delivery, to the answer, on a real database."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from tests.integration.interaction.test_erasure import erasure, request_of, told

from guanxi_contracts.catalog import SURVEY_CHANGED_TOPIC
from guanxi_contracts.survey import SURVEY_CHANGED, SurveyChangedV1
from guanxi_kit.consumer import Relay
from guanxi_kit.packs import load_pack
from guanxi_kit.survey_links import SurveyLink, SurveyLinks
from guanxi_kit.testing import eventually
from guanxi_kit.timers import TimerLoop
from interaction_service.adapters.survey_store import TIMER
from interaction_service.application.content import encode_json
from interaction_service.main import TIMERS, make_case_work

from .conftest import NOW, PACKS, MemoryEngine, Service, read_all, running_worker
from .events import count, outgoing, publish, record, resolved

GOOD = {"csat_quality": "5", "csat_features": "4", "csat_response_speed": "3", "csat_recommendation": "5"}


class Survey:
    """A customer who is asked, and staff."""

    def __init__(self, service: Service, customer: UUID) -> None:
        self.service = service
        self.customer = customer

    def auth(self, role: Any) -> dict[str, str]:
        """Headers of staff that hold while the clock moves on."""
        return {"authorization": f"Bearer {self.service.staff.token(role, ttl=timedelta(days=60))}"}

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        answer = await self.service.client.post(path, json=body, headers=self.auth("agent") | headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def solved(self, **more: Any) -> Any:
        case = await self.post(
            "/v1/cases",
            {
                "customer_id": str(self.customer),
                "kind": "request",
                "subject": "s",
                "owner": "agent-7",
                **more,
            },
        )
        return await self.post(f"/v1/cases/{case['case_id']}/solve", {"text": "done"})

    async def listed(self, **query: Any) -> Any:
        answer = await self.service.client.get("/v1/surveys", params=query, headers=self.auth("agent"))
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    async def told(self) -> list[SurveyChangedV1]:
        """What was published, once it all is."""

        async def through() -> bool:
            return not await count(self.service.database, "SELECT count(*) FROM outbox")

        await eventually(through, timeout=20)
        values = [value for _, value in await read_all(self.service.engine, SURVEY_CHANGED_TOPIC.name)]
        return [SURVEY_CHANGED.decode(value).data for value in values]

    def link(self, issued: SurveyChangedV1) -> str:
        """The link as notification-service makes it of the event."""
        assert issued.expires_at is not None
        assert issued.nonce is not None
        link = SurveyLink(issued.survey_id, issued.expires_at, bytes.fromhex(issued.nonce))
        return "/s/" + SurveyLinks(self.service.keyring).token(link)

    async def turn(self, **later: float) -> None:
        """Several workers fire what is due by then, and one is killed meanwhile."""
        self.service.clock.advance(timedelta(**later))
        turns = [asyncio.create_task(timer_loop(self.service).turn()) for _ in range(3)]
        await asyncio.sleep(0.01)
        turns[0].cancel()
        await asyncio.gather(*turns, return_exceptions=True)
        await timer_loop(self.service).turn()

    async def send(self, link: str, **fields: str) -> Any:
        return await self.service.client.post(link, data=fields)


def timer_loop(service: Service) -> TimerLoop:
    work = make_case_work(service.keyring, load_pack(PACKS, "services")).surveys
    relay = Relay(service.database, service.engine.producer(), streams=[])
    return TimerLoop(service.database, relay, TIMERS, {TIMER: work}, service.clock)


@pytest.fixture
async def survey(service: Service) -> Survey:
    customer = uuid4()
    await record(service, resolved(service.keyring, customer))
    return Survey(service, customer)


async def test_a_solved_case_is_asked_about_once_and_a_low_mark_opens_an_improvement(survey: Survey) -> None:
    case = await survey.solved()
    (planned,) = await survey.listed(case_id=case["case_id"])
    assert (planned["state"], planned["due_at"]) == ("planned", "2026-05-20T10:00:00Z")
    await survey.turn(hours=1)
    assert (await survey.listed())[0]["state"] == "planned"
    await survey.turn(hours=1)
    async with running_worker(survey.service):
        (issued,) = await survey.told()
    assert (issued.state, issued.form, issued.owner, issued.customer_id) == (
        "issued",
        "csat",
        "agent-7",
        survey.customer,
    )
    link = survey.link(issued)
    for _ in range(2):
        page = await survey.service.client.get(link, headers={"accept-language": "en-GB,zh;q=0.5"})
        assert page.status_code == 200
        assert page.text.count("<fieldset") == 4
        assert "Speed of response</legend>" in page.text
        assert "script" not in page.text
        assert "form-action 'self'" in page.headers["content-security-policy"]
    missing = await survey.send(link, csat_quality="2", words="<b>slow</b>")
    assert missing.status_code == 400
    assert "请选择一项" in missing.text
    assert "&lt;b&gt;slow&lt;/b&gt;" in missing.text
    assert re.search(r'name="csat_quality" value="2" required checked', missing.text)
    words = "call 13812345678"
    answers = await asyncio.gather(
        *(
            survey.send(link + "?lang=en", **GOOD | {"csat_features": "1", "csat_quality": "2"}, words=words)
            for _ in range(3)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert [("You have answered already" in each.text) for each in answers].count(True) == 2
    assert (await survey.service.client.get(link)).status_code == 200
    (answered,) = await survey.listed(customer_id=survey.customer)
    assert answered["csat"] == {"quality": 2, "features": 1, "response_speed": 3, "recommendation": 5}
    assert answered["words"] == "call 138****5678"
    improvement = answered["improvement_id"]
    detail = await survey.service.client.get(f"/v1/cases/{improvement}", headers=survey.auth("agent"))
    opened = detail.json()
    assert (opened["kind"], opened["source"], opened["category"]) == ("request", "survey", "product")
    assert opened["subject"] == "产品功能 1/5、服务质量 2/5"
    assert any(opened["number"] in each.text for each in answers)
    assert [each["survey_id"] for each in await survey.listed(case_id=improvement)] == [answered["survey_id"]]
    changed = (await survey.told())[-1]
    assert (changed.state, changed.version, changed.low) == ("answered", 2, ["features", "quality"])
    assert str(changed.improvement_id) == improvement
    (touchpoint,) = [each for each in await survey.service.received() if each.channel == "survey"]
    assert (touchpoint.name, touchpoint.profile_id) == ("Survey Answered", survey.customer)
    assert survey.service.opened(touchpoint)["properties"]["comment"] == words
    await survey.post(f"/v1/cases/{improvement}/solve", {"text": "mended"})
    assert len(await survey.listed()) == 1, "what a survey made somebody mend is not asked about"


async def test_reopening_takes_back_what_was_planned_and_what_was_issued(survey: Survey) -> None:
    first, second = await survey.solved(), await survey.solved()
    await survey.post(f"/v1/cases/{first['case_id']}/reopen", {"text": "no"})
    await survey.turn(hours=2)
    async with running_worker(survey.service):
        (issued,) = await survey.told()
        assert str(issued.case_id) == second["case_id"]
        await survey.post(f"/v1/cases/{second['case_id']}/reopen", {"text": "no"})
        assert [each.state for each in await survey.told()] == ["issued", "cancelled"]
    assert (await survey.service.client.get(survey.link(issued))).status_code == 410
    assert (await survey.send(survey.link(issued), **GOOD)).status_code == 410
    survey.service.clock.advance(timedelta(days=7))
    await survey.post(f"/v1/cases/{first['case_id']}/solve", {"text": "done"})
    await survey.turn(hours=2)
    states = {(each["case_id"], each["state"]) for each in await survey.listed()}
    assert states == {
        (first["case_id"], "cancelled"),
        (second["case_id"], "cancelled"),
        (first["case_id"], "issued"),
    }


async def test_a_delivery_is_asked_about_three_days_later_and_the_link_ends(survey: Survey) -> None:
    keyring = survey.service.keyring
    delivered = resolved(keyring, survey.customer, name="Order Delivered", properties=encode_json({}))
    old = resolved(keyring, survey.customer, name="Order Delivered", at=NOW - timedelta(days=40))
    async with running_worker(survey.service):
        await publish(survey.service.engine, [outgoing(event) for event in (delivered, old, delivered)])

        async def recorded() -> bool:
            return await count(survey.service.database, "SELECT count(*) FROM touchpoint") == 3

        await eventually(recorded, timeout=20)
        (planned,) = await survey.listed()
        assert (planned["form"], planned["origin"]) == ("nps", "event")
        survey.service.clock.advance(timedelta(days=3))
        await eventually(lambda: has_state(survey, "issued"), timeout=10)
        (issued,) = await survey.told()
        survey.service.clock.advance(timedelta(days=14))
        assert (await survey.service.client.get(survey.link(issued))).status_code == 410
        await eventually(lambda: has_state(survey, "expired"), timeout=10)
        assert [each.state for each in await survey.told()] == ["issued", "expired"]


async def test_a_customer_is_asked_one_thing_a_week_and_about_cases_first(survey: Survey) -> None:
    other = uuid4()
    await record(survey.service, resolved(survey.service.keyring, other, customer=survey.customer, version=2))
    work = make_case_work(survey.service.keyring, load_pack(PACKS, "services")).surveys
    async with survey.service.database.transaction() as connection:
        desk = work.desk(connection, lambda *_: None, NOW)
        await desk.after_event(other, uuid4(), work.settings.after_event[0], NOW)
    survey.service.clock.advance(timedelta(days=3))
    await survey.solved()
    await survey.turn()
    found = {each["origin"]: each for each in await survey.listed(customer_id=survey.customer)}
    assert (found["event"]["held_back"], found["event"]["state"]) == ("case_first", "held_back")
    assert found["event"]["held_back_for"] == found["case"]["survey_id"]
    for _ in range(2):
        await survey.solved()
    await survey.turn(hours=2)
    about = {each["case_id"]: each for each in await survey.listed() if each["origin"] == "case"}
    assert Counter(each["state"] for each in about.values()) == {"issued": 1, "held_back": 2}
    assert {each["held_back"] for each in about.values()} == {None, "asked_recently"}
    (issued,) = [each["survey_id"] for each in about.values() if each["state"] == "issued"]
    assert {each["held_back_for"] for each in about.values()} == {None, issued}
    survey.service.clock.advance(timedelta(days=7))
    later = await survey.solved()
    await survey.turn(hours=2)
    states = {each["case_id"]: each["state"] for each in await survey.listed()}
    assert states[later["case_id"]] == "issued"


async def has_state(survey: Survey, state: str) -> bool:
    return [each["state"] for each in await survey.listed()] == [state]


async def test_by_hand_and_who_may_not(survey: Survey) -> None:
    asked = {"customer_id": str(survey.customer), "form": "nps"}
    issued = await survey.post("/v1/surveys", asked, **{"idempotency-key": "k"})
    assert (await survey.post("/v1/surveys", asked, **{"idempotency-key": "k"}))["link"] == issued["link"]
    assert (await survey.send(issued["link"], nps="11")).status_code == 400
    thanks = await survey.send(issued["link"], nps="9")
    assert (thanks.status_code, "感谢您的回答" in thanks.text) == (200, True)
    again = await survey.service.client.post(
        f"/v1/surveys/{issued['survey_id']}/cancel", headers=survey.auth("agent")
    )
    assert again.status_code == 409
    token = issued["link"].removeprefix("/s/")
    for forged in (token[:-1] + ("A" if token[-1] != "A" else "B"), token[:-4], "x", token + "AAAA", "é"):
        assert (await survey.service.client.get(f"/s/{forged}")).status_code == 404, forged
    stranger = SurveyLinks(survey.service.keyring).token(
        SurveyLink(UUID(issued["survey_id"]), NOW + timedelta(days=1), bytes(8))
    )
    assert (await survey.service.client.get(f"/s/{stranger}")).status_code == 404
    assert (await survey.service.client.post(issued["link"], json={})).status_code == 415
    other = await survey.solved()
    for body, status in (
        ({**asked, "form": "weather"}, 400),
        ({**asked, "customer_id": str(uuid4())}, 404),
        ({**asked, "case_id": str(uuid4())}, 400),
        ({**asked, "case_id": other["case_id"]}, 200),
    ):
        answer = await survey.service.client.post("/v1/surveys", json=body, headers=survey.auth("agent"))
        assert answer.status_code == status, answer.text
    refused = await survey.service.client.post("/v1/surveys", json=asked, headers=survey.auth("analyst"))
    assert refused.status_code == 403


async def test_an_erased_persons_surveys_go_and_are_exported_before(
    survey: Survey, memory: MemoryEngine
) -> None:
    await survey.solved()
    issued = await survey.post("/v1/surveys", {"customer_id": str(survey.customer), "form": "nps"})
    await survey.send(issued["link"], nps="3", words="my phone is 13812345678")
    answer = await survey.service.client.get(
        f"/v1/customers/{survey.customer}/export?reason=asked+for+it+himself",
        headers=survey.auth("dpo"),
    )
    lines = [msgspec.json.decode(line) for line in answer.content.splitlines()]
    surveys = [line["item"] for line in lines if line["section"] == "surveys"]
    assert [(each["state"], each["words"]) for each in surveys] == [
        ("planned", None),
        ("answered", "my phone is 13812345678"),
    ]
    await survey.told()
    await publish(memory, [erasure(request_of(survey.customer))])
    async with running_worker(survey.service):
        await eventually(lambda: told(survey.service, 2), timeout=30)
    assert await count(survey.service.database, "SELECT count(*) FROM survey") == 0
    assert await count(survey.service.database, "SELECT count(*) FROM timer") == 0
    assert (await survey.service.client.get(issued["link"])).status_code == 404
