"""Record batches as they are stored: one msgpack list of [key, value, headers] per row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from guanxi_kit.log.gathering import total_size
from guanxi_kit.log.port import Headers, Outgoing, Record, TopicPartition

MAX_BATCH_RECORDS = 1000
MAX_BATCH_BYTES = 1_000_000

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[tuple[bytes, bytes, Headers]])


def encode_batches(records: Sequence[Outgoing]) -> Iterator[tuple[int, bytes]]:
    """Cut records into batches of bounded size, in order; yields (number of records, bytes)."""
    if 0 < len(records) <= MAX_BATCH_RECORDS:
        encoded = _encoder.encode([record[1:] for record in records])
        if len(encoded) <= MAX_BATCH_BYTES or len(records) == 1:
            yield len(records), encoded
            return
    batch: list[Outgoing] = []
    size = 0
    for record in records:
        added = total_size((record,))
        if batch and (size + added > MAX_BATCH_BYTES or len(batch) == MAX_BATCH_RECORDS):
            yield len(batch), _encoder.encode([record[1:] for record in batch])
            batch, size = [], 0
        batch.append(record)
        size += added
    if batch:
        yield len(batch), _encoder.encode([record[1:] for record in batch])


def decode_batch(
    position: TopicPartition, base_offset: int, timestamp_ms: int, stored: bytes
) -> list[Record]:
    """The records of a stored batch; the first has offset `base_offset`."""
    topic, partition = position
    return [
        Record(topic, partition, offset, key, value, headers, timestamp_ms)
        for offset, (key, value, headers) in enumerate(_decoder.decode(stored), base_offset)
    ]
