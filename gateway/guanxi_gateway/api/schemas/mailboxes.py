"""Mailboxes of channels; docs/capture.md says what becomes of mails."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document

_Text = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Address = Annotated[str, Field(max_length=320, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]
Security = Literal["tls", "starttls", "plain"]


class MailboxAsked(BaseModel):
    """A mailbox to read by IMAP. Without a password the one that holds stays.

    Mails that arrived before `since` (now, unless it says otherwise) stay unread, and those from `own_addresses` are
    left out.
    """

    model_config = ConfigDict(extra="forbid")

    host: _Text
    port: int = Field(993, ge=1, le=65_535)
    security: Security = "tls"
    username: _Text
    password: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    folder: _Text = "INBOX"
    own_addresses: Annotated[list[_Address], Field(max_length=50)] = []
    since: AwareDatetime | None = None
    poll_seconds: int = Field(20, ge=1, le=3600)
    enabled: bool = True


class Mailbox(Document):
    """A mailbox and how reading it goes. `failure`: why it could not be read last; `taken`: touchpoints so far."""

    channel: str
    host: str
    port: int
    security: Security
    username: str
    folder: str
    own_addresses: list[str]
    since: datetime
    poll_seconds: int
    enabled: bool
    declared_by: str
    declared_at: datetime
    read_at: datetime | None
    failure: str | None
    taken: int
    refused: int


_MAILBOX: dict[str, Any] = {
    "channel": "service_mail",
    "host": "imap.example.com",
    "port": 993,
    "security": "tls",
    "username": "service@example.com",
    "folder": "INBOX",
    "own_addresses": ["service@example.com"],
    "since": "2024-05-01T08:00:00Z",
    "poll_seconds": 20,
    "enabled": True,
    "declared_by": "admin-1",
    "declared_at": "2024-05-01T08:00:00Z",
    "read_at": "2024-05-01T08:00:20Z",
    "failure": None,
    "taken": 12,
    "refused": 0,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "Mailbox": _MAILBOX,
    "MailboxAsked": {
        "host": "imap.example.com",
        "username": "service@example.com",
        "password": "a long random text",
        "own_addresses": ["service@example.com"],
    },
}
