"""The codec of one event version refuses what is no such event, and says why."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from guanxi_contracts.envelope import ContractError, read_type
from guanxi_contracts.message import MESSAGE_FAILED, MESSAGE_SENT, MessageSentV1

NOW = datetime(2024, 5, 1, 2, tzinfo=UTC)
ID = UUID("018f34a2-7c00-7b1e-9f3d-2a6c5e8d4b10")
SENT = MessageSentV1(
    send_id=ID,
    customer_id=ID,
    profile_id=ID,
    journey="welcome",
    template="welcome",
    channel="email",
    provider="smtp",
    sent_at=NOW,
)


def encoded(**changes: Any) -> bytes:
    event = json.loads(MESSAGE_SENT.encode(SENT, id="1", source="/notification-service", time=NOW))
    return json.dumps({**event, **changes}).encode()


def test_an_event_survives_the_way_there_and_back() -> None:
    event = MESSAGE_SENT.decode(encoded())
    assert event.data == SENT
    assert (event.id, event.time, event.specversion) == ("1", NOW, "1.0")
    assert read_type(encoded()) == "guanxi.message.sent.v1"


def test_a_reader_ignores_fields_of_a_later_writer() -> None:
    data = json.loads(encoded())["data"]
    assert MESSAGE_SENT.decode(encoded(traceid="x", data={**data, "campaign": "spring"})).data == SENT


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "truncated"),
        (encoded()[:-9], "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[]", "Expected `object`"),
        (b"[" * 100_000, "malformed|recursion|Expected `object`"),
        (encoded(type=1), r"\$\.type"),
        (encoded(type="guanxi.message.failed.v1"), "expected type"),
        (encoded(specversion="2.0"), "unsupported specversion"),
        (encoded(time="2024-05-01T02:00:00"), "timezone"),
        (encoded(data=None), r"\$\.data"),
        (encoded(data={}), "missing required field `send_id`"),
    ],
)
def test_what_is_no_such_event_is_refused_with_the_reason(value: bytes, reason: str) -> None:
    with pytest.raises(ContractError, match=reason):
        MESSAGE_SENT.decode(value)


def test_one_version_does_not_read_another() -> None:
    with pytest.raises(ContractError, match="reason"):
        MESSAGE_FAILED.decode(encoded())


@pytest.mark.parametrize("value", [b"", b"{}", b'{"type": null}', b"\0", b'"text"'])
def test_a_value_without_a_type_is_refused(value: bytes) -> None:
    with pytest.raises(ContractError, match="not a CloudEvent"):
        read_type(value)
