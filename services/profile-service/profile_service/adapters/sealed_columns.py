"""Every column of this service that holds sealed values; a key rotation seals them anew."""

from __future__ import annotations

from guanxi_kit.sealing import KIT_COLUMNS, SealedColumn
from profile_service.adapters.consent_import_job import part_aad
from profile_service.adapters.consent_store import evidence_aad
from profile_service.adapters.erasure_seals import known_by_aad, reason_aad, secret_aad
from profile_service.adapters.vault import contact_aad, identifier_aad, invalid_aad, trait_aad

SEALED_COLUMNS = (
    *KIT_COLUMNS,
    SealedColumn("identifier", ("hash",), "sealed", lambda row: identifier_aad(row["hash"])),
    SealedColumn(
        "trait", ("profile_id", "name"), "sealed", lambda row: trait_aad(row["profile_id"], row["name"])
    ),
    SealedColumn(
        "trait_source",
        ("profile_id", "name", "channel"),
        "sealed",
        lambda row: trait_aad(row["profile_id"], row["name"]),
    ),
    SealedColumn(
        "trait_value",
        ("profile_id", "name", "channel", "occurred_at", "touchpoint_id"),
        "sealed",
        lambda row: trait_aad(row["profile_id"], row["name"]),
    ),
    SealedColumn(
        "contact_link",
        ("enterprise_profile_id", "person_profile_id"),
        "sealed",
        lambda row: contact_aad(row["enterprise_profile_id"], row["person_profile_id"]),
    ),
    SealedColumn(
        "invalid_identifier",
        ("profile_id", "type", "channel"),
        "sealed",
        lambda row: invalid_aad(row["profile_id"], row["type"]),
    ),
    SealedColumn("consent_evidence", ("event_id",), "sealed", lambda row: evidence_aad(row["event_id"])),
    SealedColumn(
        "consent_import", ("job_id", "part"), "sealed", lambda row: part_aad(row["job_id"], row["part"])
    ),
    SealedColumn(
        "erasure_request", ("request_id",), "sealed_reason", lambda row: reason_aad(row["request_id"])
    ),
    SealedColumn(
        "erasure_receipt",
        ("request_id", "place"),
        "sealed_identifiers",
        lambda row: known_by_aad(row["request_id"], row["partner_id"]),
        needs=("partner_id",),
    ),
    SealedColumn(
        "privacy_partner", ("partner_id",), "sealed_secret", lambda row: secret_aad(row["partner_id"])
    ),
)
