"""Consents: decisions, what holds, the ledger and its proof."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from guanxi_gateway.api.schemas.document import Document

Decision = Literal["granted", "denied", "withdrawn"]
ConsentReason = Literal["granted", "denied", "withdrawn", "unknown_allowed", "unknown_denied"]
CUSTOMER_ID = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
EVENT_ID = "9d1c4f0a-2b5e-4c7d-8f3a-6e0b1d2c3a4f"


class ConsentDecision(Document):
    """What somebody decided about a purpose of the pack.

    Without `channel` it is about every channel of the purpose, without `effective_at` it holds from now on. A consent
    that is `granted` names the version of the notice that was shown. `evidence` is kept under seal, 8 KB at most.
    A repeat with the same `item_id` is recorded once.
    """

    model_config = ConfigDict(extra="forbid")

    purpose: Annotated[str, Field(min_length=1, max_length=64)]
    channel: Annotated[str | None, Field(max_length=64)] = None
    decision: Decision
    notice_version: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    evidence: str | dict[str, JsonValue] | None = None
    source: Annotated[str, Field(min_length=1, max_length=100)] = "staff"
    effective_at: AwareDatetime | None = None
    item_id: Annotated[str | None, Field(min_length=1, max_length=200)] = None


class ConsentDecisions(BaseModel):
    """One decision or many of one customer: all are recorded, or none."""

    model_config = ConfigDict(extra="forbid")

    consents: Annotated[list[ConsentDecision], Field(min_length=1, max_length=100)]


class RecordedEntry(Document):
    """An entry of the ledger; `in_force` says that it changed what holds, `repeated` that it was there before."""

    event_id: UUID
    purpose: str
    channel: str
    decision: Decision
    effective_at: datetime
    in_force: bool
    repeated: bool


class RecordedConsents(Document):
    """What became of the decisions."""

    customer_id: UUID
    recorded: list[RecordedEntry]


class HeldDecision(Document):
    """The decision that holds: an entry of the ledger, and the part of the customer that it is of."""

    decision: Decision
    effective_at: datetime
    notice_version: str | None
    source: str
    event_id: UUID
    profile_id: UUID


class CurrentConsent(Document):
    """Whether a purpose is allowed on a channel, and why.

    Without a decision the purpose's default holds, and no for marketing. Of several parts of a customer a refusal wins,
    unless a later yes was recorded of both. `declared` is false for what the pack no longer has.
    """

    purpose: str
    channel: str
    declared: bool
    marketing: bool
    labels: dict[str, str]
    allowed: bool
    reason: ConsentReason
    decision: HeldDecision | None


class CurrentConsents(Document):
    """Every purpose and channel, on one page."""

    customer_id: UUID
    redirected_from: UUID | None
    items: list[CurrentConsent]
    next_cursor: str | None


class ConsentEntry(Document):
    """An entry of the ledger. `evidence` is masked unless clear values are asked for with a reason."""

    event_id: UUID
    profile_id: UUID
    purpose: str
    channel: str
    decision: Decision
    notice_version: str | None
    evidence: Any
    source: str
    effective_at: datetime
    recorded_at: datetime
    recorded_by: str
    touchpoint_id: UUID | None
    supersedes: list[UUID]


class ConsentHistory(Document):
    """Entries, the last recorded first."""

    items: list[ConsentEntry]
    next_cursor: str | None


class ConsentProof(Document):
    """What holds, and every entry with its notice, evidence and times; earlier ones follow with `next_cursor`."""

    customer_id: UUID
    customer_number: str
    made_at: datetime
    current: list[CurrentConsent]
    entries: list[ConsentEntry]
    next_cursor: str | None


class ConsentCheck(Document):
    """Whether a purpose is allowed on a channel now."""

    customer_id: UUID
    purpose: str
    channel: str
    allowed: bool
    reason: ConsentReason
    decision: HeldDecision | None


class RefusedLine(Document):
    """Why a line of an import was not taken; lines count from 1."""

    line: int
    field: str
    reason: str


class ImportedConsents(Document):
    """What became of an import: at once, or of a large one later by the job, whose result says it."""

    accepted: int
    repeated: int
    refused: list[RefusedLine]
    job_id: UUID | None


_DECIDED: dict[str, Any] = {
    "purpose": "marketing",
    "channel": "email",
    "decision": "granted",
    "notice_version": "2024-05",
    "evidence": {"form": "signed at the counter"},
    "source": "store form",
}
_HELD: dict[str, Any] = {
    "decision": "granted",
    "effective_at": "2024-05-01T08:00:00Z",
    "notice_version": "2024-05",
    "source": "store form",
    "event_id": EVENT_ID,
    "profile_id": CUSTOMER_ID,
}
_CURRENT: dict[str, Any] = {
    "purpose": "marketing",
    "channel": "email",
    "declared": True,
    "marketing": True,
    "labels": {"zh": "营销推送", "en": "Marketing"},
    "allowed": True,
    "reason": "granted",
    "decision": _HELD,
}
_ENTRY: dict[str, Any] = {
    "event_id": EVENT_ID,
    "profile_id": CUSTOMER_ID,
    "purpose": "marketing",
    "channel": "email",
    "decision": "granted",
    "notice_version": "2024-05",
    "evidence": {"form": "signed at the counter"},
    "source": "store form",
    "effective_at": "2024-05-01T08:00:00Z",
    "recorded_at": "2024-05-01T08:00:00Z",
    "recorded_by": "li",
    "touchpoint_id": None,
    "supersedes": [],
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "ConsentDecisions": {"consents": [_DECIDED]},
    "RecordedConsents": {
        "customer_id": CUSTOMER_ID,
        "recorded": [
            {
                "event_id": EVENT_ID,
                "purpose": "marketing",
                "channel": "email",
                "decision": "granted",
                "effective_at": "2024-05-01T08:00:00Z",
                "in_force": True,
                "repeated": False,
            }
        ],
    },
    "CurrentConsents": {
        "customer_id": CUSTOMER_ID,
        "redirected_from": None,
        "items": [_CURRENT],
        "next_cursor": None,
    },
    "ConsentHistory": {"items": [_ENTRY], "next_cursor": None},
    "ConsentProof": {
        "customer_id": CUSTOMER_ID,
        "customer_number": "C20240501001",
        "made_at": "2024-05-02T08:00:00Z",
        "current": [_CURRENT],
        "entries": [_ENTRY],
        "next_cursor": None,
    },
    "ConsentCheck": {
        "customer_id": CUSTOMER_ID,
        "purpose": "marketing",
        "channel": "email",
        "allowed": True,
        "reason": "granted",
        "decision": _HELD,
    },
    "ImportedConsents": {
        "accepted": 1,
        "repeated": 0,
        "refused": [{"line": 2, "field": "purpose", "reason": "must be one of service, marketing"}],
        "job_id": None,
    },
}
LINES_EXAMPLE = (
    '{"item_id": "crm-1", "identifier": {"type": "phone", "value": "+8613900001234"}, "purpose": "marketing",'
    ' "channel": "sms", "decision": "granted", "notice_version": "2024-05"}\n'
)
