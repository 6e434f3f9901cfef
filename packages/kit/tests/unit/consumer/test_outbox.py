"""How outgoing events are packed: one row per source, ordered by cause, outputs of a cause numbered."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanxi_kit.consumer import unit as unit_module
from guanxi_kit.consumer.cause import Cause, cause_of
from guanxi_kit.consumer.relay import CHUNK_BYTES, OutboxRow, _chunk
from guanxi_kit.consumer.unit import Outbox, _rows
from guanxi_kit.log.port import MAX_RECORD_BYTES, Headers, RecordTooLarge

unpack = msgspec.msgpack.Decoder(list[tuple[str, bytes, bytes, Headers]]).decode

causes = st.builds(Cause, st.sampled_from(["a/0", "a/1", "b/0"]), st.integers(0, 5))


@given(st.lists(causes, min_size=1), st.sampled_from([1, 40, 4_000_000]))
def test_rows_hold_every_event_once_and_causes_only_grow(given_causes: list[Cause], row_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit_module, "ROW_BYTES", row_bytes)
        pending = [(cause, "topic", b"k", str(i).encode() * 10, "") for i, cause in enumerate(given_causes)]
        rows = _rows(list(pending))
    published = [(source, record) for source, count, blob in rows for record in unpack(blob)]
    assert sorted(record[2] for _, record in published) == sorted(item[3] for item in pending)
    assert sum(count for _, count, _ in rows) == len(pending)
    highest: dict[str, Cause] = {}
    for source, (_, _, _, headers) in published:
        cause = cause_of(headers)
        assert cause is not None
        assert cause.source == source
        assert source not in highest or highest[source] < cause
        highest[source] = cause


def test_outputs_of_one_cause_keep_the_order_of_adding() -> None:
    pending = [(Cause("a/0", 1), "t", b"", b"first", ""), (Cause("a/0", 1), "t", b"", b"second", "")]
    ((_, _, blob),) = _rows(pending)
    assert [(value, cause_of(headers)) for _, _, value, headers in unpack(blob)] == [
        (b"first", Cause("a/0", 1, 0)),
        (b"second", Cause("a/0", 1, 1)),
    ]


def test_what_two_writers_make_of_one_record_is_no_repeat() -> None:
    causes = []
    for writer in ("scoring-service:", "notification-service:"):
        ((_, _, blob),) = _rows([(Cause("a/0", 1), "t", b"", b"receipt", writer)])
        causes.append(cause_of(unpack(blob)[0][3]))
    assert causes == [Cause("scoring-service:a/0", 1, 0), Cause("notification-service:a/0", 1, 0)]


def test_a_record_the_log_would_never_take_is_refused_at_once() -> None:
    for spare in (-1, 0, 20):  # the cause needs room too
        with pytest.raises(RecordTooLarge):
            Outbox().add(Cause("a/0", 1), "t", b"", b"x" * (MAX_RECORD_BYTES - spare))
    Outbox().add(Cause("a/0", 1), "t", b"", b"x" * (MAX_RECORD_BYTES - 1000))


def test_a_chunk_is_bounded_by_bytes_and_never_empty() -> None:
    rows = [OutboxRow(n, "a/0", b"x" * (CHUNK_BYTES // 3)) for n in range(10)]
    assert [row.id for row in _chunk(rows)] == [0, 1, 2]
    assert len(_chunk([OutboxRow(1, "a/0", b"x" * (2 * CHUNK_BYTES))] * 2)) == 1
    assert _chunk([]) == []
