"""Reads, commands on merges and hot lookups of the worker use indexes: they cost the same however many customers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.audit import anchors, search, verification
from profile_service.adapters import (
    case_store,
    consent_reads,
    consent_store,
    customer_reads,
    identifier_store,
    identity_store,
    merge_journal,
    merge_reads,
    quarantine_store,
    record_reads,
    rule_reads,
    score_store,
    structure_store,
    suggestion_store,
    task_store,
    trait_reads,
    trait_store,
)
from profile_service.adapters.duplicates import people_reads
from profile_service.adapters.duplicates import store as duplicate_store

from .conftest import ProfileWorld

FILL = """
CREATE TEMP TABLE person AS
SELECT md5('f' || i)::uuid AS id, decode(md5('h' || i), 'hex') AS hash, i FROM generate_series(1, 20000) AS i;
INSERT INTO fragment SELECT id, id, 1, false, now() FROM person;
INSERT INTO customer SELECT id, 'C' || i, now() FROM person;
INSERT INTO identifier SELECT hash, 'user_id', id, '', now(), id FROM person;
INSERT INTO activity SELECT id, 'web', '', 1, 0, 0, now(), now() FROM person;
INSERT INTO trait SELECT id, 'city', '', 'web', now(), id FROM person;
INSERT INTO trait_value SELECT '5a2c6de7-e8a0-cd7c-d5a1-aef9be0fdb9e', 'city', 'web', now() - i * interval '1 s', id,
  '', '', now() FROM person;
INSERT INTO duplicate_key SELECT i, id FROM person;
INSERT INTO duplicate_frequency SELECT hash, 0.1 FROM person;
INSERT INTO merge_suggestion (suggestion_id, left_profile_id, right_profile_id, source, score, evidence, state,
  created_at)
SELECT person.id, least(person.id, other.id), greatest(person.id, other.id), 'duplicate',
  CASE WHEN person.i % 7 > 0 THEN random() END, '{}', CASE WHEN person.i % 3 > 0 THEN 'open' ELSE 'rejected' END, now()
FROM person JOIN person AS other ON other.i = person.i + 1;
INSERT INTO customer_score SELECT id, 1, now(), '{}' FROM person;
INSERT INTO merge_journal (merge_id, customer_id, absorbed_customer_id, moved, touchpoint_id, identifier_type,
  identifier_hash, merged_at) SELECT id, id, id, ARRAY[id], id, 'user_id', hash, now() FROM person;
INSERT INTO link_block SELECT id, id, id, hash, hash, now(), 'staff' FROM person;
INSERT INTO consent_state SELECT id, 'marketing', 'email', 'granted', NULL, 'staff', now(), id, '{}', '{}', 1
  FROM person;
INSERT INTO consent_event SELECT id, id, 'marketing', 'email', 'granted', NULL, 'staff', now(), now(), 'li', NULL, NULL,
  '{}' FROM person;
INSERT INTO consent_told SELECT id, ARRAY['marketing'], ARRAY[now()] FROM person;
INSERT INTO access_audit SELECT '5a2c6de7-e8a0-cd7c-d5a1-aef9be0fdb9e', i, now(), 's' || i, 'agent', '', '', false, '',
  '', NULL, NULL, ARRAY[id], '' FROM person;
INSERT INTO access_person SELECT id, now(), '5a2c6de7-e8a0-cd7c-d5a1-aef9be0fdb9e', i FROM person;
INSERT INTO access_reason SELECT '5a2c6de7-e8a0-cd7c-d5a1-aef9be0fdb9e', i, '' FROM person;
INSERT INTO audit_head SELECT id, 1, '', '', now() FROM person;
INSERT INTO audit_anchor SELECT i, now(), id, 1, '', '' FROM person;
ANALYZE consent_state, consent_event, consent_told;
ANALYZE access_audit, access_person, access_reason, audit_head, audit_anchor;
INSERT INTO contact_link SELECT id, id, '', now(), NULL, now(), id FROM person;
INSERT INTO contact_link SELECT '5a2c6de7-e8a0-cd7c-d5a1-aef9be0fdb9e', id, '', now(), NULL, now(), id FROM person;
INSERT INTO invalid_identifier SELECT id, 'email', 'web', '', 'x', now(), id FROM person;
INSERT INTO customer_task SELECT id, '5a2c6de7-e8a0-cd7c-d5a1-aef9be0fdb9e', 1, i = 1, '{}', now() FROM person;
INSERT INTO customer_case SELECT id, '5a2c6de7-e8a0-cd7c-d5a1-aef9be0fdb9e', 1, i = 1, '{}', now() FROM person;
INSERT INTO task_tally SELECT id, 1 FROM person;
INSERT INTO case_tally SELECT id, 1 FROM person;
ANALYZE customer_task, customer_case, task_tally, case_tally;
ANALYZE fragment, customer, identifier, activity, trait_source, trait_value, customer_score, merge_journal, link_block;
ANALYZE contact_link, invalid_identifier;
ANALYZE duplicate_key, duplicate_frequency;
UPDATE identifier SET quarantined_at = now() - random() * interval '1 day' WHERE hash IN (
  SELECT hash FROM person WHERE i % 2 = 0);
