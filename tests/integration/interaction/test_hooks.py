"""Webhooks: declared, signed, mapped; what is not from the sender, or too much, is turned away."""

from __future__ import annotations

import base64
import hmac
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from .conftest import NOW, Service, basic
from .events import rows

SALE: dict[str, Any] = {
    "kind": "pos",
    "verify": {
        "scheme": "hmac",
        "header": "x-signature",
        "prefix": "sha256=",
        "template": "{timestamp}.{body}",
        "timestamp_header": "x-timestamp",
    },
    "each": "sales",
    "when": [
        {
            "if": "status == 'paid'",
            "message": {
                "type": "track",
                "event": "'Order Completed'",
                "messageId": "join('-', ['sale', id])",
                "userId": "member.id",
                "timestamp": "epoch_time(paid_at)",
                "properties": {"order_id": "id", "revenue": "total", "shop": "_payload.shop"},
                "context": {"traits": {"phone": "member.phone"}},
            },
        },
        {
            "if": "member",
            "message": {"type": "identify", "userId": "member.id", "traits": {"phone": "member.phone"}},
        },
    ],
}
SECRET = "a-secret-of-the-till"
PAID = {"id": "s-1", "status": "paid", "total": 42.5, "paid_at": 1779260400}
MEMBER = {"id": "m-1", "phone": "+12025550142"}


async def declare(service: Service, name: str, **asked: Any) -> Any:
    return await service.client.put(
        f"/v1/channels/{name}", json=asked, headers=service.staff.headers("admin")
    )


async def declared(service: Service, document: dict[str, Any] = SALE, name: str = "till") -> Any:
    answer = await declare(service, name, declaration=document, secrets={"secret": [SECRET]})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sent(
    service: Service, payload: Any, *, at: Any = NOW, secret: str = SECRET, query: str = "", **headers: str
) -> Any:
    body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    timestamp = str(int(at.timestamp()))
    digest = hmac.digest(secret.encode(), timestamp.encode() + b"." + body, "sha256").hex()
    signed = {"x-timestamp": timestamp, "x-signature": f"sha256={digest}", **headers}
    return await service.client.post(f"/v1/hooks/till{query}", content=body, headers=signed)


async def test_a_payload_becomes_touchpoints(service: Service) -> None:
    await declared(service)
    payload = {
        "shop": "7",
        "sales": [
            {**PAID, "member": MEMBER},
            {"id": "s-2", "status": "open"},
            {**PAID, "id": "s-3"},
        ],
    }
    answer = await sent(service, payload)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["accepted"], document["ignored"]) == (2, 1)
    metrics = (await service.client.get("/metrics")).text
    assert 'guanxi_ingested_total{channel="till",outcome="ignored"}' in metrics
    assert [(one["index"], one["field"]) for one in document["refused"]] == [(2, "")]
    person, sale = sorted(await service.received(), key=lambda touchpoint: touchpoint.kind)
    assert (sale.channel, sale.kind, sale.name) == ("till", "track", "Order Completed")
    assert sale.purchase is not None
    assert sale.purchase.amount_minor == 4250
    assert sale.occurred_at.isoformat() == "2026-05-20T07:00:00+00:00"
    content = service.opened(sale)
    assert content["properties"] == {"order_id": "s-1", "revenue": 42.5, "shop": "7"}
    assert [one["type"] for one in content["identifiers"]] == ["user_id", "phone"]
    assert person.kind == "identify"
    again = await sent(service, payload, at=NOW + timedelta(seconds=5))
    assert again.status_code == 200
    ids = [touchpoint.touchpoint_id for touchpoint in await service.received()]
    assert ids[:2] == ids[2:], "a payload that is sent again counts once"


async def test_only_the_sender_gets_in(service: Service) -> None:
    await declared(service)
    good = {"sales": [{**PAID, "member": MEMBER}]}
    wrong = [
        await sent(service, good, secret="another"),
        await sent(service, good, at=NOW - timedelta(minutes=6)),
        await sent(service, good, at=NOW + timedelta(minutes=6)),
        await sent(service, good, **{"x-signature": "sha256="}),
        await sent(service, good, **{"x-timestamp": str(int(NOW.timestamp()) + 1)}),
        await service.client.post("/v1/hooks/till", json=good),
        await service.client.post("/v1/hooks/nobody", json=good),
        await service.client.post("/v1/hooks/web", json=good),
    ]
    for answer in wrong:
        assert answer.status_code == 401, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await service.client.get("/v1/hooks/till")).status_code == 405
    assert (await service.client.put("/v1/hooks/till", json=good)).status_code == 405
    assert await service.received() == []
    assert (await sent(service, good)).status_code == 200


