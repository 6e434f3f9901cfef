"""Record batches as they are stored: one msgpack list of [key, value, headers] per row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from guanxi_kit.log.gathering import record_size
from guanxi_kit.log.port import Headers, Outgoing, Record, TopicPartition

MAX_BATCH_RECORDS = 1000
MAX_BATCH_BYTES = 1_000_000

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[tuple[bytes, bytes, Headers]])


def encode_batches(records: Sequence[Outgoing]) -> Iterator[tuple[int, bytes]]:
    """Cut records into batches of bounded size, in order; yields (number of records, bytes)."""
    batch: list[tuple[bytes, bytes, Headers]] = []
    size = 0
    for record in records:
        added = record_size(record)
        if batch and (size + added > MAX_BATCH_BYTES or len(batch) == MAX_BATCH_RECORDS):
            yield len(batch), _encoder.encode(batch)
            batch, size = [], 0
        batch.append((record.key, record.value, record.headers))
        size += added
    if batch:
        yield len(batch), _encoder.encode(batch)


def decode_batch(
    position: TopicPartition, base_offset: int, timestamp_ms: int, stored: bytes
) -> list[Record]:
    """The records of a stored batch; the first has offset `base_offset`."""
    topic, partition = position
    return [
        Record(topic, partition, offset, key, value, headers, timestamp_ms)
        for offset, (key, value, headers) in enumerate(_decoder.decode(stored), base_offset)
    ]
