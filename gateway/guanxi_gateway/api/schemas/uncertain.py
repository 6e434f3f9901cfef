"""Uncertain mails."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Reason = Annotated[str, Field(min_length=10, max_length=500)]


class UncertainMail(BaseModel):
    """A mail to a customer (`message`) or to staff (`notice`) that was handed over; nobody knows whether it went.

    `mail_id` is its Message-ID, to be looked for in the mail server's log. `profile_id` is the fragment of the customer
    whom it is about, `recipient` who of the staff was to get a notice.
    """

    kind: Literal["message", "notice"]
    message_id: UUID
    mail_id: str
    profile_id: UUID
    template: str
    recipient: str | None
    provider: str | None
    attempts: int
    planned_at: datetime
    changed_at: datetime


class UncertainMailPage(BaseModel):
    """Those that became uncertain last first. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[UncertainMail]
    next_cursor: str | None


class ResendReason(BaseModel):
    """Why it is sent again; kept in the access audit."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class MailOutcome(ResendReason):
    """What became of it, as somebody found out: it went, or it is given up."""

    outcome: Literal["sent", "failed"]


class MailSettled(BaseModel):
    """How it stands now."""

    message_id: UUID
    state: Literal["sent", "failed", "planned"]


_ID = "5b7f3a52-8c00-5d1e-b0a4-5f2e6c9d1b37"
EXAMPLES: dict[str, dict[str, Any]] = {
    "UncertainMailPage": {
        "items": [
            {
                "kind": "message",
                "message_id": _ID,
                "mail_id": f"<{_ID}@guanxi.example>",
                "profile_id": "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37",
                "template": "welcome",
                "recipient": None,
                "provider": "smtp",
                "attempts": 1,
                "planned_at": "2026-05-20T08:00:00Z",
                "changed_at": "2026-05-20T08:02:10Z",
            }
        ],
        "next_cursor": None,
    },
    "ResendReason": {"reason": "not in the mail server's log"},
    "MailOutcome": {"outcome": "sent", "reason": "in the mail server's log at 08:00:04"},
    "MailSettled": {"message_id": _ID, "state": "sent"},
}
