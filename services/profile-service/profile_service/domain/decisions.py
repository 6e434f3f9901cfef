"""What resolution decides: identifiers attached, customers merged, links refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID


class Attachment(NamedTuple):
    """A new identifier, the fragment that owns it from now on, and the touchpoint (by position) that brought it."""

    hash: bytes
    type: str
    profile_id: UUID
    position: int


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

    `reason` is `limit`, `fragments_per_customer` or `may_link`; `rule_type` is the identifier type that met its limit.
    """

    position: int
    strongest_hash: bytes
    identifier_hash: bytes
    identifier_type: str
    reason: str
    rule_type: str


@dataclass(slots=True)
class Resolution:
    """What a batch changes. `placements` holds the fragment of each touchpoint, by position."""

    placements: list[UUID] = field(default_factory=list)
    founded: dict[UUID, int] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
