"""The access audit over all services."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from guanxi_gateway.api.schemas.document import Document

FindingKind = Literal[
    "changed", "missing", "cut_off", "end_missing", "reason_changed", "person_missing", "anchor_changed",
    "anchor_missing",
]  # fmt: skip


class Access(Document):
    """Somebody read something of somebody. Nothing in it but `reason` is personal.

    `people` counts the parts of customers that were shown; `look_up` is the keyed hash of a value asked for. `chain_id`
    and `sequence` say where the service keeps it.
    """

    service: str
    at: datetime
    subject: str
    role: str
    action: str
    fields: str
    detail: str
    clear: bool
    reason: str | None
    people: int = Field(ge=0)
    look_up: str | None
    request_id: str
    chain_id: UUID
    sequence: int


class AccessPage(Document):
    """Accesses of all services, the newest first."""

    items: list[Access]
    next_cursor: str | None


class Finding(Document):
    """Something in the audit that is not as it was written: rows `sequence` to `last` of a chain, or an anchor."""

    kind: FindingKind
    chain_id: UUID | None
    sequence: int
    last: int


class Anchor(Document):
    """The last anchor of a service; its worker's log has the same, unless anchors were taken away."""

    number: int
    at: datetime
    seal: str


class VerifiedPage(Document):
    """What was checked of one service, and what was found; go on with `next_cursor` until it is null."""

    service: str
    rows: int
    ends: int
    anchors: int
    findings: list[Finding]
    anchor: Anchor | None
    next_cursor: str | None


_CHAIN = "3e0c8a51-7f24-4b60-9a1d-5c2b7e9f0d13"
EXAMPLES: dict[str, dict[str, Any]] = {
    "AccessPage": {
        "items": [
            {
                "service": "profile-service",
                "at": "2024-05-01T08:00:00Z",
                "subject": "li",
                "role": "agent",
                "action": "GET /v1/customers/{customer_id}",
                "fields": "view",
                "detail": "",
                "clear": True,
                "reason": "customer asked us to read the number back",
                "people": 2,
                "look_up": None,
                "request_id": "5f3c9a0be1d74286b0c5e9d8427f1a63",
                "chain_id": _CHAIN,
                "sequence": 41,
            }
        ],
        "next_cursor": None,
    },
    "VerifiedPage": {
        "service": "profile-service",
        "rows": 1000,
        "ends": 0,
        "anchors": 0,
        "findings": [{"kind": "missing", "chain_id": _CHAIN, "sequence": 17, "last": 19}],
        "anchor": {"number": 12, "at": "2024-05-01T08:00:00Z", "seal": "5f3c9a0be1d74286b0c5e9d8427f1a63"},
        "next_cursor": "profile.WyJyb3dzIl0",
    },
}
