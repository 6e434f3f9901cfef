"""The brief before a contact."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from guanxi_gateway.api.schemas import case_examples, tasks
from guanxi_gateway.api.schemas.cases import CaseItem
from guanxi_gateway.api.schemas.classification import CustomerTag, LifecycleStage
from guanxi_gateway.api.schemas.consents import ConsentReason
from guanxi_gateway.api.schemas.customer import Purchases, RfmScore, RiskScore
from guanxi_gateway.api.schemas.document import Document
from guanxi_gateway.api.schemas.surveys import Satisfaction
from guanxi_gateway.api.schemas.tasks import TaskItem
from guanxi_gateway.api.schemas.timeline import TimelineItem


class LastContacts(Document):
    """The last five contacts over all channels, the newest first, with what was said."""

    items: list[TimelineItem]
    more: bool


class OpenCases(Document):
    """Unresolved problems, ten at most, the promise due next first."""

    items: list[CaseItem]
    more: bool


class OpenTasks(Document):
    """What is to be done, ten at most, what is due first before the others."""

    items: list[TaskItem]
    more: bool


class CustomerValue(Document):
    """What the customer bought; `rfm` is null for who was not scored yet."""

    purchases: Purchases
    rfm: RfmScore | None


class ForbiddenContact(Document):
    """What the customer may not be contacted for, how, and why."""

    purpose: str
    channel: str
    reason: ConsentReason


class OfferText(Document):
    """An offer in words."""

    zh: str
    en: str


class OfferHint(Document):
    """What to offer, as the pack declares it."""

    name: str
    offer: OfferText


Part = Literal["view", "last_contacts", "open_cases", "open_tasks"]


def _only_missing_is_sure(schema: dict[str, Any]) -> None:
    """What a service did not answer is left out, never null."""
    schema["required"] = ["missing"]


class CustomerBrief(Document):
    """What is worth knowing before a contact; `missing` names parts whose service did not answer in time.

    Without `view` everything but the three lists is left out.
    """

    model_config = ConfigDict(json_schema_extra=_only_missing_is_sure)

    customer_id: UUID
    customer_number: str
    redirected_from: UUID | None
    name: str | None
    kind: str
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    touchpoints: int = Field(ge=0)
    tags: list[CustomerTag]
    lifecycle: LifecycleStage | None
    preferences: dict[str, Any]
    value: CustomerValue
    risk: RiskScore | None
    satisfaction: Satisfaction
    forbidden: list[ForbiddenContact]
    offers: list[OfferHint]
    last_contacts: LastContacts
    open_cases: OpenCases
    open_tasks: OpenTasks
    missing: list[Part]


def example(view: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """Return an example out of those of a view and of an entry of a timeline."""
    return {
        **{name: view[name] for name in ("customer_id", "customer_number", "redirected_from")},
        **{
            name: view[name] for name in ("first_seen_at", "last_seen_at", "touchpoints", "tags", "lifecycle")
        },
        "name": "A**",
        "kind": "individual",
        "preferences": {"interests": ["coffee"]},
        "value": {"purchases": view["purchases"], "rfm": view["scores"]["rfm"]},
        "risk": view["scores"]["risk"],
        "forbidden": [{"purpose": "marketing", "channel": "sms", "reason": "unknown_denied"}],
        "offers": [
            {
                "name": "solve_first",
                "offer": {"zh": "先解决未结问题，再谈销售", "en": "Solve what is open before you sell"},
            }
        ],
        "last_contacts": {"items": [entry], "more": True},
        "open_cases": {"items": [case_examples.ITEM], "more": False},
        "open_tasks": {"items": [tasks.ITEM], "more": False},
        "satisfaction": view["satisfaction"],
        "missing": [],
    }
