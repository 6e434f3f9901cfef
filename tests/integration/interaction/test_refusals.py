"""What was refused is kept sealed, read, mended and replayed; events are held against the pack's schemas."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from shutil import copytree
from typing import Any
from uuid import UUID

import pytest

from guanxi_contracts.catalog import PRIVACY_ERASURE_TOPIC
from guanxi_contracts.privacy import ERASURE_REQUESTED, ErasureRequestedV1
from guanxi_kit.erasure import tombstone_of
from guanxi_kit.log.port import Outgoing
from guanxi_kit.testing import eventually
from interaction_service.adapters.event_names import MAX_STORED, store_sightings
from interaction_service.adapters.refusals import PostgresRefusals, RefusalSweep
from interaction_service.application.event_names import MAX_TALLIED, EventNames, Sighting
from interaction_service.application.ports import Unavailable
from interaction_service.application.refusals import ITEMS_A_MINUTE

from .conftest import NOW, PACKS, MemoryEngine, Service, ServiceOn, running_worker
from .events import rows
from .test_hooks import MEMBER, PAID, SALE, declared, sent

SCHEMAS = """
schemas:
  Booked:
    properties: {seats: {type: integer, required: true}, at: {type: time}}
    on_violation: refuse
  Visited:
    properties: {room: {type: string, required: true}}
    on_violation: quarantine
  Rated:
    properties: {stars: {type: number}}
