"""From polled records to what a transaction works on: decode, drop repeats, set aside what cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guanxi_contracts.envelope import ContractError, Envelope, EventType, read_type
from guanxi_kit.consumer.cause import cause_from, cause_of
from guanxi_kit.consumer.dead_letters import DeadLetter, reason_of
from guanxi_kit.consumer.positions import Moves, Position
from guanxi_kit.consumer.unit import Received, Subscription
from guanxi_kit.log.port import Record, TopicPartition

Polled = Mapping[TopicPartition, Sequence[Record]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Decoded work and number of repeats by topic, unreadable records, and the positions afterwards."""

    work: dict[str, list[Received[Any]]]
    unreadable: list[DeadLetter]
    repeats: Counter[str]
    moves: Moves


def decode(
    records: Polled, positions: Mapping[TopicPartition, Position], topics: Mapping[str, Subscription]
) -> Batch:
    """Decode polled records against the positions they start from."""
    work: dict[str, list[Received[Any]]] = {}
    unreadable: list[DeadLetter] = []
    moves: dict[TopicPartition, tuple[Position, Position]] = {}
    repeats: Counter[str] = Counter()
    for where, found in records.items():
        if not found:
            continue
        before = positions[where]
        fresh, causes, bad, dropped = _decode_partition(found, before, topics[where.topic].decoders)
        work.setdefault(where.topic, []).extend(fresh)
        unreadable += bad
        repeats[where.topic] += dropped
        moves[where] = (before, Position(found[-1].offset + 1, causes))
    return Batch(work, unreadable, repeats, moves)


def _decode_partition(
    records: Sequence[Record], before: Position, decoders: Mapping[str, EventType[Any]]
) -> tuple[list[Received[Any]], Mapping[str, tuple[int, int]], list[DeadLetter], int]:
    """Return what is fresh, the highest cause now seen of each source, what cannot be read, and how many repeats.

    The relay never publishes a later output of a source before an earlier one: what is not above the highest cause
    is a repeat.
    """
    fresh: list[Received[Any]] = []
    unreadable: list[DeadLetter] = []
    highest = dict(before.causes)
    only = _only(decoders)
    for record in records:
        try:
            cause = cause_of(record.headers)
            if cause is not None:
                if highest.get(cause.source, (-1, -1)) >= (cause.sequence, cause.index):
                    continue
                highest[cause.source] = (cause.sequence, cause.index)
            event = _read(record.value, decoders, only)
        except (ContractError, ValueError) as error:
            unreadable.append(DeadLetter(record, reason_of(error), "unreadable"))
        else:
            fresh.append(Received(event, record, cause_from(record)))
    return fresh, highest, unreadable, len(records) - len(fresh) - len(unreadable)


def read_event(value: bytes, decoders: Mapping[str, EventType[Any]]) -> Envelope[Any]:
    """Decode one record. Raises ContractError."""
    return _read(value, decoders, _only(decoders))


def _only(decoders: Mapping[str, EventType[Any]]) -> EventType[Any] | None:
    return next(iter(decoders.values())) if len(decoders) == 1 else None


def _read(value: bytes, decoders: Mapping[str, EventType[Any]], only: EventType[Any] | None) -> Envelope[Any]:
    """Decode in one pass where the topic has one event version; on failure say first whether the type is unknown."""
    if only is None:
        return _event_type(value, decoders).decode(value)
    try:
        return only.decode(value)
    except ContractError:
        _event_type(value, decoders)
        raise


def _event_type(value: bytes, decoders: Mapping[str, EventType[Any]]) -> EventType[Any]:
    name = read_type(value)
    try:
        return decoders[name]
    except KeyError:
        raise ContractError(f"unknown event type {name[:100]!r}") from None


def halves(records: Polled) -> tuple[Polled, Polled]:
    """Split so that each partition keeps its order and the first half comes first."""
    total = sum(len(found) for found in records.values())
    first: dict[TopicPartition, Sequence[Record]] = {}
    second: dict[TopicPartition, Sequence[Record]] = {}
    room = total // 2
    for where, found in records.items():
        taken = min(room, len(found))
        room -= taken
        if taken:
            first[where] = found[:taken]
        if taken < len(found):
            second[where] = found[taken:]
    return first, second
