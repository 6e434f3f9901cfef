"""What the application needs from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from notification_service.application.commands import Membership
from notification_service.domain.messages import Code, State


class EnrolmentRow(NamedTuple):
    """A fragment's enrolment: by which fragment's purchase, in which version of the journey."""

    profile_id: UUID
    origin_profile_id: UUID
    journey_version: str
    touchpoint_id: UUID


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to log: to send when `state` is planned."""

    send_id: UUID
    journey: str
    journey_version: str
    step: int
    profile_id: UUID
    touchpoint_id: UUID | None
    channel: str
    template: str
    state: State
    once: bool
    survey_id: UUID | None = None


class Decision(NamedTuple):
    """Why (not) sent. `detail` holds figures and codes, never personal data."""

    send_id: UUID
    code: Code
    detail: Mapping[str, str | int]


class PlanStore(Protocol):
    """Enrolments and plans, inside one transaction; rows are written in sorted order."""

    async def keep_memberships(self, memberships: Sequence[Membership]) -> None: ...
    async def fragments_beside(self, profile_ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
        """Return all fragments of the customer of each of these fragments, by the memberships known here."""
        ...

    async def enrol(self, journey: str, rows: Sequence[EnrolmentRow], now: datetime) -> set[UUID]:
        """Enrol fragments and return those that were not; waits for whoever is enrolling one of them just now."""
        ...

    async def origins(self, journey: str, profile_ids: Collection[UUID]) -> dict[UUID, EnrolmentRow]: ...
    async def adopt(self, journey: str, rows: Sequence[EnrolmentRow]) -> None:
        """Point enrolments at the one they turned out to belong to."""
        ...

    async def plan(self, messages: Sequence[NewMessage], now: datetime) -> None: ...
    async def log(self, decisions: Sequence[Decision], now: datetime) -> None: ...


class Invitation(NamedTuple):
    """What the link of a survey is made of; whether it may still be answered."""

    survey_id: UUID
    expires_at: datetime
    nonce: bytes
    is_open: bool


@dataclass(frozen=True, slots=True)
class Reserved:
    """A message in hand. `attempt` identifies this reservation; a later one takes the message away from it."""

    send_id: UUID
    journey: str
    step: int
    profile_id: UUID
    customer_id: UUID
    channel: str
    template: str
    planned_at: datetime
    attempt: int
    once: bool
    was_sending: bool
    provider: str | None
    invitation: Invitation | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a message in hand."""

    message: Reserved
    state: State
    code: Code
    due_at: datetime | None = None
    provider: str | None = None
    detail: Mapping[str, str | int] = field(default_factory=dict)


class Started(NamedTuple):
    """Messages to hand over, and messages whose once-only step has served, or is serving, the same address."""

    started: frozenset[UUID]
    served: frozenset[UUID]


class DispatchStore(Protocol):
    """Messages in hand, inside one transaction. Every change holds only for the reservation that makes it."""

    async def reserve(self, now: datetime, lease_until: datetime, limit: int) -> list[Reserved]: ...
    async def complaining(self, customer_ids: Collection[UUID]) -> frozenset[UUID]:
        """Return those of these customers who have an open complaint."""
        ...

    async def start(
        self, starts: Sequence[tuple[Reserved, bytes]], provider: str, lease_until: datetime
    ) -> Started:
        """Mark messages as being sent to the (hashed) addresses, as far as they are still in this reservation."""
        ...

    async def settle(self, settlements: Sequence[Settlement], now: datetime) -> list[Settlement]:
        """Write outcomes and return those that took effect."""
        ...


class Contact(NamedTuple):
    """Where a customer can be reached and what templates may say."""

    address: str | None
    traits: Mapping[str, Any]
    consent: bool | None


class ContactsUnavailable(Exception):
    """The profile service did not answer; the message is a short reason without personal data."""


class Contacts(Protocol):
    """The profile service's answer at the moment of sending, by customer id; unknown customers are absent."""

    async def fetch(self, customer_ids: Sequence[UUID], purpose: str | None) -> dict[UUID, Contact]:
        """Return who can be reached by e-mail, and whether they allow the purpose, if one is named."""
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """A rendered message."""

    subject: str
    body: str


class TemplateFailed(Exception):
    """The template cannot be rendered for this customer; the message says why without personal data."""


class Renderer(Protocol):
    def render(self, template: str, traits: Mapping[str, Any], survey_link: str | None) -> Content: ...


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail ready to go. Lives in memory only."""

    send_id: UUID
    address: str = field(repr=False)
    content: Content = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A provider's answer. `unknown`: it may or may not have accepted. `reason` is a short code such as `smtp_450`."""

    outcome: Literal["accepted", "refused", "deferred", "unknown"]
    reason: str = ""


class EmailProvider(Protocol):
    """Sends e-mails. `deliver` answers for each, in order, before the monotonic `deadline` as far as it can."""

    @property
    def name(self) -> str: ...

    async def deliver(self, emails: Sequence[Email], deadline: float) -> Sequence[Delivery]: ...

    async def was_accepted(self, send_id: UUID) -> bool | None:
        """True or False when the provider knows whether it accepted this message, None when it cannot tell."""
        ...
