"""What profile-service hands out of a person's data, by table. A test holds it against what an erasure removes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring, SealBroken
from profile_service.adapters.consent_store import evidence_aad
from profile_service.adapters.vault import read_identifier, trait_aad

Shown = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """Rows about the person: `$1` are the fragments. `show` opens what is sealed and drops what is not for people.

    Where a fragment may have any number of rows, `key` names the columns that order them, with their types: then
    `$1` is one fragment, and rows come in pages.
    """

    name: str
    tables: tuple[str, ...]
    sql: str
    show: Callable[[asyncpg.Record, Keyring], Shown] = lambda row, _: dict(row)
    key: tuple[tuple[str, str], ...] = ()

    def page_sql(self, limit: int, *, is_first: bool) -> str:
        """Return the query of a page; after the first one `$2` and so on are the key of the last row."""
        columns = ", ".join(name for name, _ in self.key)
        last = ", ".join(f"${number}::{type_}" for number, (_, type_) in enumerate(self.key, start=2))
        behind = "" if is_first else f" AND ({columns}) > ({last})"
        return f"{self.sql}{behind} ORDER BY {columns} LIMIT {limit}"


def _without(row: asyncpg.Record, *names: str) -> Shown:
    return {name: value for name, value in row.items() if name not in names}


def _opened(keyring: Keyring, sealed: bytes | None, aad: bytes) -> Any:
    """Return what is sealed: JSON as such, else as text; None where no key opens it."""
    try:
        return None if sealed is None else msgspec.json.decode(keyring.open(sealed, aad))
    except SealBroken:
        return None


def _trait(row: asyncpg.Record, keyring: Keyring) -> Shown:
    value = _opened(keyring, row["sealed"], trait_aad(row["profile_id"], row["name"]))
    return {**_without(row, "sealed"), "value": value}


def _identifier(row: asyncpg.Record, keyring: Keyring) -> Shown:
    try:
        plain = read_identifier(keyring, row["sealed"], row["hash"])
    except SealBroken:
        return _without(row, "sealed", "hash")
    return {**_without(row, "sealed", "hash"), "namespace": plain.namespace, "value": plain.value}


def _consent(row: asyncpg.Record, keyring: Keyring) -> Shown:
    evidence = None
    if row["sealed"] is not None:
        try:
            evidence = keyring.open(row["sealed"], evidence_aad(row["event_id"])).decode()
        except SealBroken:
            evidence = None
    return {**_without(row, "sealed"), "evidence": evidence}


SECTIONS: tuple[Section, ...] = (
    Section(
        "customer",
        ("customer", "fragment"),
        "SELECT fragment.customer_id, customer.customer_number, fragment.profile_id, fragment.founded_at"
        " FROM fragment LEFT JOIN customer ON customer.customer_id = fragment.customer_id"
        " WHERE fragment.profile_id = ANY($1::uuid[]) ORDER BY fragment.profile_id",
    ),
    Section(
        "identifiers",
        ("identifier",),
        "SELECT hash, profile_id, type, sealed, first_seen_at, verified_at, quarantined_at, touchpoint_id"
        " FROM identifier WHERE profile_id = ANY($1::uuid[]) ORDER BY first_seen_at, hash",
        _identifier,
    ),
    Section(
        "identifier_history",
        ("identifier_event",),
        "SELECT event.at, event.kind, event.profile_id, event.reason, event.actor, identifier.type"
        " FROM identifier_event AS event LEFT JOIN identifier USING (hash)"
        " WHERE event.profile_id = ANY($1::uuid[]) ORDER BY event.at",
    ),
    Section(
        "traits",
        ("trait", "trait_source"),
        "SELECT profile_id, name, channel, sealed, occurred_at, recorded_at, touchpoint_id FROM trait_source"
        " WHERE profile_id = ANY($1::uuid[]) ORDER BY name, channel, profile_id",
        _trait,
    ),
    Section(
        "trait_history",
        ("trait_value",),
        "SELECT profile_id, name, channel, sealed, occurred_at, recorded_at, touchpoint_id FROM trait_value"
        " WHERE profile_id = $1",
        _trait,
        (("name", "text"), ("channel", "text"), ("occurred_at", "timestamptz"), ("touchpoint_id", "uuid")),
    ),
    Section(
        "invalid_identifiers",
        ("invalid_identifier",),
        "SELECT profile_id, type, channel, reason, occurred_at FROM invalid_identifier"
        " WHERE profile_id = ANY($1::uuid[]) ORDER BY profile_id, type, channel",
    ),
    Section(
        "contacts",
        ("contact_link",),
        "SELECT enterprise_profile_id, person_profile_id, since, until FROM contact_link"
        " WHERE person_profile_id = ANY($1::uuid[]) OR enterprise_profile_id = ANY($1::uuid[])"
        " ORDER BY enterprise_profile_id, person_profile_id",
    ),
    Section(
        "activity",
        ("activity",),
        "SELECT profile_id, channel, currency, touchpoints, quantity, amount_minor, first_at, last_at"
        " FROM activity WHERE profile_id = ANY($1::uuid[]) ORDER BY profile_id, channel, currency",
    ),
    Section(
        "scores",
        ("customer_score",),
        "SELECT customer_id, revision, computed_at, document FROM customer_score"
        " WHERE customer_id = ANY($1::uuid[]) ORDER BY customer_id",
    ),
    Section(
        "case_states",
        ("customer_case", "case_tally"),
        "SELECT profile_id, is_open, document FROM customer_case"
        " WHERE profile_id = ANY($1::uuid[]) ORDER BY case_id",
    ),
    Section(
        "task_states",
        ("customer_task", "task_tally"),
        "SELECT profile_id, is_open, document FROM customer_task"
        " WHERE profile_id = ANY($1::uuid[]) ORDER BY task_id",
    ),
    Section(
        "satisfaction",
        ("customer_survey", "survey_tally"),
        "SELECT profile_id, state, at, document FROM customer_survey"
        " WHERE profile_id = ANY($1::uuid[]) ORDER BY survey_id",
    ),
    Section(
        "tags",
        ("customer_tag",),
        "SELECT customer_id, tag, source, since, expires_at FROM customer_tag"
        " WHERE customer_id = ANY($1::uuid[]) ORDER BY customer_id, tag",
    ),
    Section(
        "tags_by_hand",
        ("hand_tag",),
        "SELECT profile_id, tag, set_at, expires_at, actor, reason FROM hand_tag"
        " WHERE profile_id = ANY($1::uuid[]) ORDER BY profile_id, tag",
    ),
    Section(
        "segments",
        ("segment_member",),
        "SELECT customer_id, segment, since FROM segment_member"
        " WHERE customer_id = ANY($1::uuid[]) ORDER BY customer_id, segment",
    ),
    Section(
        "lifecycle",
        ("classification",),
        "SELECT customer_id, stage, stage_since, stage_reason, stage_evidence FROM classification"
        " WHERE customer_id = ANY($1::uuid[]) ORDER BY customer_id",
    ),
    Section(
        "classification_history",
        ("classification_event",),
        "SELECT event_id, profile_id, kind, name, present, at, source, actor, reason, detail"
        " FROM classification_event WHERE profile_id = $1",
        lambda row, _: _without(row, "event_id"),
        (("kind", "text"), ("at", "timestamptz"), ("event_id", "bigint")),
    ),
    Section(
        "consents",
        ("consent_state", "consent_told"),
        "SELECT profile_id, purpose, channel, decision, notice_version, source, effective_at FROM consent_state"
        " WHERE profile_id = ANY($1::uuid[]) ORDER BY profile_id, purpose, channel",
    ),
    Section(
        "consent_history",
        ("consent_evidence",),
        "SELECT entry.profile_id, entry.recorded_at, event_id, entry.purpose, entry.channel, entry.decision,"
        " entry.notice_version, entry.source, entry.effective_at, entry.recorded_by, evidence.sealed"
        " FROM consent_event AS entry LEFT JOIN consent_evidence AS evidence USING (event_id)"
        " WHERE entry.profile_id = $1",
        _consent,
        (("recorded_at", "timestamptz"), ("event_id", "uuid")),
    ),
    Section(
        "merges",
        ("merge_journal",),
        "SELECT merge_id, customer_id, absorbed_customer_id, home_profile_id, owner_profile_id, touchpoint_id,"
        " identifier_type, rule, merged_at FROM merge_journal"
        " WHERE home_profile_id = ANY($1::uuid[]) AND undone_at IS NULL ORDER BY merged_at, merge_id",
    ),
)
NOT_EXPORTED = {
    "link_refusal": "keyed hashes of identifiers; the identifiers themselves are exported",
    "link_block": "keyed hashes that keep two persons apart",
    "merge_suggestion": "about two persons, of whom the other is none of this one's business",
    "duplicate_key": "keyed hashes of what is exported",
    "duplicate_due": "that the person is to be compared",
    "dead_letter": "records that could not be read",
}
"""Tables that an erasure removes from and no section is of, and why."""
