"""What an erasure does to each table of profile-service. A test holds this list against the tables there are."""

from __future__ import annotations

from collections.abc import Collection

from guanxi_kit.erasure import PLUMBING, Rule, Statement, delete_by, kept

HASHES = "hashes"
"""Argument of a statement: keyed hashes of the person's own identifiers, bytea[]."""

# The index on an endpoint is one for the edges that stand and one for those that were undone.
_EDGES = """
SELECT merge_id FROM merge_journal WHERE home_profile_id = ANY($1::uuid[]) AND undone_at IS NULL
UNION ALL SELECT merge_id FROM merge_journal WHERE owner_profile_id = ANY($1::uuid[]) AND undone_at IS NULL
UNION ALL SELECT merge_id FROM merge_journal WHERE home_profile_id = ANY($1::uuid[]) AND undone_at IS NOT NULL
UNION ALL SELECT merge_id FROM merge_journal WHERE owner_profile_id = ANY($1::uuid[]) AND undone_at IS NOT NULL
"""


_IDENTITY = [
    Rule(
        "link_refusal",
        "pairs of the person's identifiers",
        (
            Statement("DELETE FROM link_refusal WHERE strongest_hash = ANY($1::bytea[])", (HASHES,)),
            Statement("DELETE FROM link_refusal WHERE identifier_hash = ANY($1::bytea[])", (HASHES,)),
        ),
    ),
    Rule("link_block", "evidence", delete_by("link_block", "left_profile_id", "right_profile_id")),
    Rule("duplicate_key", "who the person is compared with", delete_by("duplicate_key", "customer_id")),
    Rule("duplicate_due", "to be compared", delete_by("duplicate_due", "customer_id")),
    Rule(
        "merge_suggestion",
        "suspected to be the person",
        delete_by("merge_suggestion", "left_profile_id", "right_profile_id"),
    ),
    Rule(
        "merge_journal",
        "why the person is one; of an undone merge with somebody else the evidence goes, the fact stays",
        (
            Statement(
                f"DELETE FROM merge_journal WHERE merge_id IN ({_EDGES})"  # noqa: S608
                " AND home_profile_id = ANY($1::uuid[]) AND owner_profile_id = ANY($1::uuid[])"
            ),
            Statement(
                "UPDATE merge_journal SET identifier_hash = '', strongest_hash = NULL, reason = NULL,"  # noqa: S608
                f" undo_reason = NULL WHERE merge_id IN ({_EDGES})"
            ),
        ),
    ),
    Rule(
        "identifier_event",
        "what happened to the person's identifiers; of shared ones only who the person was",
        (
            Statement("DELETE FROM identifier_event WHERE hash = ANY($1::bytea[])", (HASHES,)),
            Statement("UPDATE identifier_event SET profile_id = NULL WHERE profile_id = ANY($1::uuid[])"),
            Statement(
                "UPDATE identifier_event SET former_profile_id = NULL WHERE former_profile_id = ANY($1::uuid[])"
            ),
        ),
    ),
    Rule(
        "identifier",
        "a shared identifier is not the person's alone: it stays in quarantine, with nobody",
        (
            Statement(
                "UPDATE identifier SET profile_id = NULL"
                " WHERE profile_id = ANY($1::uuid[]) AND quarantined_at IS NOT NULL"
            ),
            *delete_by("identifier", "profile_id"),
        ),
    ),
    Rule("fragment", "the person", delete_by("fragment", "profile_id")),
    Rule("customer", "the person and the customer number", delete_by("customer", "customer_id")),
]

_FACTS = [
    Rule("trait", "what the person told", delete_by("trait", "profile_id")),
    Rule("trait_source", "what each source told of the person", delete_by("trait_source", "profile_id")),
    Rule("trait_value", "what they told before", delete_by("trait_value", "profile_id")),
    Rule("invalid_identifier", "what was no identifier", delete_by("invalid_identifier", "profile_id")),
    Rule(
        "contact_link",
        "whom the person acted for, or who acted for the organisation",
        delete_by("contact_link", "person_profile_id", "enterprise_profile_id"),
    ),
    Rule("consent_state", "what holds of the person", delete_by("consent_state", "profile_id")),
    Rule("consent_told", "what consent tools told of the person", delete_by("consent_told", "profile_id")),
    Rule(
        "consent_evidence",
        "what the person wrote or signed",
        (
            Statement(
                "DELETE FROM consent_evidence WHERE event_id IN"
                " (SELECT event_id FROM consent_event WHERE profile_id = ANY($1::uuid[]))"
            ),
        ),
    ),
    Rule("activity", "what the person did", delete_by("activity", "profile_id")),
    Rule("customer_case", "cases of the person", delete_by("customer_case", "profile_id")),
    Rule("customer_task", "what is to be done about the person", delete_by("customer_task", "profile_id")),
    Rule("task_tally", "how often that changed", delete_by("task_tally", "profile_id")),
    Rule("customer_survey", "what the person was asked", delete_by("customer_survey", "profile_id")),
    Rule("survey_tally", "how often that changed", delete_by("survey_tally", "profile_id")),
    Rule("case_tally", "how often they changed", delete_by("case_tally", "profile_id")),
    Rule("customer_score", "what was thought of the person", delete_by("customer_score", "customer_id")),
]

# The counts stay exact: whoever counts in the same shard waits, as in classification.
_LEAVE = """
WITH gone AS (DELETE FROM segment_member WHERE customer_id = ANY($1::uuid[]) RETURNING segment)
INSERT INTO segment_count AS standing (segment, shard, members)
SELECT segment, 0, -count(*) FROM gone GROUP BY segment ORDER BY segment
ON CONFLICT (segment, shard) DO UPDATE SET members = standing.members + excluded.members
"""
_CLASSIFICATION = [
    # First: whoever is classifying the person holds this row, and what it writes is there to be removed afterwards.
    Rule("classification", "the person's stage", delete_by("classification", "customer_id")),
    Rule(
        "classification_event",
        "what was said of the person when",
        delete_by("classification_event", "profile_id"),
    ),
    Rule("hand_tag", "what staff said of the person", delete_by("hand_tag", "profile_id")),
    Rule("customer_tag", "what is said of the person", delete_by("customer_tag", "customer_id")),
    Rule("segment_member", "the person's segments, which count one less", (Statement(_LEAVE),)),
    *kept("rules and counts over everybody", "classification_rule", "segment_count"),
]

_OWN = [
    *kept(
        "ids of messages, by which repeats are recognised; nothing ties them to anybody", "seen_touchpoint"
    ),
    *kept("counts", "totals", "customer_number_day", "undeclared_field"),
    *kept("the ledger itself: ids and keyed hashes", "erasure_request", "tombstone"),
    *kept("the proof; what partners need is removed when they are through", "erasure_receipt"),
    *kept("organisations", "privacy_partner"),
    *kept("figures over everybody", "duplicate_model", "duplicate_frequency", "duplicate_run"),
    *kept("proves that processing was allowed while it went on: ids, purposes and times", "consent_event"),
    *kept("items under seal, removed as their import goes on", "consent_import"),
]

RULES: tuple[Rule, ...] = (*_CLASSIFICATION, *_FACTS, *_IDENTITY, *_OWN, *PLUMBING)
HELD = {"consents": frozenset(("consent_evidence",))}
"""Tables that a legal hold on a kind of record leaves alone."""


def rules_without(held_kinds: Collection[str]) -> list[Rule]:
    """Return the rules to carry out under legal holds."""
    spared = frozenset[str]().union(*(HELD.get(kind, frozenset()) for kind in held_kinds))
    return [rule for rule in RULES if rule.table not in spared]