KINDS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "as GitHub": (
        {"header": "x-hub-signature-256", "prefix": "sha256="},
        {"x-hub-signature-256": "sha256=" + hmac.new(b"key", b"{}", "sha256").hexdigest().upper()},
    ),
    "as Shopify": (
        {"header": "x-shop-hmac", "encoding": "base64"},
        {"x-shop-hmac": base64.b64encode(hmac.digest(b"key", b"{}", "sha256")).decode()},
    ),
    "as Stripe": (
        {"header": "stripe", "member": "v1", "timestamp_member": "t", "template": "{timestamp}.{body}"},
        {"stripe": "t=1779264000,v0=no,v1=" + hmac.new(b"key", b"1779264000.{}", "sha256").hexdigest()},
    ),
    "as Standard Webhooks": (
        {
            "header": "webhook-signature",
            "prefix": "v1,",
            "encoding": "base64",
            "template": "{id}.{timestamp}.{body}",
            "timestamp_header": "webhook-timestamp",
            "id_header": "webhook-id",
        },
        {
            "webhook-id": "1",
            "webhook-timestamp": "1779264000",
            "webhook-signature": "v1,bm8= v1,"
            + base64.b64encode(hmac.digest(b"key", b"1.1779264000.{}", "sha256")).decode(),
        },
    ),
    "SHA-1": ({"header": "x", "algorithm": "sha1"}, {"x": hmac.new(b"key", b"{}", "sha1").hexdigest()}),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_usual_signatures(service: Service, kind: str) -> None:
    verify, headers = KINDS[kind]
    document = {
        "kind": "x",
        "verify": {"scheme": "hmac", **verify},
        "when": [{"if": "no", "message": {"type": "page"}}],
    }
    answer = await declare(service, "signed", declaration=document, secrets={"secret": ["old", "key"]})
    assert answer.status_code == 200, answer.text
    assert (await service.client.post("/v1/hooks/signed", content=b"{}", headers=headers)).json() == {
        "success": True,
        "accepted": 0,
        "refused": [],
        "ignored": 1,
    }
    assert (await service.client.post("/v1/hooks/signed", content=b"{} ", headers=headers)).status_code == 401


async def test_a_write_key_or_a_token_may_stand_for_a_signature(service: Service) -> None:
    rules = [{"message": {"type": "track", "event": "'Filled in'", "anonymousId": "id"}}]
    keyed = {"kind": "form", "verify": {"scheme": "write_key"}, "decode": "form", "when": rules}
    key = (await declare(service, "form", declaration=keyed)).json()["write_key"]
    answer = await service.client.post("/v1/hooks/form", content=b"id=a-1&x=%E4%BD%A0", headers=basic(key))
    assert answer.json()["accepted"] == 1, answer.text
    for headers in ({}, basic("test-write-key-of-web"), basic("no")):
        refused = await service.client.post("/v1/hooks/form", content=b"id=a-1", headers=headers)
        assert refused.status_code == 401
    token = {**keyed, "verify": {"scheme": "token", "header": "authorization", "prefix": "Bearer "}}
    fixed = {**token, "respond": {"body": "success"}}
    await declare(service, "token", declaration=fixed, secrets={"secret": ["t0ken"]})
    answer = await service.client.post(
        "/v1/hooks/token", content=b"id=a-1", headers={"authorization": "Bearer t0ken"}
    )
    assert (answer.text, answer.headers["content-type"]) == ("success", "text/plain; charset=utf-8")
    wrong = await service.client.post(
        "/v1/hooks/token", content=b"id=1", headers={"authorization": "Bearer no"}
    )
    assert wrong.status_code == 401


BAD_BODIES: dict[str, tuple[str, bytes, int]] = {
    "no JSON": ("json", b"{", 400),
    "deep JSON": ("json", b'{"sales":' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400),
    "not UTF-8": ("json", b'{"sales": "\xff"}', 400),
    "too many items": ("json", b'{"sales":[' + b"1," * 2600 + b"1]}", 400),
    "too large": ("json", b" " * 600_000, 413),
    "deep XML": ("xml", b"<a>" * 10_000 + b"</a>" * 10_000, 400),
    "an entity": ("xml", b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 400),
    "wide XML": ("xml", b"<a>" + b"<b/>" * 60_000 + b"</a>", 400),
    "no XML": ("xml", b"a", 400),
    "a wide form": ("form", b"a&" * 60_000, 400),
    "a form that is not UTF-8": ("form", b"a=%ff", 400),
}


@pytest.mark.parametrize("case", BAD_BODIES)
async def test_hostile_bodies_are_turned_away(service: Service, case: str) -> None:
    decode, body, status = BAD_BODIES[case]
    await declared(service, {**SALE, "decode": decode})
    answer = await sent(service, body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await sent(service, b"{}", **{"content-encoding": "gzip"})).status_code == 415
    query = "&".join(f"a{number}=1" for number in range(100))
    assert (await service.client.post(f"/v1/hooks/till?{query}", content=b"{}")).status_code == 400


