"""Commands and reads on merges use indexes, so that they cost the same however many customers and merges there are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import asyncpg

from profile_service.adapters import (
    merge_journal,
    merge_reads,
    quarantine_store,
    rule_reads,
    suggestion_store,
)

from .conftest import ProfileWorld
from .test_read_plans import FILL, SOMEBODY, scanned

MORE = """
UPDATE identifier SET quarantined_at = now() - random() * interval '1 day' WHERE hash IN (
  SELECT hash FROM person WHERE i % 2 = 0);
INSERT INTO identifier_event SELECT hash, now(), 'quarantined', NULL, id, id, 'limit', NULL FROM person;
INSERT INTO link_refusal SELECT hash, hash, 'user_id', 'limit', 'user_id', id, 1, now(), now() FROM person;
ANALYZE merge_suggestion, identifier, identifier_event, link_refusal;
"""
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
STATEMENTS: dict[str, list[Any]] = {
    merge_journal.MERGE: [SOMEBODY],
    merge_journal.EDGES: [[SOMEBODY]],
    merge_journal.UNDO: [SOMEBODY, NOON, "staff", "reason"],
    merge_journal.MARK_ALONE: [SOMEBODY],
    merge_journal.RAISE_VIEWS: [[SOMEBODY], [SOMEBODY], 1],
    merge_reads.CUSTOMER: [SOMEBODY],
    merge_reads.FRAGMENTS: [SOMEBODY],
    merge_reads.IDENTIFIERS: [[SOMEBODY]],
    merge_reads.LABELS: [[b"x"]],
    merge_reads.ONE: [SOMEBODY],
    merge_reads.AMONG: [[SOMEBODY]],
    merge_reads.PAGE: [NOON, SOMEBODY, 50],
    merge_reads.OF_CUSTOMER: [SOMEBODY],
    merge_reads.PAGE_OF: [None, None, 50, [SOMEBODY]],
    quarantine_store.HELD: [b"x"],
    quarantine_store.PAGE: [NOON, b"x", 50],
    quarantine_store.SHUT: [b"x", SOMEBODY, NOON],
    quarantine_store.RELEASE: [b"x", SOMEBODY, NOON, SOMEBODY],
    quarantine_store.FORGET: [b"x", SOMEBODY, NOON],
    suggestion_store.ONE: [SOMEBODY],
    suggestion_store.WITHOUT_SCORE: ["open", None, 50, SOMEBODY],
    suggestion_store.BY_SCORE: ["open", None, 50, SOMEBODY, 0.5],
    suggestion_store.DECIDE: [SOMEBODY, "rejected", NOON, "staff", "reason"],
    suggestion_store.ANSWER: [SOMEBODY, NOON, "staff"],
    suggestion_store.RULED_OUT: [[SOMEBODY], [SOMEBODY]],
    rule_reads.FRAGMENT_PAGE: [SOMEBODY, 500],
    rule_reads.FRAGMENTS: [[SOMEBODY]],
    rule_reads.MERGES: [[SOMEBODY]],
    rule_reads.REFUSALS: [b"x", b"x", 50],
    rule_reads.CUSTOMERS_OF: [[SOMEBODY]],
}


async def test_no_table_is_read_from_end_to_end(world: ProfileWorld) -> None:
    connection = await asyncpg.connect(world.dsns.owner["profile"])
    try:
        await connection.execute(FILL)
        await connection.execute(MORE)
        for mode in ("force_custom_plan", "force_generic_plan"):
            await connection.execute(f"SET plan_cache_mode = {mode}")
            for statement, arguments in STATEMENTS.items():
                found = json.loads(
                    await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments)
                )
                assert scanned(found[0]["Plan"]) == set(), f"{mode}: {statement}"
    finally:
        await connection.close()
