"""From the request to the last receipt: partners over HTTP, topics, alarms, completion. The clock is moved."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from guanxi_contracts.catalog import TOUCHPOINT_RECEIVED_TOPIC, TOUCHPOINT_RESOLVED_TOPIC
from guanxi_contracts.privacy import ErasureReceiptV1
from guanxi_kit.consumer import Relay
from guanxi_kit.log.memory import MemoryAdmin, MemoryLog, MemoryReader
from guanxi_kit.log.port import Outgoing, TopicSpec
from guanxi_kit.outward import OutwardClient
from guanxi_kit.testing import eventually
from guanxi_kit.webhooks import sign, verify
from profile_service.adapters.erasure_desk import STREAM, erasure_units
from profile_service.adapters.erasure_loop import LoggedNotices
from profile_service.adapters.erasure_seals import KeyringSeals
from profile_service.adapters.log_topics import LogTopics
from profile_service.adapters.partner_calls import SignedPartnerCalls
from profile_service.application.advance_erasures import AdvanceErasures
from profile_service.consumers.privacy_receipt import handle_receipts
from profile_service.domain.erasure import RequestState

from .conftest import Api, ProfileWorld

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSBtYWlsIGhvdXNl"
PERSON = ("member_number:m-77", "email:ada@example.com", "phone:+8613900000077")
SERVICES = ("interaction-service", "scoring-service", "notification-service")


@dataclass
class MailHouse:
    """A partner's own server: it checks the signature, and answers what it is told to."""

    world: ProfileWorld
    status: int = 202
    body: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        verify(SECRET, headers, body, self.world.clock.now())
        told = msgspec.json.decode(body) if body else scope["query_string"].decode()
        self.asked.append((scope["method"], headers["webhook-id"], told))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": msgspec.json.encode(self.body)})


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Leave signals to pytest."""
        yield


@pytest.fixture
async def mail_house(world: ProfileWorld) -> AsyncIterator[MailHouse]:
    house = MailHouse(world)
    config = uvicorn.Config(house, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = _Quiet(config)
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    house.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield house
    server.should_exit = True
    await task


@dataclass
class Alarms(LoggedNotices):
    raised: list[RequestState] = field(default_factory=list)

    def alarmed(self, request_id: UUID, state: RequestState) -> None:
        super().alarmed(request_id, state)
        self.raised.append(state)


@dataclass
class Desk:
    """What the worker's part works with, and the API beside it."""

    world: ProfileWorld
    api: Api
    log: MemoryLog
    alarms: Alarms
    advance: AdvanceErasures

    async def later(self, delta: timedelta = timedelta()) -> None:
        """Let time go by and the worker have its turn."""
        self.world.clock.advance(delta)
        await self.advance.run_once()

    async def erase(self) -> str:
        await self.world.resolve(
            [self.world.touchpoint("m1", *PERSON), self.world.touchpoint("m2", PERSON[0])]
        )
        body = {"identifier": {"type": "email", "value": "ada@example.com"}, "reason": "asked"}
        answer = await self.api.post("/v1/privacy/erasures", body, role="dpo")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["request_id"])

    async def read(self, request_id: str) -> dict[str, Any]:
        return dict((await self.api.get(f"/v1/privacy/erasures/{request_id}", role="dpo")).json())

    async def place(self, request_id: str, name: str) -> dict[str, Any]:
        places = (await self.read(request_id))["places"]
        return next(dict(place) for place in places if place["place"] == name)

    async def services_are_done(self, request_id: str) -> None:
        receipts = [
            ErasureReceiptV1(
                request_id=UUID(request_id),
                place=place,
                state="done",
                erased={"rows": 1},
                at=self.world.clock.now(),
            )
            for place in SERVICES
        ]
        await self.world.work(handle_receipts, [self.world.received(each) for each in receipts])

    async def register(self, house: MailHouse, **changes: Any) -> Any:
        body = {
            "name": "mail-house",
            "url": house.url + "/erase",
            "status_url": house.url + "/status",
            "secret": SECRET,
            "identifier_types": ["email", "phone"],
        }
        return await self.api.post("/v1/privacy/partners", body | changes, role="dpo")


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
