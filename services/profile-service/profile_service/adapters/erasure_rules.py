"""What an erasure does to each table of profile-service. A test holds this list against the tables there are."""

from __future__ import annotations

from collections.abc import Collection

from guanxi_kit.erasure import IDS, Rule, Statement

HASHES = "hashes"
"""Argument of a statement: keyed hashes of the person's own identifiers, bytea[]."""
KEYS = "keys"
"""Argument of a statement: keys of records about the person (hashes of identifiers, ids), bytea[]."""

# The index on an endpoint is one for the edges that stand and one for those that were undone.
_EDGES = """
SELECT merge_id FROM merge_journal WHERE home_profile_id = ANY($1::uuid[]) AND undone_at IS NULL
UNION ALL SELECT merge_id FROM merge_journal WHERE owner_profile_id = ANY($1::uuid[]) AND undone_at IS NULL
UNION ALL SELECT merge_id FROM merge_journal WHERE home_profile_id = ANY($1::uuid[]) AND undone_at IS NOT NULL
UNION ALL SELECT merge_id FROM merge_journal WHERE owner_profile_id = ANY($1::uuid[]) AND undone_at IS NOT NULL
"""


def _by_fragment(table: str, *columns: str) -> tuple[Statement, ...]:
    return tuple(
        Statement(f"DELETE FROM {table} WHERE {column} = ANY($1::uuid[])")  # noqa: S608
        for column in columns
    )


def _kept(why: str, *tables: str) -> list[Rule]:
    return [Rule(table, why) for table in tables]


_IDENTITY = [
    Rule(
        "link_refusal",
        "pairs of the person's identifiers",
        (
            Statement("DELETE FROM link_refusal WHERE strongest_hash = ANY($1::bytea[])", (HASHES,)),
            Statement("DELETE FROM link_refusal WHERE identifier_hash = ANY($1::bytea[])", (HASHES,)),
        ),
    ),
    Rule("link_block", "evidence", _by_fragment("link_block", "left_profile_id", "right_profile_id")),
    Rule(
        "merge_suggestion",
        "suspected to be the person",
        _by_fragment("merge_suggestion", "left_profile_id", "right_profile_id"),
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
            *_by_fragment("identifier", "profile_id"),
        ),
    ),
    Rule("fragment", "the person", _by_fragment("fragment", "profile_id")),
    Rule("customer", "the person and the customer number", _by_fragment("customer", "customer_id")),
]

_FACTS = [
    Rule("trait", "what the person told", _by_fragment("trait", "profile_id")),
    Rule("trait_source", "what each source told of the person", _by_fragment("trait_source", "profile_id")),
    Rule("trait_value", "what they told before", _by_fragment("trait_value", "profile_id")),
    Rule("invalid_identifier", "what was no identifier", _by_fragment("invalid_identifier", "profile_id")),
    Rule(
        "contact_link",
        "whom the person acted for, or who acted for the organisation",
        _by_fragment("contact_link", "person_profile_id", "enterprise_profile_id"),
    ),
    Rule("activity", "what the person did", _by_fragment("activity", "profile_id")),
    Rule("activity_year", "what the person bought, by year", _by_fragment("activity_year", "profile_id")),
    Rule("customer_score", "what was thought of the person", _by_fragment("customer_score", "customer_id")),
]

_PLUMBING = [
    Rule(
        "dead_letter",
        "records about the person that could not be processed",
        (Statement("DELETE FROM dead_letter WHERE record_key = ANY($1::bytea[])", (KEYS,)),),
    ),
    *_kept(
        "ids of messages, by which repeats are recognised; nothing ties them to anybody", "seen_touchpoint"
    ),
    *_kept("counts", "totals", "customer_number_day", "undeclared_field"),
    *_kept("positions and counters", "consumer_position", "outbox_stream", "alembic_version"),
    *_kept("published and removed within seconds; readers drop what is about the erased", "outbox"),
    *_kept("parameters of background work; hold no personal data", "job"),
    *_kept("the ledger itself: ids and keyed hashes", "erasure_request", "erased_fragment", "tombstone"),
    *_kept("the proof; what partners need is removed when they are through", "erasure_receipt"),
    *_kept("organisations", "privacy_partner"),
]

RULES: tuple[Rule, ...] = (*_FACTS, *_IDENTITY, *_PLUMBING)
HELD: dict[str, frozenset[str]] = {"consents": frozenset()}
"""Tables that a legal hold on a kind of record leaves alone."""


def rules_without(held_kinds: Collection[str]) -> list[Rule]:
    """Return the rules to carry out under legal holds."""
    spared = frozenset[str]().union(*(HELD.get(kind, frozenset()) for kind in held_kinds))
    return [rule for rule in RULES if rule.table not in spared]


__all__ = ["HASHES", "IDS", "KEYS", "RULES", "rules_without"]
