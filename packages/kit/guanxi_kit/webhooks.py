"""Signed callbacks, both ways, as the Standard Webhooks specification has them.

The signature is HMAC-SHA256 over `<id>.<timestamp>.<body>`, so that neither the body nor its time can be changed,
nor an old one be sent again. Libraries for it exist in most languages (standardwebhooks.com).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"
_VERSION = "v1,"


class BadSignature(Exception):
    """The callback is not from who it says, or not of now; the message says which, without its content."""


def secret_key(secret: str) -> bytes:
    """Return the key of a secret: base64 behind `whsec_`, or the text itself. Raises ValueError."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64 behind whsec_") from None


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a callback. A callback that is tried again keeps its id."""
    timestamp = str(int(at.timestamp()))
    return {
        ID: message_id,
        TIMESTAMP: timestamp,
        SIGNATURE: _VERSION + _signature(secret, message_id, timestamp, body),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Return the id of a callback that the secret signed within the last five minutes. Raises BadSignature."""
    message_id, timestamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    if not message_id or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise BadSignature(f"{ID} and {TIMESTAMP} are needed")
    expected = _signature(secret, message_id, timestamp, body)
    given = [
        one.removeprefix(_VERSION) for one in headers.get(SIGNATURE, "").split() if one.startswith(_VERSION)
    ]
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in given):
        raise BadSignature(f"{SIGNATURE} is not of this content")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise BadSignature(f"{TIMESTAMP} is not of now")
    return message_id


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.digest(secret_key(secret), signed, hashlib.sha256)).decode()
