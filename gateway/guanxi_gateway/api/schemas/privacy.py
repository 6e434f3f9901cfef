"""Erasure, its certificates and ledger, and the partners who erase as well."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document

ErasureState = Literal["open", "alarm", "overdue", "complete", "failed"]
PlaceState = Literal["pending", "sent", "acknowledged", "done", "retained", "failed"]
Ground = Annotated[str, Field(min_length=3, max_length=300)]
Hexadecimal = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ErasureIdentifier(_Asked):
    """An identifier as a person would write it."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    value: Annotated[str, Field(min_length=1, max_length=512)]
    namespace: Annotated[str, Field(max_length=512)] = ""


class LegalHold(_Asked):
    """A kind of record that the law wants kept, and the ground for it, without personal data."""

    kind: Literal["consents", "purchases"]
    ground: Ground


class ErasureAsked(_Asked):
    """Whom to erase, by exactly one of `customer_id` and `identifier`, and why."""

    customer_id: UUID | None = None
    identifier: ErasureIdentifier | None = None
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    legal_holds: Annotated[list[LegalHold], Field(max_length=2)] = []


class ErasurePlace(Document):
    """Where one place stands. `erased` counts what was removed, by kind."""

    place: str
    state: PlaceState
    updated_at: datetime
    erased: dict[str, int]
    legal_ground: str | None
    retained_until: datetime | None
    detail: str | None
    attempts: int
    next_attempt_at: datetime | None


class ErasureSummary(Document):
    """A request for erasure. `suppressed` counts touchpoints that came after all and were not taken in."""

    request_id: UUID
    state: ErasureState
    requested_at: datetime
    requested_by: str
    reason: str | None
    alarm_at: datetime
    deadline_at: datetime
    completed_at: datetime | None
    fragments: int
    suppressed: int
    legal_holds: list[LegalHold]
    progress: dict[PlaceState, int]


class Erasure(ErasureSummary):
    """A request for erasure with every place that answers for it."""

    places: list[ErasurePlace]


class ErasurePage(Document):
    """A page of requests, the newest first."""

    items: list[ErasureSummary]
    next_cursor: str | None


class ErasureReceiptGiven(_Asked):
    """What a person found out about a place, for example from a letter. `retained` needs a `legal_ground`."""

    place: Annotated[str, Field(min_length=1, max_length=200)]
    state: Literal["done", "retained", "failed"]
    legal_ground: Ground | None = None


class CertifiedPlace(_Asked):
    """What became of the person's data in one place, since when, and how much of it there was."""

    place: str
    state: PlaceState
    at: datetime
    erased: dict[str, int]
    legal_ground: str | None
    retained_until: datetime | None


class ErasureStatement(_Asked):
    """What is certified. It is an interim one until `complete`."""

    request_id: UUID
    state: ErasureState
    complete: bool
    requested_at: datetime
    completed_at: datetime | None
    deadline_at: datetime
    issued_at: datetime
    suppressed: int
    places: list[CertifiedPlace]


class CertificateSignature(_Asked):
    """Made with a key of this installation, which alone can verify it."""

    algorithm: Literal["HMAC-SHA256-128"]
    value: str


class ErasureCertificate(_Asked):
    """A statement and its signature."""

    statement: ErasureStatement
    signature: CertificateSignature


class CertificateVerdict(Document):
    """Whether this installation issued a certificate as it stands."""

    valid: bool


class LedgerEntry(_Asked):
    """Whom to erase, by ids and keyed hashes. `signature` says that this installation wrote it."""

    request_id: UUID
    requested_at: datetime
    customer_ids: Annotated[list[UUID], Field(max_length=10_000)]
    profile_ids: Annotated[list[UUID], Field(max_length=10_000)]
    tombstones: Annotated[list[Hexadecimal], Field(max_length=100_000)]
    holds: Annotated[list[LegalHold], Field(max_length=2)] = []
    signature: Hexadecimal


class LedgerReplay(_Asked):
    """Entries of an exported ledger, in any order."""

    entries: Annotated[list[LedgerEntry], Field(min_length=1, max_length=500)]


class LedgerReplayed(Document):
    """How many entries were told to every service again, and how many the database did not know."""

    replayed: int
    erased_again: int


class PartnerAsked(_Asked):
    """A partner to tell of erasures. `secret` signs both ways; a base64 one begins with `whsec_`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    url: Annotated[str, Field(min_length=8, max_length=500)]
    status_url: Annotated[str | None, Field(min_length=8, max_length=500)] = None
    secret: Annotated[str, Field(min_length=16, max_length=200, pattern=r"^[!-~]+$")]
    identifier_types: Annotated[list[str], Field(min_length=1, max_length=50)]


class Partner(Document):
    """A registered partner; its secret is never shown."""

    partner_id: UUID
    name: str
    url: str
    status_url: str | None
    identifier_types: list[str]
    created_at: datetime
    created_by: str
    disabled_at: datetime | None


class PartnerPage(Document):
    """All partners; there are few, and `next_cursor` is always null."""

    items: list[Partner]
    next_cursor: str | None


class PartnerReceipt(BaseModel):
    """What a partner tells of a request; `retained` needs a `legal_ground`."""

    request_id: UUID
    partner_id: UUID
    state: Literal["acknowledged", "done", "retained", "failed"]
    legal_ground: Annotated[str | None, Field(max_length=300)] = None


class PartnerReceiptTaken(Document):
    """Where the partner stands now; `moved` is false when it had come further before."""

    request_id: UUID
    place: str
    moved: bool
