"""Merges, their evidence, and why a customer is one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document


class Reason(BaseModel):
    """Why somebody decides something; kept with the decision."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class MergeRequest(Reason):
    """Two customers who are one person; any ids that they ever had will do."""

    customer_ids: Annotated[list[UUID], Field(min_length=2, max_length=2)]


class Evidence(Document):
    """An identifier, its value masked where its type calls for it; null when it is stored no more."""

    type: str
    value: str | None


class Undo(Document):
    """Who undid a merge, why and when."""

    at: datetime
    actor: str | None
    reason: str | None


class Merge(Document):
    """A merge: the customers it made one, the two fragments it ties, and its evidence.

    In the touchpoint `identifier` met `strongest`, of two fragments. What a person merged (rule manual or suggestion)
    names `actor` and `reason` in place of them.
    """

    merge_id: UUID
    customer_id: UUID
    absorbed_customer_id: UUID
    home_profile_id: UUID
    owner_profile_id: UUID
    rule: Literal["identifier", "manual", "suggestion"]
    identifier: Evidence | None
    strongest: Evidence | None
    touchpoint_id: UUID | None
    merged_at: datetime
    actor: str | None
    reason: str | None
    undone: Undo | None


class MergePage(Document):
    """Merges, the newest first. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[Merge]
    next_cursor: str | None


class UndoneMerge(Document):
    """Both customers after an undo: the `fragments` left `parted_from` and are `customer_id` from now on."""

    merge_id: UUID
    customer_id: UUID
    parted_from: UUID
    fragments: list[UUID]
    undone_at: datetime


class HeldIdentifier(Document):
    """An identifier of a fragment, masked, with the touchpoint that brought it first."""

    type: str
    value: str
    first_seen_at: datetime
    touchpoint_id: UUID
    verified: bool
    quarantined: bool


class Fragment(Document):
    """A part of a customer that was once found by itself, with the identifiers it owns."""

    profile_id: UUID
    founded_at: datetime
    identifiers: list[HeldIdentifier]


class PathStep(Document):
    """One step of the chain from one fragment to another."""

    merge_id: UUID
    from_profile_id: UUID
    to_profile_id: UUID


class Explanation(Document):
    """Why a customer is one: its fragments, and the merges that hold them together as a tree.

    `path` leads from the id asked about to `other`; null without one, and when the two are not one customer.
    """

    customer_id: UUID
    redirected_from: UUID | None
    fragments: list[Fragment]
    merges: list[Merge]
    other: UUID | None
    path: list[PathStep] | None


_OLDER, _NEWER = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37", "018f3a60-1a40-7b02-9d6f-3c1f8e2a7d55"
_TOUCHPOINT = "4f0c2b7e-9d13-4a5c-8a27-61c0b4e9f8d2"
MERGE: dict[str, Any] = {
    "merge_id": "9a3e5b1c-7d42-4f0a-8b6e-2c5d1f7a9e30",
    "customer_id": _OLDER,
    "absorbed_customer_id": _NEWER,
    "home_profile_id": _OLDER,
    "owner_profile_id": _NEWER,
    "rule": "identifier",
    "identifier": {"type": "device_id", "value": "tablet-7"},
    "strongest": {"type": "phone", "value": "139****0001"},
    "touchpoint_id": _TOUCHPOINT,
    "merged_at": "2024-05-01T08:00:00Z",
    "actor": None,
    "reason": None,
    "undone": None,
}
_BY_HAND: dict[str, Any] = {
    **MERGE,
    "rule": "manual",
    "identifier": None,
    "strongest": None,
    "touchpoint_id": None,
    "actor": "ada@example.com",
    "reason": "the same passport",
    "undone": {"at": "2024-05-02T09:30:00Z", "actor": "ada@example.com", "reason": "her sister"},
}
_HELD: dict[str, Any] = {
    "type": "phone",
    "value": "139****0001",
    "first_seen_at": "2024-05-01T07:58:12Z",
    "touchpoint_id": _TOUCHPOINT,
    "verified": True,
    "quarantined": False,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "Reason": {"reason": "her sister"},
    "MergeRequest": {"customer_ids": [_OLDER, _NEWER], "reason": "the same passport"},
    "Merge": MERGE,
    "MergePage": {"items": [_BY_HAND, MERGE], "next_cursor": None},
    "UndoneMerge": {
        "merge_id": MERGE["merge_id"],
        "customer_id": _NEWER,
        "parted_from": _OLDER,
        "fragments": [_NEWER],
        "undone_at": "2024-05-02T09:30:00Z",
    },
    "Explanation": {
        "customer_id": _OLDER,
        "redirected_from": _NEWER,
        "fragments": [
            {"profile_id": _OLDER, "founded_at": "2024-05-01T07:58:12Z", "identifiers": [_HELD]},
            {"profile_id": _NEWER, "founded_at": "2024-05-01T07:59:30Z", "identifiers": []},
        ],
        "merges": [MERGE],
        "other": _OLDER,
        "path": [{"merge_id": MERGE["merge_id"], "from_profile_id": _NEWER, "to_profile_id": _OLDER}],
    },
}
