"""Every column of this service that holds sealed values; a key rotation seals them anew."""

from __future__ import annotations

from guanxi_kit.sealing import KIT_COLUMNS, SealedColumn
from interaction_service.adapters.case_rows import case_aad, event_aad
from interaction_service.adapters.declarations import secrets_aad
from interaction_service.adapters.imports.file_store import chunk_aad, document_aad
from interaction_service.adapters.imports.refusals import refusal_aad as import_refusal_aad
from interaction_service.adapters.mail.mailboxes import password_aad
from interaction_service.adapters.need_store import need_aad
from interaction_service.adapters.survey_store import survey_aad
from interaction_service.adapters.task_rows import contact_aad, task_aad, task_event_aad
from interaction_service.adapters.timeline_erasure import held_aad
from interaction_service.application.refusals import refusal_aad

SEALED_COLUMNS = (
    *KIT_COLUMNS,
    SealedColumn(
        "touchpoint",
        ("profile_id", "occurred_at", "touchpoint_id"),
        "sealed",
        lambda row: bytes(row["touchpoint_id"].bytes),
    ),
    SealedColumn("case_file", ("case_id",), "sealed", lambda row: case_aad(row["case_id"])),
    SealedColumn(
        "case_event", ("case_id", "seq"), "sealed", lambda row: event_aad(row["case_id"], row["seq"])
    ),
    SealedColumn("contact_record", ("contact_id",), "sealed", lambda row: contact_aad(row["contact_id"])),
    SealedColumn("task", ("task_id",), "sealed", lambda row: task_aad(row["task_id"])),
    SealedColumn(
        "task_event", ("task_id", "seq"), "sealed", lambda row: task_event_aad(row["task_id"], row["seq"])
    ),
    SealedColumn("need", ("need_id",), "sealed", lambda row: need_aad(row["need_id"])),
    SealedColumn("survey", ("survey_id",), "sealed", lambda row: survey_aad(row["survey_id"])),
    SealedColumn(
        "channel_declaration",
        ("channel_id", "version"),
        "sealed",
        lambda row: secrets_aad(row["channel_id"], row["version"]),
    ),
    SealedColumn("mailbox", ("channel_id",), "sealed", lambda row: password_aad(row["channel_id"])),
    SealedColumn("refusal", ("refusal_id",), "sealed", lambda row: refusal_aad(row["refusal_id"])),
    SealedColumn("held_record", ("request_id", "number"), "sealed", lambda row: held_aad(row["request_id"])),
    SealedColumn("import_file", ("import_id",), "sealed", lambda row: document_aad(row["import_id"])),
    SealedColumn(
        "import_chunk",
        ("import_id", "number"),
        "sealed",
        lambda row: chunk_aad(row["import_id"], row["number"]),
    ),
    SealedColumn(
        "import_refusal",
        ("import_id", "row_number"),
        "sealed",
        lambda row: import_refusal_aad(row["import_id"], row["row_number"]),
    ),
)
