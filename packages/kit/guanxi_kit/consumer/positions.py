"""Where a service stands in each partition, and the highest cause seen there: kept with the effects themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from guanxi_kit.log.port import LogRecreated, TopicPartition


class Fenced(Exception):
    """Another owner has moved the position meanwhile; this batch must not take effect."""


@dataclass(frozen=True, slots=True)
class Position:
    """The next offset to read, and per source the highest (sequence, index) whose effect is already in."""

    next_offset: int
    causes: Mapping[str, tuple[int, int]]


Moves = Mapping[TopicPartition, tuple[Position, Position]]

_DECODE = msgspec.json.Decoder(dict[str, tuple[int, int]]).decode
_ENCODE = msgspec.json.Encoder().encode


async def load_positions(
    connection: asyncpg.Connection[Any],
    partitions: Sequence[TopicPartition],
    *,
    log_id: str,
    begin: Mapping[TopicPartition, int],
) -> dict[TopicPartition, Position]:
    """Return the stored positions, starting new partitions at the beginning of the log.

    Raises LogRecreated when a stored position belongs to another log.
    """
    ordered = sorted(partitions)
    await connection.execute(
        "INSERT INTO consumer_position (topic, partition, next_offset, log_id)"
        " SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::text[]) ON CONFLICT DO NOTHING",
        [p.topic for p in ordered],
        [p.partition for p in ordered],
        [begin[p] for p in ordered],
        [log_id] * len(ordered),
    )
    rows = await connection.fetch(
        "SELECT topic, partition, next_offset, log_id, causes::text AS causes FROM consumer_position"
        " JOIN unnest($1::text[], $2::int[]) AS wanted(topic, partition) USING (topic, partition)",
        [p.topic for p in ordered],
        [p.partition for p in ordered],
    )
    positions: dict[TopicPartition, Position] = {}
    for row in rows:
        where = TopicPartition(row["topic"], row["partition"])
        if row["log_id"] != log_id:
            raise LogRecreated(
                f"{where.topic}/{where.partition}: the stored position belongs to log {row['log_id']},"
                f" but the connected log is {log_id}; restore the log, or delete that row on purpose"
            )
        positions[where] = Position(row["next_offset"], _DECODE(row["causes"].encode()))
    return positions


def check_within(positions: Mapping[TopicPartition, Position], end: Mapping[TopicPartition, int]) -> None:
    """Raise LogRecreated when a position lies behind the end of the log, which must have been read after it."""
    for where, position in positions.items():
        if position.next_offset > end[where]:
            raise LogRecreated(
                f"{where.topic}/{where.partition}: the stored position {position.next_offset} lies behind the log's"
                f" end {end[where]}; the log has lost records or was created anew"
            )


async def advance_positions(connection: asyncpg.Connection[Any], moves: Moves) -> None:
    """Move positions on, each only from where this batch began. Raises Fenced when one stands elsewhere.

    Called first in the transaction: the row locks hold back a stale owner until this one has committed.
    """
    ordered = sorted(moves.items())
    moved = await connection.execute(
        "WITH move AS (SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::text[])"
        " AS m(topic, partition, from_offset, next_offset, causes)),"
        " locked AS (SELECT topic, partition FROM consumer_position JOIN move USING (topic, partition)"
        " WHERE consumer_position.next_offset = from_offset ORDER BY topic, partition FOR UPDATE OF consumer_position)"
        " UPDATE consumer_position AS p SET next_offset = move.next_offset, causes = move.causes::jsonb,"
        " updated_at = now() FROM move JOIN locked USING (topic, partition)"
        " WHERE p.topic = move.topic AND p.partition = move.partition AND p.next_offset = move.from_offset",
        [where.topic for where, _ in ordered],
        [where.partition for where, _ in ordered],
        [before.next_offset for _, (before, _) in ordered],
        [after.next_offset for _, (_, after) in ordered],
        [_ENCODE(after.causes).decode() for _, (_, after) in ordered],
    )
    if moved != f"UPDATE {len(ordered)}":
        raise Fenced(f"{moved} of {len(ordered)} positions")
