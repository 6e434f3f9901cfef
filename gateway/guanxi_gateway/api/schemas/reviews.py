"""What people decide about merges: suggestions and the quarantine."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from guanxi_gateway.api.schemas.document import Document
from guanxi_gateway.api.schemas.merges import MERGE, Reason

SuggestionState = Literal["open", "accepted", "rejected", "obsolete"]
SuggestionSource = Literal["duplicate", "cluster_size", "merge_rate"]
_Text = Annotated[str, Field(min_length=1, max_length=512)]


class Suggestion(Document):
    """Two customers who may be one, and what a person decided.

    `source` says what raised it: probable duplicates with a `score` from 0 to 1, or a limit on merging that kept the
    two apart. `left_profile_id` and `right_profile_id` are the customers as they were then, `left_customer_id` and
    `right_customer_id` those that they belong to now.
    """

    suggestion_id: UUID
    source: SuggestionSource
    score: float | None
    evidence: Any
    state: SuggestionState
    left_profile_id: UUID
    right_profile_id: UUID
    left_customer_id: UUID
    right_customer_id: UUID
    touchpoint_id: UUID | None
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    decision_reason: str | None


class SuggestionPage(Document):
    """Suggestions: those that limits raised, then by falling score. `next_cursor` asks for the page behind this one."""

    items: list[Suggestion]
    next_cursor: str | None


class AcceptedSuggestion(Document):
    """The suggestion, and the merge that it led to."""

    merge_id: UUID
    suggestion: Suggestion


class QuarantineRequest(Reason):
    """An identifier as people write it, and why it is to link nobody; some types need their `namespace`."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    value: _Text
    namespace: _Text | None = None


class QuarantinedIdentifier(Document):
    """An identifier that links nobody, its value masked, with what put it there and whose it was.

    `profile_id` is a fragment of its own, which collects its anonymous touchpoints; null until there are any.
    """

    hash: str
    type: str
    value: str
    quarantined_at: datetime
    reason: str | None
    actor: str | None
    profile_id: UUID | None
    former_profile_id: UUID | None
    touchpoint_id: UUID | None


class QuarantinePage(Document):
    """What is in quarantine, the newest first. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[QuarantinedIdentifier]
    next_cursor: str | None


class QuarantineChange(Document):
    """An identifier by its `hash`, and the customer that lost it or has it now; null when nobody has."""

    hash: str
    customer_id: UUID | None


_OLDER, _NEWER = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37", "018f3a60-1a40-7b02-9d6f-3c1f8e2a7d55"
_TOUCHPOINT = "4f0c2b7e-9d13-4a5c-8a27-61c0b4e9f8d2"
SUGGESTION: dict[str, Any] = {
    "suggestion_id": "0c6b2f8d-3e91-4a7d-b5f4-8e1a7c9d2b60",
    "source": "duplicate",
    "score": 0.97,
    "evidence": {"name": {"level": "same", "weight": 5.1}, "birthday": {"level": "same", "weight": 7.9}},
    "state": "open",
    "left_profile_id": _OLDER,
    "right_profile_id": _NEWER,
    "left_customer_id": _OLDER,
    "right_customer_id": _NEWER,
    "touchpoint_id": None,
    "created_at": "2024-05-01T08:00:00Z",
    "decided_at": None,
    "decided_by": None,
    "decision_reason": None,
}
_DECIDED: dict[str, Any] = {
    **SUGGESTION,
    "state": "accepted",
    "decided_at": "2024-05-01T09:12:44Z",
    "decided_by": "ada@example.com",
    "decision_reason": "the same passport",
}
_HASH = "5f3c9a0be1d74286b0c5e9d8427f1a63"
QUARANTINED: dict[str, Any] = {
    "hash": _HASH,
    "type": "device_id",
    "value": "tablet-7",
    "quarantined_at": "2024-05-01T08:00:00Z",
    "reason": "limit",
    "actor": None,
    "profile_id": None,
    "former_profile_id": _OLDER,
    "touchpoint_id": _TOUCHPOINT,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "Suggestion": _DECIDED,
    "SuggestionPage": {"items": [SUGGESTION], "next_cursor": None},
    "AcceptedSuggestion": {"merge_id": MERGE["merge_id"], "suggestion": _DECIDED},
    "QuarantineRequest": {"type": "device_id", "value": "tablet-7", "reason": "the shop's tablet"},
    "QuarantinePage": {"items": [QUARANTINED], "next_cursor": None},
    "QuarantineChange": {"hash": _HASH, "customer_id": _OLDER},
}
