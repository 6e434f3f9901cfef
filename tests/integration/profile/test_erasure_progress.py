"""From the request to the last receipt: partners over HTTP, topics, alarms, completion. The clock is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from tests.integration.gateway.stand_ins import listening

from guanxi_contracts.catalog import TOUCHPOINT_RECEIVED_TOPIC, TOUCHPOINT_RESOLVED_TOPIC
from guanxi_kit.consumer import Relay
from guanxi_kit.log.memory import MemoryAdmin, MemoryLog, MemoryReader
from guanxi_kit.log.port import Outgoing, TopicSpec
from guanxi_kit.outward import OutwardClient
from guanxi_kit.webhooks import sign
from profile_service.adapters.erasure_desk import STREAM, erasure_units
from profile_service.adapters.erasure_seals import KeyringSeals
from profile_service.adapters.log_topics import LogTopics
from profile_service.adapters.partner_calls import SignedPartnerCalls
from profile_service.application.advance_erasures import AdvanceErasures

from .conftest import Api, ProfileWorld
from .erasure_desk import PERSON, SECRET, Alarms, Desk, MailHouse


@pytest.fixture
async def mail_house(world: ProfileWorld) -> AsyncIterator[MailHouse]:
    house = MailHouse(world)
    async with listening(house) as house.url:
        yield house


@pytest.fixture
def log(world: ProfileWorld) -> MemoryLog:
    log = MemoryLog()
    log.now = world.clock.now  # type: ignore[method-assign]
    for topic in (TOUCHPOINT_RECEIVED_TOPIC, TOUCHPOINT_RESOLVED_TOPIC):
        log.create(TopicSpec(topic.name, 2, topic.retention_days))
        log.append([Outgoing(topic.name, b"k", b"of before")])
    return log


@pytest.fixture
def profile_settings() -> dict[str, Any]:
    return {"allow_private_callbacks": True, "backup_days": 30}


@pytest.fixture
def desk(world: ProfileWorld, api: Api, log: MemoryLog) -> Desk:
    relay = Relay(world.db, None, streams=[STREAM])  # type: ignore[arg-type]
    alarms = Alarms()
    topics = [f"topic:{topic.name}" for topic in (TOUCHPOINT_RECEIVED_TOPIC, TOUCHPOINT_RESOLVED_TOPIC)]
    advance = AdvanceErasures(
        erasure_units(world.db, relay, world.keyring, world.clock, topics),
        SignedPartnerCalls(OutwardClient(allow_private=True), KeyringSeals(world.keyring), world.clock),
        LogTopics(lambda: MemoryReader(log), lambda: MemoryAdmin(log)),
        alarms,
        world.clock,
    )
    return Desk(world, api, log, alarms, advance)


async def test_from_the_request_to_the_last_receipt(desk: Desk, mail_house: MailHouse) -> None:
    assert (await desk.register(mail_house)).status_code == 200
    mail_house.status = 503
    request_id = await desk.erase()
    await desk.later()
    (method, webhook_id, told) = mail_house.asked[0]
    partner_id = told["partner_id"]
    assert (method, webhook_id) == ("POST", f"{request_id}.{partner_id}")
    assert sorted(told["identifiers"], key=str) == [
        {"type": "email", "namespace": "", "value": "ada@example.com"},
        {"type": "phone", "namespace": "", "value": "+8613900000077"},
    ]
    place = await desk.place(request_id, "partner:mail-house")
    assert (place["state"], place["attempts"], place["detail"]) == ("pending", 1, "status 503")

    await desk.later(timedelta(seconds=29))
    assert len(mail_house.asked) == 1, "not before its time"
    mail_house.status = 202
    await desk.later(timedelta(seconds=2))
    assert mail_house.asked[1][:2] == ("POST", webhook_id), "tried again, it is the same callback"
    assert (await desk.place(request_id, "partner:mail-house"))["state"] == "acknowledged"
    mail_house.status, mail_house.body = 200, {"state": "acknowledged"}
    await desk.later(timedelta(minutes=2))
    assert mail_house.asked[2] == ("GET", webhook_id, f"request_id={request_id}")
    mail_house.body = {"state": "retained", "legal_ground": "invoices, ten years"}
    await desk.later(timedelta(hours=1))
    place = await desk.place(request_id, "partner:mail-house")
    assert (place["state"], place["legal_ground"]) == ("retained", "invoices, ten years")
    sealed = await desk.world.db.pool.fetchval("SELECT count(sealed_identifiers) FROM erasure_receipt")
    assert sealed == 0, "nobody needs the identifiers any more"

    await desk.services_are_done(request_id)
    await desk.later(timedelta(days=6))
    erasure = await desk.read(request_id)
    assert erasure["state"] == "open"
    assert erasure["progress"] == {"done": 4, "pending": 2, "retained": 3}
    await desk.later(timedelta(days=2))
    assert (await desk.read(request_id))["progress"] == {"done": 6, "retained": 3}
    await desk.later()
    erasure = await desk.read(request_id)
    assert erasure["state"] == "complete"
    assert erasure["completed_at"] < erasure["alarm_at"] < erasure["deadline_at"]
    backups = await desk.place(request_id, "backups")
    assert datetime.fromisoformat(backups["retained_until"]) - datetime.fromisoformat(
        erasure["requested_at"]
    ) == timedelta(days=30)
    assert desk.alarms.raised == []


async def test_a_topic_counts_only_once_it_holds_nothing_older(desk: Desk) -> None:
    request_id = await desk.erase()
    await desk.services_are_done(request_id)
    for _ in range(5):
        await desk.later(timedelta(days=1))
        desk.log.append([Outgoing(TOUCHPOINT_RECEIVED_TOPIC.name, b"k", b"of after")])
    assert (await desk.read(request_id))["progress"]["pending"] == 2
    await desk.later(timedelta(days=3))
    assert (await desk.place(request_id, "topic:touchpoint.received"))["state"] == "done"
    await desk.later()
    assert (await desk.read(request_id))["state"] == "complete"


async def test_the_alarm_on_day_ten_and_the_deadline(desk: Desk, mail_house: MailHouse) -> None:
    await desk.register(mail_house, status_url=None)
    mail_house.status = 500
    request_id = await desk.erase()
    await desk.services_are_done(request_id)
    await desk.later(timedelta(days=9, hours=23))
    assert desk.alarms.raised == []
    await desk.later(timedelta(hours=1))
    assert ((await desk.read(request_id))["state"], desk.alarms.raised) == ("alarm", ["alarm"])
    await desk.later(timedelta(days=4, hours=23))
    assert desk.alarms.raised == ["alarm"]
    await desk.later(timedelta(hours=1))
    place = await desk.place(request_id, "partner:mail-house")
    assert place["state"] == "failed"
    await desk.later()
    assert (await desk.read(request_id))["state"] == "failed", "all is terminal, but not all is well"
    given = {"place": "partner:mail-house", "state": "done"}
    answer = await desk.api.post(f"/v1/privacy/erasures/{request_id}/receipts", given, role="dpo")
    assert answer.status_code == 200
    await desk.later()
    assert (await desk.read(request_id))["state"] == "complete"
    again = await desk.api.post(f"/v1/privacy/erasures/{request_id}/receipts", given, role="dpo")
    assert again.status_code == 409


async def test_a_service_that_never_answers_makes_it_overdue(desk: Desk) -> None:
    request_id = await desk.erase()
    await desk.later(timedelta(days=16))
    assert ((await desk.read(request_id))["state"], desk.alarms.raised) == ("overdue", ["overdue"])
    await desk.services_are_done(request_id)
    await desk.later()
    assert (await desk.read(request_id))["state"] == "complete", "late, as its times show"


async def test_a_partner_tells_by_itself_signed(desk: Desk, mail_house: MailHouse) -> None:
    partner_id = (await desk.register(mail_house)).json()["partner_id"]
    request_id = await desk.erase()
    await desk.later()

    async def tell(secret: str = SECRET, at: timedelta = timedelta(), **changes: Any) -> Any:
        told = {"request_id": request_id, "partner_id": partner_id, "state": "done"} | changes
        body = msgspec.json.encode({name: value for name, value in told.items() if value is not None})
        headers = sign(secret, "1", desk.world.clock.now() + at, body)
        return await desk.api.client.post("/v1/privacy/partner-receipts", content=body, headers=headers)

    for refused in (
        await tell(secret="another secret of sixteen"),
        await tell(at=timedelta(minutes=-6)),
    ):
        assert refused.status_code == 401
    unsigned = await desk.api.client.post("/v1/privacy/partner-receipts", content=b"{}")
    assert unsigned.status_code == 400
    assert (await tell(state="retained")).status_code == 400
    assert (await tell(state="erased")).status_code == 400
    assert (await tell(request_id=str(uuid4()))).status_code == 404
    assert (await tell(partner_id=str(uuid4()))).status_code == 404
    assert (await desk.place(request_id, "partner:mail-house"))["state"] == "acknowledged"
    assert (await tell()).json()["moved"] is True
    assert (await tell(state="failed")).json()["moved"] is False
    assert (await desk.place(request_id, "partner:mail-house"))["state"] == "done"


async def test_a_partner_who_knows_nothing_of_the_person_is_not_told(
    desk: Desk, mail_house: MailHouse
) -> None:
    await desk.register(mail_house, identifier_types=["wechat_openid"])
    request_id = await desk.erase()
    await desk.later()
    assert (await desk.place(request_id, "partner:mail-house"))["state"] == "done"
    assert mail_house.asked == []


async def test_after_a_restore_partners_are_told_again(desk: Desk, mail_house: MailHouse) -> None:
    await desk.register(mail_house)
    mail_house.status = 200
    request_id = await desk.erase()
    await desk.later()
    ledger = (await desk.api.get("/v1/privacy/ledger", role="dpo")).text
    body = {"entries": [msgspec.json.decode(line) for line in ledger.splitlines()]}
    for restored, state in ((True, "done"), (False, "failed")):
        for table in (
            "erasure_request",
            "erasure_receipt",
            "tombstone",
            "erased_fragment",
            "seen_touchpoint",
        ):
            await desk.world.db.pool.execute(f"DELETE FROM {table}")
        if restored:
            await desk.world.resolve([desk.world.touchpoint("m1", *PERSON)])
        replayed = await desk.api.post("/v1/privacy/ledger/replay", body, role="dpo")
        assert replayed.json() == {"replayed": 1, "erased_again": 1}
        await desk.later()
        # Whom the backup does not have it cannot name to anybody: a person has to look.
        assert (await desk.place(request_id, "partner:mail-house"))["state"] == state
    first, again = mail_house.asked
    assert first[:2] == again[:2], "the same message"
    assert first[2]["identifiers"] == again[2]["identifiers"]


async def test_partners_are_registered_with_care(desk: Desk, mail_house: MailHouse) -> None:
    for changes, field_ in (
        ({"url": "ftp://mail.example.com"}, "url"),
        ({"status_url": "nonsense!"}, "status_url"),
        ({"secret": "short"}, "secret"),
        ({"secret": "whsec_c2hvcnQgb25lIQ=="}, "secret"),
        ({"identifier_types": ["shoe_size"]}, "identifier_types"),
        ({"name": "Mail House"}, "name"),
    ):
        refused = await desk.register(mail_house, **changes)
        assert refused.status_code == 400, refused.text
        assert refused.json()["errors"][0]["field"] == field_
    first = await desk.register(mail_house)
    assert "secret" not in first.json()
    assert (await desk.register(mail_house)).status_code == 409
    stored = await desk.world.db.pool.fetchval("SELECT privacy_partner::text FROM privacy_partner")
    assert SECRET not in stored
    partner_id = first.json()["partner_id"]
    disabled = await desk.api.post(f"/v1/privacy/partners/{partner_id}/disable", {}, role="dpo")
    assert disabled.json()["disabled_at"] is not None
    request_id = await desk.erase()
    assert "partner:mail-house" not in {each["place"] for each in (await desk.read(request_id))["places"]}
    moved = await desk.register(mail_house, url=mail_house.url + "/moved")
    assert (moved.json()["partner_id"], moved.json()["disabled_at"]) == (partner_id, None)
    await desk.world.resolve([desk.world.touchpoint("m3", "email:bo@example.com")])
    another = {"identifier": {"type": "email", "value": "bo@example.com"}, "reason": "asked"}
    assert (await desk.api.post("/v1/privacy/erasures", another, role="dpo")).status_code == 200
    await desk.later()
    assert [method for method, *_ in mail_house.asked] == ["POST"], "the secret that was sealed anew opens"


async def test_asked_again_the_places_are_told_again(desk: Desk, mail_house: MailHouse) -> None:
    await desk.register(mail_house)
    mail_house.status = 500
    request_id = await desk.erase()
    await desk.later()
    await desk.world.db.pool.execute("DELETE FROM outbox")
    assert (
        await desk.api.post(f"/v1/privacy/erasures/{request_id}/retry", {}, role="dpo")
    ).status_code == 200
    (event,) = (await desk.world.events()).others
    assert str(event.request_id) == request_id
    await desk.later()
    assert len(mail_house.asked) == 2