INSERT INTO identifier_event SELECT hash, now(), 'quarantined', NULL, id, id, 'limit', NULL FROM person;
INSERT INTO link_refusal SELECT hash, hash, 'user_id', 'limit', 'user_id', id, 1, now(), now() FROM person;
ANALYZE merge_suggestion, identifier, identifier_event, link_refusal;
"""
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
SOMEBODY = UUID("5a2c6de7e8a0cd7cd5a1aef9be0fdb9e")


OF_ALL = frozenset(("customer_case_profile_idx", "customer_task_profile_idx"))


def scanned(plan: dict[str, Any]) -> set[str]:
    """The tables that a plan reads from end to end, and the indexes of what is no longer open."""
    here = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set[str]()
    here |= {plan["Index Name"]} & OF_ALL if "Index Name" in plan else set()
    return here.union(*(scanned(child) for child in plan.get("Plans", [])))


async def read_by_index(connection: Any, statements: Mapping[str, Sequence[Any]]) -> None:
    """Assert that no statement reads a table from end to end, whether planned for these values or for any."""
    for mode in ("force_custom_plan", "force_generic_plan"):
        await connection.execute(f"SET plan_cache_mode = {mode}")
        for statement, arguments in statements.items():
            found = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments))
            assert scanned(found[0]["Plan"]) == set(), f"{mode}: {statement}"


STATEMENTS: dict[str, list[Any]] = {
    people_reads.INDIVIDUALS: [[SOMEBODY]],
    duplicate_store.FORGET: [[SOMEBODY]],
    duplicate_store.SHARING: [[7], 31],
    duplicate_store.SHARES: [[b"x"]],
    duplicate_store.RETIRE: [[SOMEBODY], [SOMEBODY], [SOMEBODY], NOON],
    customer_reads.CUSTOMER: [SOMEBODY],
    customer_reads.ACTIVITY: [[SOMEBODY]],
    customer_reads.IDENTIFIERS: [[SOMEBODY], None],
    trait_reads.TRAITS: [[SOMEBODY], None],
    record_reads.YEARLY: [[SOMEBODY], "CNY", 2024],
    record_reads.MARKS: [[SOMEBODY]],
    record_reads.CONTACTS: [[SOMEBODY], SOMEBODY, 50],
    record_reads.LINKS: [[SOMEBODY], [SOMEBODY]],
    record_reads.ENTERPRISES: [[SOMEBODY], 20],
    structure_store.ENTERPRISES: [[SOMEBODY]],
    trait_reads.TRAITS_AS_OF: [[SOMEBODY], NOON],
    trait_reads.HISTORY: [[SOMEBODY], "city", NOON, SOMEBODY, 50],
    customer_reads.OWNER: [b"x"],
    customer_reads.SIBLINGS: [[SOMEBODY]],
    trait_store.LOCK_SOURCES: [[SOMEBODY], ["city"], ["web"]],
    trait_store.BEFORE: [[SOMEBODY], ["city"], ["web"], [NOON], [SOMEBODY]],
    trait_store.RESTATE: [[SOMEBODY], ["city"], ["web"], NOON],
    trait_store.CONFIRM: [
        *([each] for each in (SOMEBODY, "city", "web", b"", NOON, SOMEBODY, NOON, SOMEBODY)),
        NOON,
    ],
    identity_store.READ: [[b"x", b"y"]],
    structure_store.LOCK: [[SOMEBODY]],
    structure_store.MEMBERSHIPS: [[SOMEBODY]],
    identity_store.NAMED: [[SOMEBODY]],
    identity_store.COUNT: [[SOMEBODY], ["user_id"]],
    identity_store.BLOCKS: [[SOMEBODY]],
    identity_store.RECENT_MERGES: [[SOMEBODY], datetime(2024, 5, 1, tzinfo=UTC)],
    identifier_store.CHANGE: [
        [b"x"],
        [SOMEBODY],
        [False],
        [False],
        [0],
        [None],
        [True],
        [False],
        [0],
        datetime(2024, 5, 1, tzinfo=UTC),
    ],
    structure_store.MEMBERS: [[SOMEBODY]],
    structure_store.MARK_JOINED: [[SOMEBODY]],
    structure_store.MOVE_FRAGMENTS: [[SOMEBODY], [SOMEBODY], [2]],
    score_store.SURVIVORS: [[SOMEBODY]],
    consent_store.STANDINGS: [[SOMEBODY]],
    consent_store.OWNERS: [[b"x"]],
    consent_store.DIFFERING: [[SOMEBODY], [SOMEBODY], ["marketing"], ["granted"]],
    consent_store.SUPERSEDE: [[SOMEBODY], ["marketing"], ["email"], [SOMEBODY], [NOON]],
    consent_store.LOCK_TOLD: [[SOMEBODY]],
    consent_store.REMEMBER_TOLD: [[SOMEBODY], ["marketing"], [NOON]],
    consent_reads.CHECK: [SOMEBODY, "marketing", "email"],
    consent_reads.HISTORY: [[SOMEBODY], NOON, SOMEBODY, 50],
    search.OF_PEOPLE: [[SOMEBODY], NOON, SOMEBODY, 7, 50],
    search.OF_SUBJECT: ["s7", NOON, SOMEBODY, 7, 50],
    verification.ENDS: [SOMEBODY, 10],
    verification.ANCHORS: [7, 10],
    verification.PAGE: [SOMEBODY, 7, 10],
    verification.UNNAMED: [[SOMEBODY], [NOON], [SOMEBODY], [7]],
    anchors.LAST: [],
    # Somebody with 20,000 cases and tasks, of which one is open: an index of all of them would cost as much.
    case_store.CASES: [[SOMEBODY], 50],
    task_store.TASKS: [[SOMEBODY], 50],
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
        await read_by_index(connection, STATEMENTS)
    finally:
        await connection.close()
