"""The record of a customer: fields, contacts, what nobody declared."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from guanxi_gateway.api.schemas.document import Document
from guanxi_gateway.api.schemas.traits import Because

CustomerKind = Literal["individual", "enterprise"]
InformationClass = Literal["basic", "dealings", "need", "preference", "feedback"]


class RecordFieldValue(Document):
    """A field with its value: who told it and why they are believed, and whether it is valid.

    `source` is `identifier` where an identifier fills the field, and `derived` where it follows from the customer's
    dealings; both have no channel.
    """

    value: Any
    type: Literal["text", "phone", "email", "date", "number", "choice"]
    required: bool
    valid: bool
    reason: str | None
    source: Literal["staff", "channel", "identifier", "derived"]
    channel: str | None
    because: Because | None
    occurred_at: datetime | None


class ToFix(Document):
    """A field to mend: a required one is missing, or what a source told is invalid."""

    field: str
    code: Literal["missing", "invalid"]
    reason: str
    value: Any
    channel: str | None
    occurred_at: datetime | None


class YearlyAmount(Document):
    """Purchases of the business year in the main currency, in minor units.

    Not `complete` where the year of some purchases is not known.
    """

    year: int
    currency: str
    purchases: int = Field(ge=0)
    amount_minor: int
    complete: bool


class LinkedCustomer(Document):
    """A person who acts for an enterprise, or the enterprise: as a customer, in which role, since and until when."""

    customer_id: UUID
    customer_number: str
    name: Any
    role: str | None
    since: datetime
    until: datetime | None


class Record(Document):
    """The record of a customer.

    `completeness` is the share of `required` fields that are `filled` and valid, null where none is required. `fields`
    holds those with a value, by class of information. `contacts` are the first persons of an enterprise, `enterprises`
    those of a person. `undeclared` names traits that the pack declares no field for.
    """

    kind: CustomerKind
    completeness: float | None
    required: int = Field(ge=0)
    filled: int = Field(ge=0)
    first_contact_at: datetime | None
    yearly_amount: YearlyAmount | None
    fields: dict[InformationClass, dict[str, RecordFieldValue]]
    to_fix: list[ToFix]
    contacts: list[LinkedCustomer]
    more_contacts: bool
    enterprises: list[LinkedCustomer]
    undeclared: list[str]


class EnterpriseContact(LinkedCustomer):
    """A person who acts for an enterprise, with where to reach them."""

    phone: str | None
    email: str | None


class ContactPage(Document):
    """Contacts of an enterprise, in the order in which they were first known."""

    items: list[EnterpriseContact]
    next_cursor: str | None


class UndeclaredField(Document):
    """A field that is told although no purpose covers it: not declared at all, or declared without a purpose.

    The empty name stands for all fields together that are too many to be named.
    """

    name: str
    channel: str
    reason: Literal["undeclared", "no_purpose"]
    first_at: datetime
    last_at: datetime
    times: int = Field(ge=1)


class UndeclaredFields(Document):
    """A page of undeclared fields, by name."""

    items: list[UndeclaredField]
    next_cursor: str | None


_ID = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
_ENTERPRISE = {
    "customer_id": "018f3a52-9c10-7a44-9d21-3f1c5be07a90",
    "customer_number": "C20240501002",
    "name": "Analytical Engines Ltd",
    "role": "Purchasing",
    "since": "2024-05-01T07:58:12Z",
    "until": None,
}
RECORD: dict[str, Any] = {
    "kind": "individual",
    "completeness": 0.6667,
    "required": 3,
    "filled": 2,
    "first_contact_at": "2024-05-01T07:58:12Z",
    "yearly_amount": {
        "year": 2024,
        "currency": "CNY",
        "purchases": 1,
        "amount_minor": 4250,
        "complete": True,
    },
    "fields": {
        "basic": {
            "name": {
                "value": "A**",
                "type": "text",
                "required": True,
                "valid": True,
                "reason": None,
                "source": "staff",
                "channel": "staff",
                "because": "precedence",
                "occurred_at": "2024-05-01T07:58:12Z",
            }
        }
    },
    "to_fix": [
        {
            "field": "phone",
            "code": "invalid",
            "reason": "is not a telephone number",
            "value": "****",
            "channel": "web",
            "occurred_at": "2024-05-01T07:58:12Z",
        }
    ],
    "contacts": [],
    "more_contacts": False,
    "enterprises": [_ENTERPRISE],
    "undeclared": ["shoe_size"],
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "ContactPage": {
        "items": [
            {
                "customer_id": _ID,
                "customer_number": "C20240501001",
                "name": "A**",
                "role": "Purchasing",
                "since": "2024-05-01T07:58:12Z",
                "until": None,
                "phone": "139****1234",
                "email": "a****@example.com",
            }
        ],
        "next_cursor": None,
    },
    "UndeclaredFields": {
        "items": [
            {
                "name": "shoe_size",
                "channel": "web",
                "reason": "undeclared",
                "first_at": "2024-05-01T07:58:12Z",
                "last_at": "2024-05-02T09:00:00Z",
                "times": 12,
            }
        ],
        "next_cursor": None,
    },
}
