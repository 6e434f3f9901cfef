"""What resolution decides: identifiers attached and moved, customers merged, links refused and put up for review."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from uuid import UUID

TOO_MANY_VALUES = "limit"
TOO_MANY_FRAGMENTS = "fragments_per_customer"
TOO_MANY_MERGES = "merge_rate"
MAY_NOT_LINK = "may_link"
UNDONE = "undone"
NOT_VERIFIED = "must_verify"
QUARANTINED = "quarantined"
OF_ENTERPRISE = "enterprise"

EventKind = Literal["verified", "quarantined", "rehomed", "transferred"]
SuggestionSource = Literal["cluster_size", "merge_rate"]


class Attachment(NamedTuple):
    """A new identifier, the fragment that owns it from now on, and the touchpoint (by position) that brought it."""

    hash: bytes
    type: str
    profile_id: UUID
    position: int
    verified: bool


class Standing(NamedTuple):
    """How an identifier stands: its owner, or in quarantine the fragment of its own if it has one yet.

    `verified`: its owner proved to hold it; `changes`: how often it went from one person to another.
    """

    profile_id: UUID | None
    quarantined: bool = False
    verified: bool = False
    changes: int = 0


class IdentifierChange(NamedTuple):
    """How an identifier stood before the batch, or when the batch attached it, and how it stands after it."""

    before: Standing
    after: Standing


class IdentifierEvent(NamedTuple):
    """Something that happened to an identifier after it was attached; `position` is that of the touchpoint."""

    hash: bytes
    kind: EventKind
    profile_id: UUID | None
    former_profile_id: UUID | None
    position: int
    reason: str


class Merge(NamedTuple):
    """Two customers found to be one; `moved` fragments with their new versions; the evidence.

    `home_profile_id` and `owner_profile_id` are the fragments that met: the touchpoint's, and that of the linking
    identifier. `strongest_hash` is None where the touchpoint named the customer. A merge by hand has the type
    `manual`, an empty hash, and its own id in place of a touchpoint's.
    """

    merge_id: UUID
    customer_id: UUID
    absorbed_customer_id: UUID
    moved: tuple[tuple[UUID, int], ...]
    touchpoint_id: UUID
    identifier_type: str
    identifier_hash: bytes
    home_profile_id: UUID
    owner_profile_id: UUID
    strongest_hash: bytes | None


class Refusal(NamedTuple):
    """A link that a rule refused between the strongest identifier of a touchpoint and another of its identifiers.

    `reason` is one of the constants of this module; `rule_type` is the identifier type that met its limit.
    `strongest_hash` is the id of the customer's fragment where the touchpoint named that.
    """

    position: int
    strongest_hash: bytes
    identifier_hash: bytes
    identifier_type: str
    reason: str
    rule_type: str


class Suggestion(NamedTuple):
    """Two customers (the smaller id first) whom a limit on merging kept apart: a person shall decide."""

    left_profile_id: UUID
    right_profile_id: UUID
    source: SuggestionSource
    identifier_type: str
    position: int


@dataclass(slots=True)
class Resolution:
    """What a batch changes. `placements` holds the fragment of each touchpoint, by position.

    `changes` are net, by identifier hash; `events` say what led to them, in order.
    """

    placements: list[UUID] = field(default_factory=list)
    founded: dict[UUID, int] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    changes: dict[bytes, IdentifierChange] = field(default_factory=dict)
    events: list[IdentifierEvent] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
