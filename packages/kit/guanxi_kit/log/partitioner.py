"""Kafka's default partitioner: murmur2 of the key, so that every engine and every Kafka client agree."""

from __future__ import annotations

from functools import lru_cache
from struct import unpack_from

_SEED = 0x9747B28C
_FACTOR = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Hash bytes as Kafka's Java client does; returns an unsigned 32-bit number."""
    length = len(data)
    mixed = (_SEED ^ length) & _MASK
    for word in unpack_from(f"<{length >> 2}I", data):
        scaled = word * _FACTOR & _MASK
        mixed = (mixed * _FACTOR ^ (scaled ^ scaled >> 24) * _FACTOR) & _MASK
    tail = data[length & ~3 :]
    if tail:
        mixed = (mixed ^ int.from_bytes(tail, "little")) * _FACTOR & _MASK
    mixed = (mixed ^ mixed >> 13) * _FACTOR & _MASK
    return mixed ^ mixed >> 15


@lru_cache(maxsize=32_768)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key among `partitions`, the same on every engine."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
