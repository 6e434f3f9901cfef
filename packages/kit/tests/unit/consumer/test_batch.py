"""Decoding, repeats and splitting: what a transaction will work on."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanxi_contracts.envelope import EventType
from guanxi_kit.consumer.batch import decode, halves
from guanxi_kit.consumer.cause import Cause, cause_from, cause_of
from guanxi_kit.consumer.positions import Position
from guanxi_kit.consumer.unit import Subscription, Unit
from guanxi_kit.log.port import Headers, Record, TopicPartition


class Counted(msgspec.Struct):
    number: int


COUNTED = EventType("test.counted.v1", Counted)
HERE = TopicPartition("counted", 0)


async def ignore(unit: Unit, received: object) -> None:
    """A handler that is never called in these tests."""


TOPICS = {"counted": Subscription("counted", {COUNTED.type: COUNTED}, ignore)}


def value(number: int, event_type: str = COUNTED.type) -> bytes:
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": str(number),
            "source": "test",
            "type": event_type,
            "time": "2026-01-01T00:00:00Z",
            "data": {"number": number},
        }
    )


def record(offset: int, content: bytes, headers: Headers = ()) -> Record:
    return Record("counted", 0, offset, b"k", content, headers, 0)


def caused(offset: int, sequence: int, index: int = 0, source: str = "in/0") -> Record:
    return record(offset, value(offset), Cause(source, sequence, index).headers())


def test_cause_survives_headers() -> None:
    cause = Cause("touchpoint.received/3", 12, 4, b"00-aa-bb-01")
    assert cause_of(cause.headers()) == cause
    assert dict(cause.headers())["traceparent"] == b"00-aa-bb-01"


def test_outputs_carry_the_trace_of_their_record() -> None:
    trace = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
    found = record(7, b"", (("traceparent", trace),))
    assert cause_from(found) == Cause("counted/0", 7)
    assert cause_from(found).trace == trace


def test_what_is_no_trace_is_not_carried_on() -> None:
    assert cause_from(record(7, b"", (("traceparent", b"x" * 999_000),))).trace == b""


def test_a_repeat_is_dropped_and_a_later_output_is_not() -> None:
    before = Position(10, {"in/0": (5, 1)})
    found = [
        caused(10, 5, 1),
        caused(11, 5, 2),
        caused(12, 4, 9),
        caused(13, 6),
        caused(14, 6),
        caused(15, 0, source="in/1"),
    ]
    batch = decode({HERE: found}, {HERE: before}, TOPICS)
    assert [item.record.offset for item in batch.work["counted"]] == [11, 13, 15]
    assert batch.repeats["counted"] == 3
    _, after = batch.moves[HERE]
    assert after == Position(16, {"in/0": (6, 0), "in/1": (0, 0)})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"specversion": "1.0", "type": ', "not a CloudEvent"),
        (value(1, "test.counted.v2"), "unknown event type 'test.counted.v2'"),
        (value(1).replace(b'"number":1', b'"number":"x"'), "$.data.number"),
        (value(1).replace(b'"1.0"', b'"2.0"'), "unsupported specversion"),
        (b"\x00" * 10, "not a CloudEvent"),
        (b"[" * 100_000, "not a CloudEvent"),
        (b"", "not a CloudEvent"),
        (b"\xff\xfe", "not a CloudEvent"),
    ],
)
def test_an_unreadable_record_is_set_aside_with_its_reason(content: bytes, reason: str) -> None:
    batch = decode(
        {HERE: [record(0, value(0)), record(1, content), record(2, value(2))]},
        {HERE: Position(0, {})},
        TOPICS,
    )
    assert [item.event.data.number for item in batch.work["counted"]] == [0, 2]
    assert len(batch.unreadable) == 1
    assert reason in batch.unreadable[0].reason
    assert batch.moves[HERE][1].next_offset == 3


@pytest.mark.parametrize("cause", [b"x", b"a:b:c", b"a\0b:1:2", b"a" * 400 + b":1:2", b"\xff:1:2"])
def test_a_malformed_cause_is_set_aside(cause: bytes) -> None:
    batch = decode({HERE: [record(0, value(0), (("cause", cause),))]}, {HERE: Position(0, {})}, TOPICS)
    assert len(batch.unreadable) == 1
    assert not batch.work["counted"]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_halves_keep_order_and_lose_nothing(sizes: list[int]) -> None:
    polled = {
        TopicPartition("t", p): [Record("t", p, o, b"", b"", (), 0) for o in range(size)]
        for p, size in enumerate(sizes)
    }
    first, second = halves(polled)
    for where, found in polled.items():
        assert [*first.get(where, ()), *second.get(where, ())] == found
    total = sum(sizes)
    assert sum(len(found) for found in first.values()) == total // 2
