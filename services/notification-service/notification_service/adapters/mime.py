"""Messages as MIME."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from notification_service.application.ports import Email


@dataclass(frozen=True)
class Sender:
    """Who messages are from. `domain` is the right side of their message ids."""

    address: str
    domain: str
    now: Callable[[], datetime]

    @property
    def envelope(self) -> str:
        """The bare address of the sender."""
        return parseaddr(self.address)[1]


def encode(email: Email, sender: Sender) -> bytes:
    """Return the message as RFC 5322 bytes; its Message-ID is the send id, the same at every attempt.

    Raises ValueError when the address cannot stand in a header.
    """
    if not email.address.isascii() or not email.address.isprintable() or email.address.count("@") != 1:
        raise ValueError("the address is not one plain ASCII address")
    message = EmailMessage(policy=SMTP)
    message["From"] = sender.address
    message["To"] = email.address
    # A line break would start another header.
    message["Subject"] = " ".join(email.content.subject.split())
    message["Date"] = format_datetime(sender.now())
    message["Message-ID"] = message_id(email, sender)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(email.content.body, cte="base64")
    return message.as_bytes()


def message_id(email: Email, sender: Sender) -> str:
    """Return the Message-ID."""
    return f"<{email.send_id}@{sender.domain}>"