"""
BOOKED: dict[str, Any] = {"type": "track", "userId": "u-1", "event": "Booked", "messageId": "b-1"}


@pytest.fixture
async def service(service_on: ServiceOn, memory: MemoryEngine, tmp_path: Path) -> AsyncIterator[Service]:
    """The api with a pack whose events have schemas."""
    copytree(PACKS / "services", tmp_path / "packs" / "services")
    events = tmp_path / "packs" / "services" / "events.yaml"
    events.write_text(events.read_text().partition("\nschemas:")[0] + SCHEMAS)
    async with service_on(memory, pack_dir=tmp_path / "packs") as service:
        yield service


async def listed(service: Service, **query: Any) -> list[dict[str, Any]]:
    answer = await service.client.get("/v1/refusals", params=query, headers=service.staff.headers("admin"))
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def replayed(service: Service, refusal_id: str, **document: Any) -> Any:
    return await service.client.post(
        f"/v1/refusals/{refusal_id}/replay", json=document, headers=service.staff.headers("admin")
    )


async def test_a_refused_message_is_read_mended_and_replayed_once(service: Service) -> None:
    bad = {**BOOKED, "properties": {"seats": "two"}, "context": {"traits": {"phone": "+12025550142"}}}
    answer = await service.post("/v1/batch", {"batch": [bad, {**BOOKED, "properties": {"seats": 2}}]})
    assert answer.json()["refused"][0]["reason"] == "must be an integer"
    await service.post("/v1/batch", {"batch": [bad, {**BOOKED, "properties": {"seats": 2}}]})
    (kept,) = await listed(service, channel="web", state="open")
    assert (kept["field"], kept["reason"]) == ("properties.seats", "must be an integer")
    path = f"/v1/refusals/{kept['refusal_id']}"
    (row,) = await rows(service.database, "SELECT sealed FROM refusal")
    assert b"two" not in row["sealed"]
    admin = service.staff.headers("admin")
    read = (await service.client.get(path, headers=admin)).json()
    assert read["item"]["properties"] == {"seats": "two"}
    assert "5550142" not in str(read)
    clear = await service.client.get(
        path, params={"clear": "true", "reason": "mend what the till sent"}, headers=admin
    )
    mended = clear.json()["item"]
    assert mended["context"]["traits"]["phone"] == "+12025550142"
    assert (await replayed(service, kept["refusal_id"])).status_code == 400
    as_shown = await replayed(service, kept["refusal_id"], item={**read["item"], "properties": {"seats": 2}})
    assert as_shown.json()["errors"][0]["field"] == "item.context.traits.phone", "masked values are no values"
    service.clock.advance(timedelta(minutes=30))
    answer = await replayed(
        service, kept["refusal_id"], item={**mended, "messageId": "b-2", "properties": {"seats": 2}}
    )
    assert answer.json() == {"refusal_id": kept["refusal_id"], "state": "replayed", "accepted": 1}
    assert (await replayed(service, kept["refusal_id"])).status_code == 409
    assert (await service.client.post(f"{path}/discard", headers=admin)).status_code == 409
    last = (await service.received())[-1]
    assert (last.name, last.occurred_at) == ("Booked", NOW), "it counts from when it came"
    assert (await service.client.get(path, headers=service.staff.headers("agent"))).status_code == 403


async def test_every_way_in_keeps_what_it_refuses(service: Service) -> None:
    await declared(service)
    headers = {"content-type": "application/cloudevents+json"}
    await service.post("/v1/track", {"event": "x", "userId": None})
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/a",
        "type": "Booked",
        "subject": "u-1",
        "data": {"seats": "2"},
    }
    await service.post("/v1/cloudevents", event, headers=headers)
    await sent(service, {"sales": [{**PAID, "member": {"id": None}, "id": 7}]})
    await sent(service, b"<sales/>")
    kept = {one["way"]: one for one in await listed(service)}
    assert {way: one["channel"] for way, one in kept.items()} == {
        "message": "web",
        "event": "web",
        "item": "till",
        "body": "till",
    }
    event["data"] = {"seats": 2}
    sale = {**PAID, "member": MEMBER}
    mended: dict[str, Any] = {
        "message": {"userId": "u-2", "event": "x"},
        "event": event,
        "item": sale,
        "body": {"shop": "7", "sales": [{**sale, "id": "s-2"}]},
    }
    for way, item in mended.items():
        answer = await replayed(service, kept[way]["refusal_id"], item=item)
        assert answer.status_code == 200, (way, answer.text)
    assert len(await service.received()) == 6
    assert {one["state"] for one in await listed(service)} == {"replayed"}


async def test_what_is_quarantined_was_accepted_and_waits(service: Service) -> None:
    visited = {"type": "track", "userId": "u-1", "event": "Visited", "messageId": "v-1"}
    answer = await service.post("/v1/batch", {"batch": [visited]})
    assert answer.json() == {"success": True, "accepted": 1, "refused": []}
    assert await service.received() == []
    (kept,) = await listed(service, state="quarantined")
    answer = await replayed(service, kept["refusal_id"], item={**visited, "properties": {"room": "7"}})
    assert answer.status_code == 200, answer.text
    assert [one.name for one in await service.received()] == ["Visited"]


async def test_a_batch_is_taken_after_what_of_it_is_set_aside(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = {"batch": [{"type": "page", "userId": "u-1"}, {**BOOKED, "event": "Visited"}]}

    async def away(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(PostgresRefusals, "add", away)
        assert (await service.post("/v1/batch", batch)).status_code == 503
    assert (await service.post("/v1/batch", batch)).json()["accepted"] == 2
    assert len(await service.received()) == 1, "the page has no id, and was sent twice"


async def test_an_item_is_replayed_with_what_stood_beside_it(service: Service) -> None:
    rule = {
        "type": "track",
        "event": "'Visited'",
        "messageId": "join('-', [_payload.shop.id, id])",
        "userId": "who",
        "properties": {"room": "room", "by": "_query.by"},
    }
    await declared(service, {**SALE, "when": [{"message": rule}]})
    large = "x" * 100_000
    visits = [{"id": "v-1", "who": "u-1"}, {"id": "v-2", "who": "u-2", "large": large}]
    body = {"shop": {"id": "sh-7", "staff": ["a"]}, "sales": visits}
    assert (await sent(service, body, query="?by=hand")).status_code == 200
    assert await service.received() == []
    for kept in await listed(service, state="quarantined"):
        path = f"/v1/refusals/{kept['refusal_id']}"
        item = (await service.client.get(path, headers=service.staff.headers("admin"))).json()["item"]
        answer = await replayed(service, kept["refusal_id"], item={**item, "room": "7"})
        assert answer.status_code == 200, answer.text
    told = [service.opened(one) for one in await service.received()]
    assert {one["message_id"] for one in told} == {"sh-7-v-1", "sh-7-v-2"}, "the large one was kept as well"
    assert {one["properties"]["by"] for one in told} == {"hand"}


async def test_a_channel_has_so_much_kept_in_a_minute(service: Service) -> None:
    bad = [{"type": "track", "event": f"no person {number}"} for number in range(ITEMS_A_MINUTE + 500)]
    assert (await service.post("/v1/batch", {"batch": bad})).status_code == 400
    (row,) = await rows(service.database, "SELECT count(*) AS n FROM refusal")
    assert row["n"] == ITEMS_A_MINUTE
    service.clock.advance(timedelta(minutes=1))
    assert (await service.post("/v1/batch", {"batch": bad[-1:]})).status_code == 400
    (row,) = await rows(service.database, "SELECT count(*) AS n FROM refusal")
    assert row["n"] == ITEMS_A_MINUTE + 1
    service.clock.advance(timedelta(days=7, seconds=1))
    assert await RefusalSweep(service.database, service.clock).sweep() == ITEMS_A_MINUTE + 1


async def test_an_erasure_reaches_what_was_refused(service: Service) -> None:
    for user in ("u-1", "u-2"):
        await service.post(
            "/v1/batch", {"batch": [{**BOOKED, "userId": user, "properties": {"seats": user}}]}
        )
    assert len(await listed(service)) == 2
    customer = UUID(int=7)
    request = ErasureRequestedV1(
        request_id=UUID(int=8),
        customer_ids=[customer],
        profile_ids=[customer],
        tombstones=[tombstone_of(service.keyring, service.keyring.blind("user_id\0", "u-1"))],
        requested_at=NOW,
    )
    value = ERASURE_REQUESTED.encode(request, id="e", source="test", time=NOW)
    producer = service.engine.producer()
    await producer.start()
    await producer.append([Outgoing(PRIVACY_ERASURE_TOPIC.name, customer.bytes, value)])

    async def gone() -> None:
        assert len(await listed(service)) == 1

    async with running_worker(service):
        await eventually(gone)
    await producer.stop()


async def test_unknown_events_are_listed(service: Service) -> None:
    events = [("Order Completed", {}), ("Rated", {"stars": 5}), ("Rated", {"stars": "five"}), ("Danced", {})]
    batch = [{"type": "track", "userId": "u", "event": name, "properties": given} for name, given in events]
    assert (await service.post("/v1/batch", {"batch": batch})).json()["accepted"] == 4
    names = service.client

    async def shown() -> None:
        answer = await names.get("/v1/event-names", headers=service.staff.headers("admin"))
        found = [(one["channel"], one["name"], one["times"], one["reason"]) for one in answer.json()["items"]]
        assert found == [
            ("web", "Danced", 1, None),
            ("web", "Rated", 1, "properties.stars must be a number"),
        ]

    await eventually(shown)


async def test_a_million_names_take_bounded_room(service: Service) -> None:
    names = EventNames(service.clock)
    for number in range(1_000_000):
        names.note("web", f"name {number}", None)
    assert len(names) == MAX_TALLIED + 1
    more = [Sighting("web", f"later {number}", NOW, NOW, 1, 0, None) for number in range(100)]
    async with service.database.transaction() as connection:
        await store_sightings(connection, names.take())
        await store_sightings(connection, more)
    (row,) = await rows(service.database, "SELECT count(*) AS n, sum(times) AS times FROM event_name")
    assert (row["n"], row["times"]) == (MAX_STORED + 1, 1_000_100)
