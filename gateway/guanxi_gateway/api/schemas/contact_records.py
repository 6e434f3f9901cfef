"""Contacts with customers, as staff record them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document
from guanxi_gateway.api.schemas.tasks import CONTACT_ID, TASK_ID, Line, Text

ContactKind = Literal["call", "visit", "reception", "exhibition", "message", "other"]
Direction = Literal["inbound", "outbound"]


class ContactPerson(Document):
    """Somebody of the customer's side who took part."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    role: Line | None = None


class NextAction(Document):
    """What is to be done next: it becomes a task, the caller's where no owner is named."""

    model_config = ConfigDict(extra="forbid")

    action: Line
    notes: Text | None = None
    due_at: AwareDatetime
    remind_at: AwareDatetime | None = None
    owner: Line | None = None
    team: Line | None = None


class ContactCorrection(BaseModel):
    """A contact as it was. `seconds`: how long it took; `staff`: who took part, the caller where nobody is named."""

    model_config = ConfigDict(extra="forbid")

    kind: ContactKind
    direction: Direction
    at: Annotated[AwareDatetime, Field(description="When, within the last 366 days.")]
    seconds: Annotated[int, Field(ge=0, le=604_800)] | None = None
    staff: Annotated[list[Line], Field(max_length=50)] = []
    persons: Annotated[list[ContactPerson], Field(max_length=50)] = []
    text: Annotated[Text, Field(description="What was said.")]
    outcome: Text | None = None
    case_id: UUID | None = None


class ContactRecording(ContactCorrection):
    """A contact with a customer, and what is to be done next."""

    follow_up: NextAction | None = None


class ContactStanding(Document):
    """A contact as it was recorded; `task_id` is the follow-up, `touchpoint_id` its place on the timeline."""

    contact_id: UUID
    profile_id: UUID
    touchpoint_id: UUID
    kind: ContactKind
    direction: Direction
    at: datetime
    seconds: int | None
    staff: list[str]
    case_id: UUID | None
    task_id: UUID | None
    corrects: UUID | None
    recorded_at: datetime
    actor: str


class ShownPerson(Document):
    """Somebody of the customer's side who took part, by masked name."""

    name: str
    role: str | None


class ContactRecord(ContactStanding):
    """A contact in a list; texts are masked. `corrected_by` is the record that stands in its place."""

    customer_id: UUID | None
    corrected_by: UUID | None
    text: str | None
    outcome: str | None
    persons: list[ShownPerson]


class ContactRecordPage(Document):
    """Contacts, the newest first. `next_cursor` asks for the page behind; null on the last."""

    items: list[ContactRecord]
    next_cursor: str | None


_CUSTOMER = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
STANDING: dict[str, Any] = {
    "contact_id": CONTACT_ID,
    "profile_id": _CUSTOMER,
    "touchpoint_id": "5e1f9b7c-2a40-4d6e-8b93-0c7d1a2f4e65",
    "kind": "call",
    "direction": "inbound",
    "at": "2024-05-01T08:00:00Z",
    "seconds": 300,
    "staff": ["agent-7"],
    "case_id": None,
    "task_id": TASK_ID,
    "corrects": None,
    "recorded_at": "2024-05-01T08:20:00Z",
    "actor": "agent-7",
}
_SPOKEN: dict[str, Any] = {
    "kind": "call",
    "direction": "inbound",
    "at": "2024-05-01T08:00:00Z",
    "seconds": 300,
    "text": "Asks for an offer for ten kettles.",
    "outcome": "An offer by tomorrow",
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "ContactRecording": {
        **_SPOKEN,
        "persons": [{"name": "Ada Example", "role": "buyer"}],
        "follow_up": {
            "action": "Send the offer",
            "due_at": "2024-05-02T02:00:00Z",
            "remind_at": "2024-05-02T01:00:00Z",
        },
    },
    "ContactCorrection": {**_SPOKEN, "text": "Asks for an offer for twelve kettles."},
    "ContactStanding": STANDING,
    "ContactRecordPage": {
        "items": [
            {
                **STANDING,
                "customer_id": _CUSTOMER,
                "corrected_by": None,
                "text": "Asks for an offer for ten kettles.",
                "outcome": "An offer by tomorrow",
                "persons": [{"name": "A** E**", "role": "buyer"}],
            }
        ],
        "next_cursor": None,
    },
}