async def test_items_are_refused_one_by_one(service: Service) -> None:
    await declared(service, {**SALE, "each": "@"})
    items: list[Any] = [
        {**PAID, "member": MEMBER, "total": "x" * 33_000},
        {**PAID, "member": MEMBER, "paid_at": "soon"},
        {**PAID, "id": 7, "member": MEMBER},
        {**PAID, "id": "s-9", "member": {"id": {}}},
    ]
    answer = (await sent(service, items)).json()
    assert answer["accepted"] == 3, answer
    fields = [(one["index"], one["field"]) for one in answer["refused"]]
    assert fields == [(0, "properties"), (1, "timestamp"), (2, "messageId"), (3, "userId"), (3, "userId")]
    assert "soon" not in str(answer)


async def test_a_declaration_is_checked_and_its_secrets_never_shown(service: Service) -> None:
    shown = await declared(service)
    assert (shown["version"], shown["secrets"], shown["declared_by"]) == (1, ["secret"], shown["declared_by"])
    assert SECRET not in str(shown)
    assert shown["write_key"]
    assert (await declared(service))["version"] == 2
    (row,) = await rows(service.database, "SELECT sealed FROM channel_declaration WHERE version = 2")
    assert SECRET.encode() not in row["sealed"]
    headers = service.staff.headers("admin")
    listed = (await service.client.get("/v1/channels", headers=headers)).json()["items"]
    assert [(one["name"], one["version"]) for one in listed] == [("till", 2)]
    assert (await service.client.get("/v1/channels/none", headers=headers)).status_code == 404
    rule = {"message": {"type": "track", "event": "name(", "userId": "id", "properties": {"a": "b.(("}}}
    doubling = {"message": {"type": "track", "event": "|".join(["[@,@]"] * 12)}}
    wrong: list[tuple[dict[str, Any], list[str]]] = [
        ({"when": [rule]}, ["declaration.when.0.message.event", "declaration.when.0.message.properties.a"]),
        ({"when": [doubling]}, ["declaration.when.0.message.event"]),
        ({"when": []}, ["declaration.when"]),
        ({"verify": {"scheme": "none"}}, ["declaration.verify"]),
        ({"verify": {**SALE["verify"], "template": "{timestamp}"}}, ["declaration.verify.hmac"]),
    ]
    for changes, fields in wrong:
        answer = await declare(service, "other", declaration={**SALE, **changes}, secrets={"secret": ["x"]})
        assert answer.status_code == 400, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == fields
    assert (await declare(service, "other", declaration=SALE)).json()["errors"][0]["field"] == "secrets"
    assert (await declare(service, "staff", declaration=SALE, secrets={"secret": ["x"]})).status_code == 400


async def test_a_dry_run_shows_what_would_come(service: Service) -> None:
    payload = msgspec.json.encode({"sales": [{**PAID, "member": MEMBER}, {}, {**PAID, "id": "s-3"}]}).decode()
    headers = service.staff.headers("admin")
    asked: dict[str, Any] = {"payload": payload, "declaration": SALE}
    tried = (await service.client.post("/v1/channels/till/dry-run", json=asked, headers=headers)).json()
    assert (tried["signature"], tried["items"], tried["ignored"]) == ("not_checked", 3, 1)
    sale, person = tried["touchpoints"]
    assert (sale["name"], sale["purchase"]["amount_minor"], sale["message_id"]) == (
        "Order Completed",
        4250,
        "sale-s-1",
    )
    assert {"type": "phone", "namespace": "", "value": "+12025550142"} in person["identifiers"]
    assert [(one["item"], one["field"]) for one in tried["refused"]] == [(2, "")]
    await declared(service)
    tried = (
        await service.client.post("/v1/channels/till/dry-run", json={"payload": payload}, headers=headers)
    ).json()
    assert (tried["signature"], len(tried["touchpoints"])) == ("failed", 2)
    assert tried["signature_reason"]
    broken = await service.client.post("/v1/channels/till/dry-run", json={"payload": "{"}, headers=headers)
    assert broken.json()["errors"][0]["field"] == "payload"
    own: dict[str, Any] = {"declaration": {**SALE, "sample": payload}}
    tried = await service.client.post("/v1/channels/till/dry-run", json=own, headers=headers)
    assert len(tried.json()["touchpoints"]) == 2, "its own sample, where no payload is given"
    missing = await service.client.post("/v1/channels/till/dry-run", json={}, headers=headers)
    assert missing.json()["errors"][0]["field"] == "payload"
    assert await service.received() == []
    nobody = await service.client.post(
        "/v1/channels/till/dry-run", json=asked, headers=service.staff.headers("agent")
    )
    assert nobody.status_code == 403
