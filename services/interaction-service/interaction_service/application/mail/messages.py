"""The messages of the Segment protocol that become of an e-mail."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from interaction_service.application.mail.model import Mail
from interaction_service.domain.limits import MAX_EVENT_BYTES
from interaction_service.domain.refusal import Refused

RECEIVED = "Email Received"
AUTOMATIC = "Automatic Reply Received"
BOUNCED = "Email Bounced"
_ENCODE = msgspec.json.Encoder().encode


def messages_of(mail: Mail, arrived_at: datetime, own: Collection[str]) -> list[bytes]:
    """Return the messages of a mail that arrived at that moment; none of one from `own` addresses (lower case).

    Raises Refused for a mail that says of nobody.
    """
    if mail.nature == "bounce":
        return [
            _message(
                f"{mail.identity}/{place}",
                BOUNCED,
                failure.address,
                arrived_at,
                status=failure.status,
                permanent=failure.is_permanent,
                message_id=mail.original_id,
            )
            for place, failure in enumerate(mail.failures)
        ]
    if mail.sender.lower() in own:
        return []
    if not mail.sender:
        raise Refused("from", "names no address")
    event = RECEIVED if mail.nature == "personal" else AUTOMATIC
    message = _message(mail.identity, event, mail.sender, arrived_at, **_said(mail))
    while len(message) > MAX_EVENT_BYTES and mail.text:
        # Quotation marks and backslashes take twice their place.
        mail = replace(mail, text=mail.text[: len(mail.text) // 2], is_cut=True)
        message = _message(mail.identity, event, mail.sender, arrived_at, **_said(mail))
    return [message]


def _said(mail: Mail) -> dict[str, Any]:
    said: dict[str, Any] = {
        "subject": mail.subject,
        "text": mail.text,
        "sender_name": mail.sender_name,
        "in_reply_to": mail.in_reply_to,
        "case_number": mail.case_number,
        "attachments": [
            {"name": one.name, "media_type": one.media_type, "size": one.size} for one in mail.attachments
        ],
        "is_cut": mail.is_cut,
    }
    return {name: value for name, value in said.items() if value not in (None, "", [], False)}


def _message(identity: str, event: str, address: str, arrived_at: datetime, **properties: Any) -> bytes:
    message = {
        "type": "track",
        "messageId": f"mail:{identity}",
        "event": event,
        "timestamp": arrived_at.isoformat(),
        "context": {"traits": {"email": address}},
        "properties": properties,
    }
    return _ENCODE(message)
