"""What the audit keeps of one access to personal data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Access:
    """Somebody read, or is about to read, something of somebody. Nothing in it but `reason` is personal.

    `action` is method and route, `fields` the class of what was read, `detail` what narrows it (a type, a name; never
    a value). `people` are the fragments whose data was shown; `look_up` is the keyed hash of a value asked for.
    """

    subject: str
    role: str
    action: str
    fields: str
    people: Collection[UUID] = ()
    clear: bool = False
    reason: str | None = None
    look_up: bytes | None = None
    detail: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an access stands among all accesses of all services, the newest first."""

    at: datetime
    chain_id: UUID
    sequence: int


@dataclass(frozen=True, slots=True)
class KeptAccess:
    """An access as it is kept: in place of the reason its keyed digest, `people` sorted."""

    chain_id: UUID
    sequence: int
    at: datetime
    subject: str
    role: str
    action: str
    fields: str
    clear: bool
    detail: str
    request_id: str
    look_up: bytes | None
    reason_digest: bytes | None
    people: tuple[UUID, ...]

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.at, self.chain_id, self.sequence)
