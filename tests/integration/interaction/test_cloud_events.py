"""CloudEvents over HTTP: all three modes take the way of a batch and get its answers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from .conftest import WRITE_KEY, Service, basic

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "4711",
    "source": "https://pos.example.com/7",
    "type": "Order Completed",
    "time": "2026-05-20T07:30:00Z",
    "userid": "u-1",
    "data": {"revenue": 58.5, "currency": "CNY"},
}
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"


async def post(service: Service, media_type: str, document: Any, **headers: str) -> Any:
    body = document if isinstance(document, bytes) else msgspec.json.encode(document)
    return await service.client.post(
        "/v1/cloudevents", content=body, headers={**basic(WRITE_KEY), "content-type": media_type, **headers}
    )


async def test_the_three_modes_tell_the_same(service: Service) -> None:
    attributes = {f"ce-{name}": str(value) for name, value in EVENT.items() if name != "data"}
    answers = [
        await post(service, STRUCTURED, EVENT),
        await post(service, f"{BATCHED}; charset=utf-8", [EVENT]),
        await post(
            service, "application/json", EVENT["data"], **{**attributes, "ce-type": "Order%20Completed"}
        ),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["accepted"]) == (200, 1), answer.text
    received = await service.received()
    assert len({touchpoint.touchpoint_id for touchpoint in received}) == 1, "one event, however it came"
    for touchpoint in received:
        assert (touchpoint.kind, touchpoint.name) == ("track", "Order Completed")
        assert touchpoint.occurred_at.isoformat() == "2026-05-20T07:30:00+00:00"
        assert touchpoint.purchase is not None
        assert service.opened(touchpoint)["properties"] == EVENT["data"]


async def test_an_event_may_carry_a_message(service: Service) -> None:
    identify = {**EVENT, "type": "guanxi.identify", "data": {"traits": {"email": "lin@example.com"}}}
    by_subject = {"specversion": "1.0", "id": "5", "source": "/crm", "type": "Called", "subject": "u-2"}
    answer = await post(service, BATCHED, [identify, by_subject])
    assert answer.json()["accepted"] == 2
    first, second = sorted(await service.received(), key=lambda touchpoint: touchpoint.kind)
    assert (first.kind, [ref.type for ref in first.identifiers]) == ("identify", ["user_id", "email"])
    assert service.opened(second)["identifiers"][0]["value"] == "u-2"


async def test_events_are_refused_one_by_one(service: Service) -> None:
    bad: dict[str, dict[str, Any]] = {
        "specversion": {**EVENT, "specversion": "0.3"},
        "id": {**EVENT, "id": ""},
        "source": {**EVENT, "source": "a b"},
        "type": {name: value for name, value in EVENT.items() if name != "type"},
        "datacontenttype": {**EVENT, "datacontenttype": "text/plain"},
        "data_base64": {**EVENT, "data_base64": "?"},
        "data": {**EVENT, "data": [1]},
        "time": {**EVENT, "time": "soon"},
        "userid": {**EVENT, "userid": None},
        "data.userId": {**EVENT, "type": "guanxi.track", "data": {"userId": {}}},
        "data.type": {**EVENT, "type": "guanxi.track", "data": {"type": 1}},
        "": {**EVENT, "data": {"text": "x" * 33_000}},
    }
    answer = await post(service, BATCHED, [*bad.values(), EVENT])
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1), answer.text
    assert [refusal["field"] for refusal in answer.json()["refused"]] == list(bad)
    answer = await post(service, STRUCTURED, bad["source"])
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "source")


@pytest.mark.parametrize(
    ("media_type", "body", "status"),
    [
        (BATCHED, b"[]", 400),
        (BATCHED, b"{}", 400),
        (BATCHED, b"[" + b"1," * 2500 + b"1]", 400),
        (BATCHED, b"[" * 10_000 + b"]" * 10_000, 400),
        (BATCHED, b'["\xff"]', 400),
        (STRUCTURED, b"{" * 10_000, 400),
        (STRUCTURED, b" " * 33_000, 413),
        (BATCHED, b" " * 600_000, 413),
        ("application/json", b"{}", 400),
        ("text/plain", b"", 400),
    ],
)
async def test_what_cannot_be_read_is_told(
    service: Service, media_type: str, body: bytes, status: int
) -> None:
    answer = await post(service, media_type, body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    without = await service.client.post("/v1/cloudevents", content=body, headers={"content-type": media_type})
    assert without.status_code in (401, 413)
