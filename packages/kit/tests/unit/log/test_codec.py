"""Stored record batches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guanxi_kit.log.port import Outgoing, TopicPartition
from guanxi_kit.log.postgres.codec import MAX_BATCH_BYTES, MAX_BATCH_RECORDS, decode_batch, encode_batches

HEADERS = st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=3).map(tuple)
RECORDS = st.lists(st.builds(Outgoing, st.just("t"), st.binary(max_size=9), st.binary(max_size=99), HEADERS))
WHERE = TopicPartition("t", 3)


@given(RECORDS)
def test_batches_come_back_with_their_offsets(records: list[Outgoing]) -> None:
    offset = 100
    found = []
    for count, stored in encode_batches(records):
        batch = decode_batch(WHERE, offset, 7, stored)
        assert len(batch) == count
        offset += count
        found += batch
    assert [(r.key, r.value, r.headers) for r in found] == [(r.key, r.value, r.headers) for r in records]
    assert [r.offset for r in found] == list(range(100, 100 + len(records)))
    assert all((r.topic, r.partition, r.timestamp_ms) == ("t", 3, 7) for r in found)


def test_batches_are_bounded_in_records_and_bytes() -> None:
    small = [Outgoing("t", b"", b"")] * (MAX_BATCH_RECORDS + 1)
    assert [count for count, _ in encode_batches(small)] == [MAX_BATCH_RECORDS, 1]
    large = [Outgoing("t", b"", bytes(MAX_BATCH_BYTES // 2))] * 5
    assert [count for count, _ in encode_batches(large)] == [2, 2, 1]
