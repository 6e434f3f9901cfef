"""A record that nobody can handle is parked with its reason and stops nobody; another fault parks nothing."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from guanxi_kit.telemetry import METRICS
from guanxi_kit.testing import eventually

from .stages import Stage, encode, has_all, publish


async def test_one_bad_message_stops_nobody(first: Stage) -> None:
    numbers = list(range(200))
    values = [(n, encode(n)) for n in numbers]
    bad = {
        17: b'{"specversion": "1.0", "type": "test.num',
        41: encode(41).replace(b'"number":41', b'"number":"41"'),
        59: b"\x00",
        83: encode(83).replace(b".v1", b".v9"),
        97: b'"' + b"x" * 900_000 + b'"',
    }
    first.poison = {120, 121}
    await publish(first, [(n, bad.get(n, value)) for n, value in values])
    await first.start("group")
    expected = [n for n in numbers if n not in bad and n not in first.poison]
    await eventually(lambda: has_all(first, expected))
    assert await first.effects() == expected
    letters = await first.pool.fetch("SELECT * FROM dead_letter ORDER BY id")
    assert len(letters) == 7
    reasons = " | ".join(sorted(row["reason"] for row in letters))
    for part in (
        "not a CloudEvent",
        "$.data.number",
        "unknown event type 'test.numbered.v9'",
        "a number nobody likes",
    ):
        assert part in reasons
    for row in letters:
        aad = f"{row['topic']}/{row['partition']}/{row['record_offset']}".encode()
        assert first.keyring.open(row["sealed_value"], aad) in {
            *bad.values(),
            *(encode_any(values, first.poison)),
        }


def encode_any(values: Sequence[tuple[int, bytes]], wanted: set[int]) -> list[bytes]:
    return [value for n, value in values if n in wanted]


async def test_an_output_that_no_log_takes_parks_its_record(first: Stage) -> None:
    first.too_large = {3}
    await publish(first, [(n, encode(n)) for n in range(10)])
    await first.start("group")
    expected = [n for n in range(10) if n != 3]
    await eventually(lambda: has_all(first, expected))
    assert await first.effects() == expected
    assert await first.pool.fetchval("SELECT count(*) FROM dead_letter WHERE reason LIKE 'doubled: %'") == 1


async def test_a_fault_of_the_surroundings_parks_nothing(first: Stage) -> None:
    connection = await asyncpg.connect(first.dsns.owner["profile"])
    await connection.execute("ALTER TABLE profile.effect RENAME TO mislaid")
    await publish(first, [(1, encode(1))])
    before = retries()
    await first.start("group")
    await eventually(lambda: retries() > before)
    await connection.execute("ALTER TABLE profile.mislaid RENAME TO effect")
    await connection.close()
    await eventually(lambda: has_all(first, [1]))
    assert await first.pool.fetchval("SELECT count(*) FROM dead_letter") == 0


def retries() -> float:
    return float(METRICS.records.labels(topic="numbers", outcome="retried")._value.get())
