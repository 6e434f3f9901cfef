"""Ingest over HTTP: what is accepted stands on the log, what is not is named."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest

from guanxi_kit.log.port import LogUnavailable
from interaction_service.domain.touchpoint import touchpoint_id

from .conftest import NOW, WRITE_KEY, Engine, MemoryEngine, Service, ServiceOn, basic, read_all
from .events import rows

ALL_KINDS: dict[str, dict[str, Any]] = {
    "identify": {"userId": "u-1", "traits": {"email": "Lin@Example.com"}},
    "track": {"userId": "u-1", "event": "Viewed"},
    "page": {"anonymousId": "a-1", "name": "Home"},
    "screen": {"anonymousId": "a-1", "name": "Home"},
    "group": {"userId": "u-1", "groupId": "acme", "traits": {"name": "Acme"}},
    "alias": {"userId": "u-1", "previousId": "a-1"},
}


async def test_each_kind_has_its_endpoint(service: Service) -> None:
    for kind, message in ALL_KINDS.items():
        response = await service.post(f"/v1/{kind}", {**message, "messageId": kind})
        assert (response.status_code, response.json()) == (
            200,
            {"success": True, "accepted": 1, "refused": []},
        )
    received = await service.received()
    assert {touchpoint.kind for touchpoint in received} == set(ALL_KINDS)
    assert {t.name for t in received} == {"Viewed", "Home", None}


async def test_an_accepted_batch_is_on_the_log(service_on: ServiceOn, engine: Engine) -> None:
    async with service_on(engine) as service:
        batch = [{"type": kind, "messageId": kind, **message} for kind, message in ALL_KINDS.items()]
        response = await service.post("/v1/batch", {"batch": batch})
        assert response.json()["accepted"] == len(ALL_KINDS)
        received = {touchpoint.kind: touchpoint for touchpoint in await service.received()}
    assert set(received) == set(ALL_KINDS)
    identify = received["identify"]
    assert [ref.type for ref in identify.identifiers] == ["user_id", "email"]
    assert identify.has_traits
    assert identify.received_at == NOW
    assert service.opened(identify)["identifiers"] == [
        {"type": "user_id", "namespace": "", "value": "u-1"},
        {"type": "email", "namespace": "", "value": "lin@example.com"},
    ]
    assert identify.identifiers[0].hash == service.keyring.blind("user_id\0", "u-1")
    assert [ref.type for ref in received["alias"].identifiers] == ["user_id", "anonymous_id"]
    assert not received["group"].has_traits
    assert service.opened(received["group"])["group"] == {"id": "acme", "traits": {"name": "Acme"}}


async def test_the_key_is_the_strongest_identifier(service: Service) -> None:
    batch = [
        {"type": "identify", "userId": "u-1", "messageId": "1", "traits": {"memberNumber": "M-77"}},
        {"type": "track", "event": "x", "anonymousId": "null", "messageId": "2"},
    ]
    await service.post("/v1/batch", {"batch": batch})
    keys = {key for key, _ in await read_all(service.engine, "touchpoint.received")}
    (channel,) = await rows(service.database, "SELECT channel_id FROM channel")
    unidentified = touchpoint_id(str(channel["channel_id"]), "2").bytes
    assert keys == {service.keyring.blind("member_number\0", "M-77"), unidentified}


async def test_bad_messages_are_refused_one_by_one(service: Service) -> None:
    good = {"type": "track", "userId": "u-1", "event": "Viewed"}
    batch: list[Any] = [
        {**good, "messageId": "good-1"},
        {**good, "messageId": "no-user", "userId": None},
        {**good, "messageId": "bad-time", "timestamp": "yesterday"},
        {**good, "messageId": "future", "timestamp": (NOW + timedelta(days=3)).isoformat()},
        {**good, "messageId": "past", "timestamp": "1901-01-01T00:00:00Z"},
        {**good, "messageId": "wrong-type", "userId": {"a": 1}},
        {**good, "messageId": "m" * 101},
        {"type": "track", "userId": "u-1", "messageId": "no-event"},
        {**good, "type": "purchase", "messageId": "kind"},
        {**good, "messageId": "props", "properties": [1]},
        {**good, "messageId": "nul", "event": "a\0b"},
        17,
        {**good, "messageId": "big", "properties": {"text": "x" * 33_000}},
        {**good, "messageId": "traits", "type": "identify", "traits": {"a\0": 1}},
        {**good, "messageId": "good-2", "timestamp": "2026-05-01"},
    ]
    response = await service.post("/v1/batch", {"batch": batch})
    assert response.status_code == 200
    answer = response.json()
    assert answer["accepted"] == 2
    fields = {refusal["index"]: refusal["field"] for refusal in answer["refused"]}
    assert fields == {
        1: "userId",
        2: "timestamp",
        3: "timestamp",
        4: "timestamp",
        5: "userId",
        6: "messageId",
        7: "event",
        8: "type",
        9: "properties",
        10: "event",
        11: "",
        12: "",
        13: "traits",
    }
    assert all(refusal["reason"] for refusal in answer["refused"])
    assert len(await service.received()) == 2


async def test_a_batch_without_any_good_message_is_a_problem(service: Service) -> None:
    response = await service.post("/v1/batch", {"batch": [{"type": "track", "event": "x"}]})
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["errors"] == [{"field": "batch.0.userId", "reason": "is missing, and so is anonymousId"}]
    assert problem["refused"][0]["index"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b'{"batch": 1}', "batch"),
        (b"{}", "batch"),
        (b'{"batch": []}', "batch"),
        (b'{"batch": [{}], "sentAt": "soon"}', "sentAt"),
        (b'{"batch": [{}], "context": []}', "context"),
        (b'{"batch": [{}], "context": {"a": "' + b"x" * 5000 + b'"}}', "context"),
        (b'{"batch": ["\xff"]}', "body"),
        (b'{"batch": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", "body"),
        (b'{"batch": [' + b"1," * 2500 + b"1]}", "batch"),
    ],
)
async def test_a_malformed_batch_names_its_field(service: Service, body: bytes, field: str) -> None:
    response = await service.client.post("/v1/batch", content=body, headers=basic(WRITE_KEY))
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("no-such-write-key"),
        basic(""),
        {"authorization": "Basic ???"},
        {"authorization": "Basic"},
        {"authorization": "Bearer abc"},
    ],
)
@pytest.mark.parametrize("body", [b'{"batch": [{"type": "page", "userId": "u"}]}', b"{", b"{}"])
async def test_without_a_known_write_key_nothing_passes(
    service: Service, headers: dict[str, str], body: bytes
) -> None:
    response = await service.client.post("/v1/batch", content=body, headers=headers)
    assert response.status_code == 401, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"].startswith("Basic")
    assert await service.received() == []


async def test_a_staff_token_cannot_ingest(service: Service) -> None:
    response = await service.client.post(
        "/v1/page", json={"userId": "u"}, headers=service.staff.headers("admin")
    )
    assert response.status_code == 401


async def test_the_write_key_may_stand_in_the_body(service: Service) -> None:
    for path, document in (
        ("/v1/batch", {"batch": [{"type": "page", "userId": "u"}], "writeKey": WRITE_KEY}),
        ("/v1/page", {"userId": "u", "writeKey": WRITE_KEY}),
    ):
        response = await service.client.post(path, json=document)
        assert response.status_code == 200, response.text
        wrong = await service.client.post(path, json={**document, "writeKey": "no-such-write-key"})
        assert wrong.status_code == 401


async def test_gzip_bodies(service: Service) -> None:
    body = gzip.compress(json.dumps({"batch": [{"type": "page", "userId": "u"}]}).encode())
    headers = {**basic(WRITE_KEY), "content-encoding": "gzip"}
    response = await service.client.post("/v1/batch", content=body, headers=headers)
    assert response.status_code == 200, response.text
    for broken in (body[:-4], b"plain", body + b"more"):
        response = await service.client.post("/v1/batch", content=broken, headers=headers)
        assert response.status_code == 400, response.text
    response = await service.client.post(
        "/v1/batch", content=body, headers={**headers, "content-encoding": "br"}
    )
    assert response.status_code == 415


async def test_a_zip_bomb_is_cut_off(service: Service) -> None:
    bomb = gzip.compress(b" " * 100_000_000)
    headers = {**basic(WRITE_KEY), "content-encoding": "gzip"}
    response = await service.client.post("/v1/batch", content=bomb, headers=headers)
    assert response.status_code == 413


async def test_sizes(service: Service) -> None:
    event = {"type": "page", "userId": "u", "properties": {"text": "x" * 30_000}}
    response = await service.post("/v1/batch", {"batch": [event] * 16})
    assert response.json()["accepted"] == 16
    assert (await service.post("/v1/batch", {"batch": [event] * 18})).status_code == 413
    event["properties"] = {"text": "x" * 33_000}
    assert (await service.post("/v1/page", event)).status_code == 413


async def test_other_methods_are_not_allowed(service: Service) -> None:
    response = await service.client.get("/v1/batch")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_log_that_is_away_is_told(service: Service, memory: MemoryEngine) -> None:
    memory.log.fail_next_append = LogUnavailable("away")
    response = await service.post("/v1/page", {"userId": "u"})
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert (await service.post("/v1/page", {"userId": "u"})).status_code == 200


async def test_what_is_over_the_bounds_of_a_process_is_told_to_wait(
    service_on: ServiceOn, memory: MemoryEngine
) -> None:
    async with service_on(memory, ingest_bytes=100) as service:
        response = await service.post("/v1/page", {"userId": "u", "properties": {"text": "x" * 200}})
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert (await service.post("/v1/page", {"userId": "u"})).status_code == 200


async def test_an_unknown_path_and_the_health_checks_pass_the_lane(service: Service) -> None:
    assert (await service.client.get("/healthz")).status_code == 200
    ready = await service.client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (200, {"channels": "ok", "keyring": "ok"})
    assert (await service.client.post("/v1/unknown")).status_code == 404
    await service.post("/v1/page", {"userId": "u"})
    metrics = (await service.client.get("/metrics")).text
    assert 'guanxi_ingested_total{channel="web",outcome="accepted"}' in metrics
    assert 'route="/v1/page"' in metrics
    document = (await service.client.get("/openapi.json")).json()
    assert "/v1/batch" in document["paths"]
    assert document["paths"]["/v1/batch"]["post"]["security"] == [{"writeKey": []}]
