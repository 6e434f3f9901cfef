"""Documents of the privacy API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

RequestState = Literal["open", "alarm", "overdue", "complete", "failed"]
ReceiptState = Literal["pending", "sent", "acknowledged", "done", "retained", "failed"]
Ground = Annotated[str, Field(min_length=3, max_length=300)]


class IdentifierAsked(BaseModel):
    """An identifier as a person would write it."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, Field(min_length=1, max_length=64)]
    value: Annotated[str, Field(min_length=1, max_length=512)]
    namespace: Annotated[str, Field(max_length=512)] = ""


class Hold(BaseModel):
    """A kind of record that the law wants kept, and the ground for it, without personal data."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    kind: Literal["consents", "purchases"]
    ground: Ground


class ErasureAskedFor(BaseModel):
    """Whom to erase, by exactly one of `customer_id` and `identifier`, and why."""

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID | None = None
    identifier: IdentifierAsked | None = None
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    legal_holds: Annotated[list[Hold], Field(max_length=2)] = []

    @model_validator(mode="after")
    def _one_person(self) -> Self:
        if (self.customer_id is None) == (self.identifier is None):
            raise ValueError("give exactly one of customer_id and identifier")
        if len({hold.kind for hold in self.legal_holds}) < len(self.legal_holds):
            raise ValueError("name each kind of legal_holds once")
        return self


class Place(BaseModel):
    """Where one place stands. `erased` counts what was removed, by kind."""

    model_config = ConfigDict(from_attributes=True)

    place: str
    state: ReceiptState
    updated_at: datetime
    erased: dict[str, int]
    legal_ground: str | None
    retained_until: datetime | None
    detail: str | None
    attempts: int
    next_attempt_at: datetime | None


class ErasureSummary(BaseModel):
    """A request for erasure. `suppressed` counts touchpoints that came after all and were not taken in."""

    request_id: UUID
    state: RequestState
    requested_at: datetime
    requested_by: str
    reason: str | None
    alarm_at: datetime
    deadline_at: datetime
    completed_at: datetime | None
    fragments: int
    suppressed: int
    legal_holds: list[Hold]
    progress: dict[ReceiptState, int]


class Erasure(ErasureSummary):
    """A request for erasure with every place that answers for it."""

    places: list[Place]


class Erasures(BaseModel):
    """A page of requests, the newest first."""

    items: list[ErasureSummary]
    next_cursor: str | None


class ReceiptGiven(BaseModel):
    """What a person found out about a place, for example from a letter. `retained` needs a `legal_ground`."""

    model_config = ConfigDict(extra="forbid")

    place: Annotated[str, Field(min_length=1, max_length=200)]
    state: Literal["done", "retained", "failed"]
    legal_ground: Ground | None = None

    @model_validator(mode="after")
    def _with_ground(self) -> Self:
        if (self.state == "retained") != (self.legal_ground is not None):
            raise ValueError("legal_ground belongs to the state retained, which needs one")
        return self
