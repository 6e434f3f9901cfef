"""Classifying a customer and paging through members cost the same however many customers there are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from profile_service.adapters import (
    classification_reads,
    classification_store,
    customer_sampling,
    declared_rules,
    fact_reads,
    hand_tag_store,
    reevaluation_job,
)

from .conftest import ProfileWorld
from .test_read_plans import read_by_index

FILL = """
CREATE TEMP TABLE person AS SELECT md5('f' || i)::uuid AS id, i FROM generate_series(1, 20000) AS i;
INSERT INTO fragment SELECT id, id, 1, false, now() FROM person;
INSERT INTO customer SELECT id, 'C' || i, now() FROM person;
INSERT INTO activity SELECT id, 'web', '', 1, 0, 0, now(), now() FROM person;
INSERT INTO trait_source SELECT id, 'city', 'web', '', '', now(), now(), id, now(), id FROM person;
INSERT INTO customer_score SELECT id, 1, now(), '{}' FROM person;
INSERT INTO classification SELECT id, 'mature', now(), 'bought', '{}', now() + interval '1 day' * i, 1 FROM person;
INSERT INTO customer_tag SELECT id, 'coffee_lover', 'rule', now() FROM person;
INSERT INTO hand_tag SELECT id, 'key_contact', now(), NULL, 'staff', NULL FROM person;
INSERT INTO segment_member SELECT 'club', id, now() FROM person;
INSERT INTO segment_count SELECT 's' || i, i % 16, i FROM person;
INSERT INTO classification_event (profile_id, kind, name, present, at, source)
  SELECT '5a2c6de7-e8a0-cd7c-d5a1-aef9be0fdb9e', 'tag', 'coffee_lover', true, now(), 'rule' FROM person;
INSERT INTO classification_event (profile_id, kind, name, present, at, source)
  SELECT id, 'tag', 'coffee_lover', true, now(), 'rule' FROM person;
INSERT INTO classification_rule SELECT 'segment', 's' || i, 'rule', '{}', 'true', NULL, 'api', now(), 'x' FROM person;
INSERT INTO job (job_id, kind, params, state, requested_by, requested_at, turn_at)
  SELECT id, 'x', '{}', 'done', 'x', now(), now() FROM person;
ANALYZE fragment, customer, activity, trait_source, customer_score, classification, customer_tag, hand_tag;
ANALYZE segment_member, segment_count, classification_event, classification_rule, job;
"""
SOMEBODY = UUID("5a2c6de7e8a0cd7cd5a1aef9be0fdb9e")
NOW = datetime(2024, 5, 1, 8, tzinfo=UTC)
STATEMENTS: dict[str, list[Any]] = {
    classification_store.LOCK: [[SOMEBODY]],
    classification_store.OPEN: [[SOMEBODY]],
    classification_store.CLAIM_DUE: [NOW, 500],
    classification_store.STATES: [[SOMEBODY]],
    classification_store.TAGS: [[SOMEBODY]],
    classification_store.MEMBERSHIPS: [[SOMEBODY]],
    classification_store.FRAGMENTS: [[SOMEBODY]],
    classification_store.TAKE_OFF: [[SOMEBODY], ["coffee_lover"]],
    classification_store.LEAVE: [["club"], [SOMEBODY]],
    classification_store.SPEND: [[SOMEBODY], ["key_contact"]],
    fact_reads.MEMBERS: [[SOMEBODY]],
    fact_reads.ACTIVITY: [[SOMEBODY]],
    fact_reads.TRAITS: [[SOMEBODY], ["city"]],
    fact_reads.SCORES: [[SOMEBODY]],
    fact_reads.HAND_TAGS: [[SOMEBODY]],
    hand_tag_store.TAKE_OFF: [SOMEBODY, "key_contact"],
    classification_reads.STATE: [SOMEBODY, [SOMEBODY]],
    classification_reads.HELD: [SOMEBODY],
    classification_reads.HISTORY: [[SOMEBODY], "tag", NOW, 20_000, 51],
    classification_reads.MEMBERS: ["club", SOMEBODY, 51],
    declared_rules.ONE: ["segment", "s7"],
    declared_rules.PAGE: ["segment", "s7", 51],
    customer_sampling.NUMBERS: [[SOMEBODY]],
    reevaluation_job.PAGE: [SOMEBODY, 500],
}


async def test_no_table_is_read_from_end_to_end(world: ProfileWorld) -> None:
    connection = await asyncpg.connect(world.dsns.owner["profile"])
    try:
        await connection.execute(FILL)
        await read_by_index(connection, STATEMENTS)
    finally:
        await connection.close()
