"""A dead letter may say something else about whom and what it is about."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, IdentifierRef, TouchpointReceivedV1
from guanxi_kit.dead_letters.mending import CannotMend, mended_value

TOPIC = "touchpoint.received"
AT = datetime(2026, 5, 20, 8, tzinfo=UTC)
TOUCHPOINT = TouchpointReceivedV1(
    touchpoint_id=UUID(int=7),
    channel="till-7",
    kind="track",
    name="Order Completed",
    occurred_at=AT,
    received_at=AT,
    identifiers=[IdentifierRef("phone", b"p" * 16)],
    sealed=b"sealed",
)
VALUE = TOUCHPOINT_RECEIVED.encode(TOUCHPOINT, id="7", source="test", time=AT)


def content(change: Callable[[Any], Any]) -> Any:
    found = json.loads(VALUE)
    change(found)
    return found


def test_what_a_record_says_is_put_right() -> None:
    mended = mended_value(TOPIC, VALUE, content(lambda event: event["data"].update(name="Booked", more=1)))
    assert TOUCHPOINT_RECEIVED.decode(mended).data.name == "Booked"
    broken = VALUE.replace(b'"kind":"track"', b'"kind":17')
    assert mended_value(TOPIC, broken, json.loads(VALUE)) == VALUE


def nested(event: Any) -> None:
    for _ in range(2_000):
        event["data"] = {"deeper": event["data"]}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("id", lambda event: event.update(id="8")),
        ("type", lambda event: event.pop("type")),
        ("data.touchpoint_id", lambda event: event["data"].update(touchpoint_id=str(UUID(int=8)))),
        ("data.profile_id", lambda event: event["data"].update(profile_id=str(UUID(int=8)))),
        ("data.identifiers.0.hash", lambda event: event["data"]["identifiers"].clear()),
        ("data.sealed", lambda event: event["data"].update(sealed="b3RoZXI=")),
        ("", lambda event: event["data"].update(kind="seen")),
        ("", lambda event: event["data"].update(occurred_at="2026-05-20T08:00:00")),
        ("", lambda event: event["data"].update(text="x" * 1_000_000)),
        ("", nested),
    ],
)
def test_whom_it_is_about_must_stay_and_so_must_its_contract(
    field: str, change: Callable[[Any], Any]
) -> None:
    with pytest.raises(CannotMend) as refused:
        mended_value(TOPIC, VALUE, content(change))
    assert refused.value.field == field


@pytest.mark.parametrize(("topic", "value"), [(TOPIC, b"\xff"), (TOPIC, b"[1]"), ("left", VALUE)])
def test_what_is_no_event_cannot_be_mended(topic: str, value: bytes) -> None:
    with pytest.raises(CannotMend):
        mended_value(topic, value, json.loads(VALUE))
